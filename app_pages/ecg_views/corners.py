"""The four corners of the printed area, dragged on the photo."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import streamlit as st

from app_pages.ecg_views.photo import plain

SHOWN_PX = 1000
CSS = """
#stage { position: relative; max-width: 46rem; margin: 1rem; touch-action: none; user-select: none; }
#stage img { display: block; width: 100%; border-radius: 0.3rem; }
#stage svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
#stage polygon { fill: #0072b226; stroke: #0072b2; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
#stage button {
  position: absolute; width: 2.2rem; height: 2.2rem; margin: -1.1rem; padding: 0; border-radius: 50%; cursor: grab;
  background: #ffffff66; border: 3px solid #0072b2; box-shadow: 0 0 0 2px #fff; touch-action: none;
}
#stage button::after {
  content: ""; position: absolute; inset: 50%; width: 4px; height: 4px; margin: -2px; border-radius: 50%; background: #0072b2;
}
#stage button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 3px; }
"""
OUTLINE = "<svg viewBox='0 0 100 100' preserveAspectRatio='none' aria-hidden='true'><polygon/></svg>"
HANDLE = "<button type='button'></button>"
_component = st.components.v2.component(
    "corners",
    html=f"<div id='stage'><img alt=''>{OUTLINE}{HANDLE * 4}</div>",
    css=CSS,
    js=(Path(__file__).parent / "corners.js").read_text(encoding="utf-8"),
)


def corners(photo: np.ndarray, start: np.ndarray | None, key: str, drawings: dict[str, str]) -> np.ndarray | None:
    """Shows the photo (H, W, 3) with draggable corners; returns (4, 2) x, y in photo px once the reader moved one.

    start: (4, 2) px, where the handles stand first; None: just inside the picture. drawings: keeps the encoded picture.
    """
    size = np.array([photo.shape[1], photo.shape[0]], float)
    if "corners" not in drawings:
        drawings["corners"] = "data:image/jpeg;base64," + base64.b64encode(plain(photo, SHOWN_PX)[0]).decode()
    shares = (
        np.array([[0.04, 0.04], [0.96, 0.04], [0.96, 0.96], [0.04, 0.96]])
        if start is None
        else np.clip(start / size, 0, 1)
    )
    data = {"picture": drawings["corners"], "corners": np.round(shares, 4).tolist()}
    moved = _component(key=key, data=data, on_corners_change=lambda: None).corners
    return None if moved is None else np.array(moved, float) * size
