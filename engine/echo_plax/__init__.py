"""Task `echo-plax`: six structures and their sizes in a parasternal long-axis video."""
