"""Two depth marks and the distance between them: where a recording states no pixel size, the reader can."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import streamlit as st

from app_pages.shared.desk import Desk
from engine.echo.depth_scale import DepthScale

MARKS = "The depth scale at the sector's edge has a tick per centimetre; set both lines on ticks."


def scale(own: Desk, frame: bytes, frame_height: int, key: str, printed: DepthScale | None = None) -> None:
    """Asks for the depth marks on the first frame (JPEG) and lays the pixel size among the reader's options.

    printed: the scale that was read beside the sector; the reader confirms it or sets marks of their own.
    """
    from PIL import Image

    picture = np.asarray(Image.open(io.BytesIO(frame)).convert("RGB")).copy()
    if printed is not None:
        _confirm(own, picture.copy(), frame_height, printed, key)
    with st.expander("State the scale with two depth marks"):
        upper, lower = st.slider(
            "Rows of the two marks (px from the top)",
            0,
            frame_height - 1,
            (0, frame_height - 1),
            key=f"{key}-rows",
            help=MARKS,
        )
        for row in (upper, lower):
            at = round(row / frame_height * picture.shape[0])
            picture[max(0, at - 1) : at + 1] = (255, 220, 0)
        st.image(picture, width="content", alt="The first frame with the two depth marks as lines")
        centimetres = st.number_input("Depth between them (cm)", 1.0, 30.0, 10.0, 0.5, key=f"{key}-cm")
        apart = lower - upper
        st.button(
            "Use this scale",
            key=f"{key}-use",
            disabled=apart < 10,
            on_click=partial(_use, own, 10 * centimetres / max(apart, 1)),
        )


def _confirm(own: Desk, picture: np.ndarray, frame_height: int, printed: DepthScale, key: str) -> None:
    with st.expander("A depth scale was found beside the sector: is it right?", expanded=True):
        for x, y in printed.ticks * picture.shape[0] / frame_height:
            row, column = round(y), round(x)
            picture[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4] = (255, 220, 0)
        st.image(picture, width="content", alt="The first frame with the ticks that were found, in yellow")
        doubt = "every fifth is longer, as centimetres are printed" if printed.confirmed else "taken for centimetres"
        st.caption(
            f"{len(printed.ticks)} even ticks, {doubt}: {printed.mm_per_px:.3f} mm per pixel. Check before you use it."
        )
        st.button("Use this scale", key=f"{key}-printed", on_click=partial(_use, own, printed.mm_per_px))


def _use(own: Desk, mm_per_px: float) -> None:
    own.fields = {**own.fields, "mm_per_px": f"{mm_per_px:.5f}"}
