"""The light of one spark's region over time, relative to rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app_pages.sparks_views.heat import footprint
from engine.sparks.events import Spark
from engine.sparks.evidence import SparksEvidence

MOST_FRAMES = 240  # that are shown around a spark
SMOOTH_MS = 24.0  # of the smoothed trace
REST_SHARE = 50  # percentile of the light outside the sparks that counts as F0 here


@dataclass(frozen=True)
class Trace:
    """F/F0 of a region in frames `first` to `first + len(raw)`; raw and smoothed (n,); outlines: frame -> (rows, columns) px.

    rows, columns: the window around the spark; region: (h, w) bool in it.
    """

    first: int
    raw: np.ndarray
    smoothed: np.ndarray
    rows: slice
    columns: slice
    region: np.ndarray


def trace_of(evidence: SparksEvidence, spark: Spark) -> Trace | None:
    """The trace around one spark; None where it has no pixel.

    F is the mean of the pixels that the spark has at its largest, less the background. F0 is the median of F over the
    frames shown in which no spark touches the region.
    """
    marked = footprint(evidence, spark)
    if marked is None:
        return None
    recording = evidence.recording
    (_, rows, columns), light = marked
    region = light[int((light > 0).sum((1, 2)).argmax())] > 0
    first, last = shown_frames(evidence, spark)
    frames = np.concatenate([recording.read(t, min(t + 32, last))[:, rows, columns] for t in range(first, last, 32)])
    raw = frames[:, region].astype(np.float64).mean(1) - evidence.detection.background
    quiet = np.ones(len(raw), bool)
    for other in evidence.sparks:
        if np.hypot(other.x - spark.x, other.y - spark.y) < 2 * (other.fwhm_px + spark.fwhm_px):
            quiet[max(other.t_start - first, 0) : max(other.t_end + 1 - first, 0)] = False
    rest = float(np.percentile(raw[quiet] if quiet.sum() >= 5 else raw, REST_SHARE))
    relative = raw / max(rest, 1e-6)
    return Trace(first, relative, _smooth(relative, evidence), rows, columns, region)


def shown_frames(evidence: SparksEvidence, spark: Spark) -> tuple[int, int]:
    """First and one past the last frame around a spark."""
    frames = evidence.recording.shape[0]
    first = int(np.clip(round(spark.t_peak) - MOST_FRAMES // 2, 0, max(frames - MOST_FRAMES, 0)))
    return first, min(first + MOST_FRAMES, frames)


def _smooth(values: np.ndarray, evidence: SparksEvidence) -> np.ndarray:
    """Gaussian over SMOOTH_MS (full width at half maximum), the ends repeated."""
    from scipy.ndimage import gaussian_filter1d

    ms = evidence.detection.grid.ms / evidence.detection.grid.bin_frames
    return gaussian_filter1d(values, max(SMOOTH_MS / 2.355 / ms, 0.5), mode="nearest")
