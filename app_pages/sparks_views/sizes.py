"""What the reader states of a recording: pixel size, frame interval, counts without light."""

from __future__ import annotations

import streamlit as st

from app_pages.shared.desk import Desk, Result
from engine.sparks.task import LIMITS, OPTIONS

TITLES = {
    "um_per_px": "Micrometres per pixel",
    "ms_per_frame": "Milliseconds per frame (or line)",
    "background": "Counts without light",
}


def sizes(own: Desk, found: Result, missing: bool) -> None:
    """The form; sending it lays the statements on the desk, and the finding follows. missing: the file states no size."""
    with st.expander("State sizes and times yourself", icon=":material/tune:", expanded=missing):
        columns = st.columns(len(LIMITS))
        stated = {name: value for name, value in own.fields.items() if name not in LIMITS}
        for column, (name, (low, high)) in zip(columns, LIMITS.items(), strict=True):
            about = OPTIONS[name]
            before = own.fields.get(name)
            value = column.number_input(
                TITLES[name],
                low,
                high,
                None if before is None else float(before),
                format="%.4g",
                help=f"{about[:1].upper()}{about[1:]}. Empty: as the file states or the app finds.",
                key=f"{name}-{found.key}",
            )
            if value is not None:
                stated[name] = f"{value:.6g}"
        if st.button("Read again", key=f"again-{found.key}", type="primary", disabled=stated == own.fields):
            own.fields = stated
            st.rerun()
