"""A recording and a curve under it, in the browser: pointing at the curve shows that frame at once, without the server."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

HERE = Path(__file__).parent
MOST_FRAMES = 600  # sent to the browser, about 8 kB each; of longer recordings every n-th
_component = st.components.v2.component(
    "player",
    html="<div id='player'></div>",
    css=(HERE / "player.css").read_text(encoding="utf-8"),
    js=(HERE / "player.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Curve:
    """values: (T,), NaN where there is none. unit: what stands at the axis."""

    name: str
    values: np.ndarray
    unit: str


@dataclass(frozen=True)
class FrameMark:
    """A frame to point out on the curve, e.g. ED of beat 2. kind: `up` or `down`, the triangle's direction."""

    frame: int
    label: str
    kind: str = "up"


def player(
    plain: Sequence[bytes],
    drawn: Sequence[bytes],
    curve: Curve | None,
    marks: Sequence[FrameMark],
    rate_hz: float | None,
    title: str,
    key: str,
    others: Sequence[Curve] = (),
    beside: bool = False,
) -> None:
    """Shows a recording. plain, drawn: JPEG per frame, without and with the structures. title: for those who cannot see it.

    others: curves of the same unit, drawn under the first with a dash pattern and their name each. beside: the plain recording
    and the drawn one side by side, in step; otherwise one picture, on which the structures can be hidden.
    """
    step = -(-len(plain) // MOST_FRAMES)
    data: dict[str, Any] = {
        "plain": [_base64(frame) for frame in plain[::step]],
        "drawn": [_base64(frame) for frame in drawn[::step]],
        "step": step,
        "rate": (rate_hz or 25.0) / step,
        "seconds": rate_hz is not None,
        "title": title,
        "curve": _curve(curve, step) if curve else None,
        "others": [_curve(other, step) for other in others],
        "beside": beside,
        "marks": [{"frame": m.frame // step, "label": m.label, "kind": m.kind} for m in marks],
    }
    _component(key=key, data=data)


def _curve(curve: Curve, step: int) -> dict[str, Any]:
    values = [round(float(v), 3) if np.isfinite(v) else None for v in curve.values[::step]]
    return {"name": curve.name, "unit": curve.unit, "values": values}


def _base64(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode("ascii")
