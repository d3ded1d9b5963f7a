"""Two depth marks and the distance between them: where a recording states no pixel size, the reader can."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import streamlit as st

from app_pages.shared.desk import Desk

MARKS = "The depth scale at the sector's edge has a tick per centimetre; set both lines on ticks."


def scale(own: Desk, frame: bytes, frame_height: int, key: str) -> None:
    """Asks for the depth marks on the first frame (JPEG) and lays the pixel size among the reader's options."""
    from PIL import Image

    with st.expander("State the scale with two depth marks"):
        picture = np.asarray(Image.open(io.BytesIO(frame)).convert("RGB")).copy()
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


def _use(own: Desk, mm_per_px: float) -> None:
    own.fields = {**own.fields, "mm_per_px": f"{mm_per_px:.5f}"}
