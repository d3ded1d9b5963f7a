"""What the photo of an ECG page became: geometry, calibration, layout and traces. Data only; digitise.py makes it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.ecg.signal import EcgSignal


@dataclass(frozen=True)
class DigitiseOptions:
    """What the reader states instead of letting the app find it; None: find it."""

    corners: np.ndarray | None = (
        None  # (4, 2) x, y in photo px: top left, top right, bottom right, bottom left of the printed area
    )
    layout: str | None = None  # a name of layout.LAYOUTS, e.g. "3x4+1"
    speed_mm_s: float | None = None  # 25 or 50
    gain_mm_mv: float | None = None  # 5, 10 or 20
    page: int = 0  # of a PDF or a multi-page TIFF


@dataclass(frozen=True)
class Calibration:
    """Paper speed and gain, each with how it was found: `printed text`, `calibration pulse`, `reader` or `assumed`."""

    speed_mm_s: float
    gain_mm_mv: float
    speed_from: str
    gain_from: str
    px_per_mm_x: float  # of the rectified page
    px_per_mm_y: float


@dataclass(frozen=True)
class LeadTrace:
    """One printed stretch of one lead.

    start: its first sample on the record's 500 Hz axis. values_mv, confidence: (n,). NaN where the ink is not readable.
    photo_xy: (n, 2) float32, where each sample lies on the uploaded photo (px); rectified_xy: the same on the rectified page.
    rhythm: whether this is a rhythm strip (the lead may also be printed in the grid of leads).
    """

    lead: str
    start: int
    values_mv: np.ndarray
    confidence: np.ndarray
    photo_xy: np.ndarray
    rectified_xy: np.ndarray
    rhythm: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the trace on the rectified page, px."""
        x, y = self.rectified_xy[:, 0], self.rectified_xy[:, 1]
        return float(np.nanmin(x)), float(np.nanmin(y)), float(np.nanmax(x)), float(np.nanmax(y))


@dataclass(frozen=True)
class Digitisation:
    """One page of ECG paper, read.

    rectified: (h, w, 3) uint8, the paper flattened, time to the right. corners: (4, 2) px of the printed area on the photo.
    printed: what the machine's own text states, if read, by our measurement codes (heart_rate, pr_interval, ...): a cross-check.
    """

    signal: EcgSignal
    traces: tuple[LeadTrace, ...]
    layout: str
    calibration: Calibration
    rectified: np.ndarray = field(repr=False)
    corners: np.ndarray = field(repr=False)
    rotation_deg: float = 0.0  # that was undone, counter-clockwise
    grid_found: bool = True
    printed: dict[str, float] = field(default_factory=dict)
    layout_from: str = "lead names"  # lead names | trace geometry | reader
    notes: tuple[
        str, ...
    ] = ()  # sentences for the reader, e.g. "Gain assumed to be 10 mm/mV: no pulse or text was found."
