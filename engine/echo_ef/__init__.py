"""Task `echo-ef`: the left ventricle in an apical four-chamber video, its volumes, and the ejection fraction of each beat."""
