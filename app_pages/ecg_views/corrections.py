"""What the reader states instead of letting the app find it: corners, layout, speed, gain, page."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app_pages.ecg_views.corners import corners
from app_pages.shared.desk import Desk, Result
from engine.ecg.digitisation import Digitisation

FOUND = "as found"
SPEEDS = {FOUND: "", "25 mm/s": "25", "50 mm/s": "50"}
GAINS = {FOUND: "", "5 mm/mV": "5", "10 mm/mV": "10", "20 mm/mV": "20"}


def corrections(photo: np.ndarray, read: Digitisation | None, desk: Desk, result: Result) -> None:
    """The form; sending it lays the corrections on the desk, and the finding follows.

    photo: (H, W, 3) as uploaded. read: what the app understood, None where it refused.
    """
    from engine.ecg.layout import LAYOUTS

    with st.expander("Correct what was understood", icon=":material/tune:", expanded=read is None or bool(desk.fields)):
        st.caption("Drag the corners to the printed area, or say what the paper shows, then read it again.")
        moved = corners(photo, None if read is None else read.corners, f"corners-{result.key}", result.drawings)
        paged = _has_pages(desk)
        left, middle, right, *last = st.columns(4 if paged else 3)
        layout = left.selectbox(
            "Layout",
            [FOUND, *LAYOUTS],
            _at([FOUND, *LAYOUTS], desk.fields.get("layout")),
            format_func=layout_name,
            key=f"layout-{result.key}",
        )
        speed = middle.selectbox(
            "Paper speed",
            list(SPEEDS),
            _at(list(SPEEDS.values()), desk.fields.get("speed_mm_s")),
            key=f"speed-{result.key}",
        )
        gain = right.selectbox(
            "Gain", list(GAINS), _at(list(GAINS.values()), desk.fields.get("gain_mm_mv")), key=f"gain-{result.key}"
        )
        page = int(desk.fields.get("page", 0)) + 1
        if paged:
            page = int(last[0].number_input("Page", 1, 500, page, key=f"page-{result.key}"))
        fields = {"layout": "" if layout == FOUND else layout, "speed_mm_s": SPEEDS[speed], "gain_mm_mv": GAINS[gain]}
        fields["page"] = str(page - 1) if page > 1 else ""
        fields["corners"] = (
            desk.fields.get("corners", "") if moved is None else ",".join(f"{v:.1f}" for v in moved.ravel())
        )
        stated = {name: value for name, value in fields.items() if value}
        again, back = st.columns([1, 3])
        if again.button(
            "Read again", key=f"again-{result.key}", type="primary", disabled=stated == desk.fields, width="stretch"
        ):
            desk.fields = stated
            st.rerun()
        if desk.fields and back.button("Back to what the app found", key=f"found-{result.key}"):
            desk.fields = {}
            st.rerun()


def layout_name(layout: str) -> str:
    """`3x4+1 Cabrera` as a reader says it."""
    grid, _, order = layout.partition(" ")
    shape, _, strips = grid.partition("+")
    if "x" not in shape:
        return layout
    said = shape.replace("x", " × ")
    said += f" and {strips} rhythm strip{'s' * (strips != '1')}" if strips else ""
    return f"{said}, {order} order" if order else said


def _has_pages(desk: Desk) -> bool:
    """Whether the study is of a kind that may hold more than one page."""
    if desk.study is None or len(desk.study.parts) != 1:
        return False
    part = desk.study.parts[0]
    return part.data[:5] == b"%PDF-" or part.suffix in (".tif", ".tiff")


def _at(options: list[str], stated: str | None) -> int:
    return options.index(stated) if stated in options else 0
