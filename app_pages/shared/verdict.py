"""The clinician's own reading; it goes into the finding that they download and nowhere else."""

from __future__ import annotations

import streamlit as st

from app_pages.shared.wording import unit_name
from engine.finding import Finding, Verdict

CHOICES = {"agree": "Agree", "disagree": "Disagree", "corrected": "Correct it"}


def verdict(finding: Finding, key: str) -> Verdict | None:
    """Asks for the verdict; None as long as none is given."""
    agreement = st.segmented_control(
        "Do you agree with this reading?", list(CHOICES), format_func=CHOICES.__getitem__, key=f"{key}-agreement"
    )
    if agreement is None:
        return None
    labels: tuple[str, ...] = tuple(label.code for label in finding.labels if label.positive)
    corrected: dict[str, float] = {}
    if agreement == "corrected":
        labels = _labels(finding, labels, key) if finding.labels else ()
        corrected = _values(finding, key)
    elif agreement == "disagree":
        labels = ()
    comment = st.text_area(
        "Comment", key=f"{key}-comment", max_chars=2000, height=80, placeholder="Optional; name no patient"
    )
    return Verdict(agreement, labels, corrected, comment.strip())


def _labels(finding: Finding, found: tuple[str, ...], key: str) -> tuple[str, ...]:
    names = {label.code: label.name for label in finding.labels}
    return tuple(
        st.multiselect("What you see", list(names), list(found), format_func=names.__getitem__, key=f"{key}-labels")
    )


def _values(finding: Finding, key: str) -> dict[str, float]:
    """The corrected values of the measurements that the reader chose to correct."""
    rows = {row.code: row for row in finding.measurements}
    chosen = st.multiselect(
        "Values to correct", list(rows), format_func=lambda code: rows[code].name, key=f"{key}-codes"
    )
    values = {}
    for code in chosen:
        row = rows[code]
        step = 0.01 if row.unit == "mV" else 1.0
        named = f"{row.name} ({unit_name(row.unit)})" if unit_name(row.unit) else row.name
        values[code] = float(st.number_input(named, value=float(row.value), step=step, key=f"{key}-value-{code}"))
    return values
