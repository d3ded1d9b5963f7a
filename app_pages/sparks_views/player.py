"""Frames and trace together: pointing at the trace shows that frame at once, since the frames are in the browser."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app_pages.sparks_views.heat import footprint, scaled
from app_pages.sparks_views.trace import Trace, trace_of
from engine.sparks.events import Spark
from engine.sparks.evidence import SparksEvidence

MOST_PX = 360  # width of a frame as it is sent
SHEET_COLUMNS = 12  # frames beside each other in the sheet that carries them
HERE = Path(__file__).parent
_component = st.components.v2.component(
    "spark-player",
    html=(
        "<div id='player' tabindex='0' role='group'><canvas role='img'></canvas><p class='said' role='status'></p>"
        "<svg class='trace' viewBox='0 0 720 220' role='img'></svg>"
        "<label><span>Frame</span><input type='range' step='1'></label></div>"
    ),
    css=(HERE / "player.css").read_text(encoding="utf-8"),
    js=(HERE / "player.js").read_text(encoding="utf-8"),
)


def player(evidence: SparksEvidence, spark: Spark, key: str, drawings: dict[str, Any]) -> bool:
    """Shows one spark's frames and trace; False where the spark has no pixel. drawings: keeps what was encoded."""
    name = f"player-{spark.number}"
    if name not in drawings:
        trace = trace_of(evidence, spark)
        drawings[name] = None if trace is None else _data(evidence, spark, trace)
    if drawings[name] is None:
        return False
    _component(key=key, data=drawings[name])
    return True


def _data(evidence: SparksEvidence, spark: Spark, trace: Trace) -> dict[str, Any]:
    """What the browser gets: a sheet of frames, the curves, and the spark's outline per frame."""
    sheet, size, shown = _sheet(evidence, trace)
    return {
        "sheet": sheet,
        "columns": SHEET_COLUMNS,
        "width": size[0],
        "height": size[1],
        "scale": size[0] / shown,
        "first": trace.first,
        "start": int(np.clip(round(spark.t_peak), trace.first, trace.first + len(trace.raw) - 1)),
        "raw": np.round(trace.raw, 4).tolist(),
        "smoothed": np.round(trace.smoothed, 4).tolist(),
        "outlines": {} if evidence.recording.line_scan else _outlines(evidence, spark),
        "span": [spark.t_start, spark.t_end],
        "ms": evidence.recording.ms_per_frame,
        "number": spark.number,
        "what": "line" if evidence.recording.line_scan else "frame",
    }


def _sheet(evidence: SparksEvidence, trace: Trace) -> tuple[str, tuple[int, int], int]:
    """All frames shown in one JPEG; (width, height) of one of them, and how many px of the recording its width spans.

    A line scan has one row per frame: what is shown of a line is the scan around it.
    """
    import cv2
    from PIL import Image

    recording = evidence.recording
    last = trace.first + len(trace.raw)
    if recording.line_scan:
        frames = [scaled(recording.read(trace.first, last)[:, 0].astype(np.float32))]
    else:
        block = np.concatenate(
            [_smaller(recording.read(t, min(t + 16, last)).astype(np.float32)) for t in range(trace.first, last, 16)]
        )
        frames = list(scaled(block))
    height, width = frames[0].shape
    factor = min(1.0, MOST_PX / width) if not recording.line_scan else 1.0
    size = max(1, round(width * factor)), max(1, round(height * factor))
    frames = [f if factor == 1.0 else cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames]
    rows = -(-len(frames) // SHEET_COLUMNS)
    sheet = np.zeros((rows * size[1], min(SHEET_COLUMNS, len(frames)) * size[0]), np.uint8)
    for k, frame in enumerate(frames):
        row, column = divmod(k, SHEET_COLUMNS)
        sheet[row * size[1] : (row + 1) * size[1], column * size[0] : (column + 1) * size[0]] = frame
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", quality=80)
    return (
        "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode(),
        (int(size[0]), int(size[1])),
        recording.shape[2],
    )


def _smaller(frames: np.ndarray) -> np.ndarray:
    """Frames averaged so that their width is not much above MOST_PX: bounds what lies in memory."""
    factor = frames.shape[2] // MOST_PX
    if factor < 2:
        return frames
    height, width = (side // factor * factor for side in frames.shape[1:])
    cut = frames[:, :height, :width].reshape(len(frames), height // factor, factor, width // factor, factor)
    return cut.mean((2, 4))


def _outlines(evidence: SparksEvidence, spark: Spark) -> dict[str, list[list[float]]]:
    """Frame -> corner points (x, y) in px of the recording around the spark's pixels."""
    import cv2

    marked = footprint(evidence, spark)
    if marked is None:
        return {}
    (time, rows, columns), light = marked
    found: dict[str, list[list[float]]] = {}
    for k, frame in enumerate(light > 0):
        contours, _ = cv2.findContours(np.pad(frame, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if contours:
            largest = max(contours, key=len)[:, 0] - 1 + np.array([columns.start, rows.start])
            found[str(time.start + k)] = (largest + 0.5).round(1).tolist()
    return found
