"""The answer that clients of ECG4U expect: one yes or no per abnormality, under its names."""

from __future__ import annotations

from typing import Any

from engine.finding import Finding

FIELDS = ("image", "files")  # where its clients put the picture
CLASSES = {  # its name -> our label
    "afib": "AF",
    "iavb": "I-AVB",
    "lbbb": "LBBB",
    "rbbb": "RBBB",
    "pac": "PAC",
    "pvc": "PVC",
    "std": "STD",
    "ste": "STE",
}


def results(finding: Finding) -> dict[str, Any]:
    """`{"results": [{"classification": "afib", "result": true}, ...]}` of an answered `ecg` finding.

    Raises:
        ValueError: for a refused finding, which has no result.
    """
    if finding.refusal:
        raise ValueError("a refused finding has no result")
    positive = {label.code: label.positive for label in finding.labels}
    return {"results": [{"classification": name, "result": positive[code]} for name, code in CLASSES.items()]}
