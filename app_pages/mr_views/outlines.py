"""One slice with its outlines as curves that the reader drags; the volumes of the phase follow while they do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app_pages.mr_views import pictures
from engine.mr.evidence import MrEvidence
from engine.mr.outlines import CURVES, POINTS, outlines
from engine.mr.segmentation import CAVITY, MYOCARDIUM, RIGHT

HERE = Path(__file__).parent
SHOWN_PX = 640
LABELS = {"cavity": CAVITY, "wall": MYOCARDIUM, "right": RIGHT}
COLOURS = dict(zip(CURVES, (pictures.COLOURS[k] for k in (CAVITY, MYOCARDIUM, RIGHT)), strict=True))
_component = st.components.v2.component(
    "outlines",
    html="<div id='outlines'></div>",
    css=(HERE / "outlines.css").read_text(encoding="utf-8"),
    js=(HERE / "outlines.js").read_text(encoding="utf-8"),
)


def editor(evidence: MrEvidence, phase: int, slice_: int, name: str, key: str, on_applied: Callable[[], None]) -> None:
    """Shows the slice at a phase. name: of the phase, in words. The curves that the reader wants stand in
    `st.session_state[key]["applied"]["curves"]` while `on_applied` runs."""
    found = evidence.segmentation
    assert found is not None
    top, bottom, left, right = pictures.window(evidence)
    jpeg = pictures.jpeg(pictures.slice_picture(evidence, phase, slice_, False, SHOWN_PX))
    curves = {k: np.round(points, 2).tolist() for k, points in outlines(found.labels[phase, slice_]).items()}
    others = np.delete(found.labels[phase], slice_, 0)
    per_pixel = evidence.cine.voxel_ml
    data: dict[str, Any] = {
        "token": f"{key}-{phase}-{slice_}-{hash(str(curves))}",
        "title": f"Slice {slice_ + 1}, {name}",
        "phase": name,
        "field": [left, top, right - left, bottom - top],
        "picture": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"),
        "curves": curves,
        "points": POINTS,
        "colours": {k: f"rgb{colour}" for k, colour in COLOURS.items()},
        "others": {k: float((others == label).sum()) * (per_pixel or 1.0) for k, label in LABELS.items()},
        "perPixel": per_pixel or 1.0,
        "unit": "mL" if per_pixel else "px",
    }
    _component(key=key, data=data, on_applied_change=on_applied)
