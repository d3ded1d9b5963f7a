"""What is computed: a study goes in, a finding comes out. Imports no Streamlit and writes no file.

In three lines, from a notebook:

    from engine import registry, study
    analysis = registry.task("ecg").analyse(study.read_path("photo.jpg"))
    print(analysis.finding.to_json())
"""

SOFTWARE_VERSION = "0.1.0"
NOTICE = "Research use only. Not a medical device. Not for diagnosis or treatment decisions."
