"""What the reader can state: the series, and what the volumes are indexed by."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app_pages.shared.desk import Desk, Result
from engine.mr.evidence import MrEvidence

FIELDS = {  # option -> label, smallest, largest, step
    "height_cm": ("Height (cm)", 50.0, 250.0, 1.0),
    "weight_kg": ("Weight (kg)", 3.0, 400.0, 0.5),
    "heart_rate": ("Heart rate (per min)", 20.0, 250.0, 1.0),
}
SEXES = {"": "Not stated", "F": "Female", "M": "Male"}


def patient(own: Desk, found: Result) -> None:
    """The form; another statement is another result."""
    evidence: MrEvidence = found.analysis.evidence
    series(own, found)
    with st.expander("State height, weight, sex and heart rate"), st.form(f"patient-{found.key}", border=False):
        known = {
            "height_cm": evidence.cine.patient.height_cm,
            "weight_kg": evidence.cine.patient.weight_kg,
            "heart_rate": evidence.cine.heart_rate,
        }
        for column, (name, (label, low, high, step)) in zip(st.columns(3), FIELDS.items(), strict=True):
            column.number_input(label, low, high, known[name], step, key=f"{name}-{found.key}")
        st.segmented_control(
            "Sex, for the reference ranges",
            list(SEXES),
            default=evidence.cine.patient.sex,
            format_func=SEXES.__getitem__,
            key=f"sex-{found.key}",
        )
        st.form_submit_button("Index the volumes", on_click=partial(_state, own, found.key))


def series(own: Desk, found: Result) -> None:
    """Another series of the same upload."""
    evidence: MrEvidence = found.analysis.evidence
    if len(evidence.series) < 2:
        return
    key = f"series-{found.key}"
    st.selectbox(
        "Series",
        range(len(evidence.series)),
        evidence.chosen,
        format_func=lambda k: f"{k + 1}: {evidence.series[k]}",
        key=key,
        on_change=partial(_choose, own, key),
    )


def _choose(own: Desk, key: str) -> None:
    own.fields = {**own.fields, "series": str(st.session_state[key])}


def _state(own: Desk, key: str) -> None:
    stated = dict(own.fields)
    for name in FIELDS:
        value = st.session_state.get(f"{name}-{key}")
        if value:
            stated[name] = f"{value:g}"
    if st.session_state.get(f"sex-{key}"):
        stated["sex"] = st.session_state[f"sex-{key}"]
    own.fields = stated
