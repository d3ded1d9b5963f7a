"""Contractions from a curve of the ventricle's size, volume or diameter: end-diastole and end-systole, cut ones left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks, savgol_filter

SHORTEST_BEAT_S = 0.3  # 200 beats a minute
ASSUMED_RATE_HZ = 40.0  # of videos that state none: only the shortest distance between beats depends on it
LEAST_SWING = 0.4  # prominence of a beat's trough, as a share of the curve's 5th to 95th percentile range
LEAST_SWING_OF_LEVEL = 0.04  # and of its median: a still heart has no beats
LEAST_FRAMES = 5


@dataclass(frozen=True)
class Contraction:
    """The frames of end-diastole and of its end-systole, and how far the curve falls between them, percent of end-diastole."""

    ed_frame: int
    es_frame: int
    fall_percent: float


def smooth(curve: np.ndarray, frame_rate_hz: float | None) -> np.ndarray:
    """(T,) the curve without frame-to-frame jitter: Savitzky-Golay of order 2 over 0.12 s; gaps (NaN) are bridged."""
    known = np.isfinite(curve)
    filled = np.interp(np.arange(len(curve)), np.flatnonzero(known), curve[known])
    window = round(0.12 * (frame_rate_hz or ASSUMED_RATE_HZ)) | 1
    return savgol_filter(filled, window, 2) if 5 <= window <= len(filled) else filled


def find_contractions(sizes: np.ndarray, frame_rate_hz: float | None) -> tuple[Contraction, ...]:
    """The contractions of a size curve (T,); NaN where no ventricle was drawn. Empty without a whole one.

    End-systole is a trough of the smoothed curve. End-diastole is the highest point between the trough before (or the
    start) and this one; a beat whose highest point is the recording's first frame is cut, and left out. Without a whole
    beat an end-systole is paired with the end-diastole after it, and only then a cut beat is taken.
    """
    if np.isfinite(sizes).sum() < LEAST_FRAMES:
        return ()
    curve = smooth(sizes, frame_rate_hz)
    low, high = np.percentile(curve, [5, 95])
    swing = max(LEAST_SWING * (high - low), LEAST_SWING_OF_LEVEL * float(np.median(curve)))
    apart = max(1, round(SHORTEST_BEAT_S * (frame_rate_hz or ASSUMED_RATE_HZ)))
    troughs, _ = find_peaks(-np.pad(curve, 1, constant_values=high + swing), prominence=swing, distance=apart)
    troughs = troughs - 1
    whole: list[Contraction] = []
    cut: list[Contraction] = []
    for before, es in zip([-1, *troughs[:-1]], troughs, strict=True):
        ed = before + 1 + int(np.argmax(curve[before + 1 : es + 1]))
        if es <= ed or es == len(curve) - 1 or curve[ed] - curve[es] < swing:
            continue
        (cut if ed == 0 else whole).append(_contraction(curve, ed, es))
    return tuple(whole or _fillings(curve, troughs, swing) or cut)


def _fillings(curve: np.ndarray, troughs: np.ndarray, swing: float) -> list[Contraction]:
    """End-systoles with the end-diastole that follows: what a loop of one beat, cut within systole, shows whole."""
    found = []
    for es, end in zip(troughs, [*troughs[1:], len(curve)], strict=True):
        ed = int(es) + int(np.argmax(curve[es:end]))
        if es > 0 and ed < len(curve) - 1 and curve[ed] - curve[es] >= swing:
            found.append(_contraction(curve, ed, es))
    return found


def _contraction(curve: np.ndarray, ed: int, es: int) -> Contraction:
    return Contraction(int(ed), int(es), 100 * float(1 - curve[es] / curve[ed]))


def heart_rate(es_frames: list[int], frame_rate_hz: float | None) -> float | None:
    """Beats per minute from the median distance of end-systoles; None without two of them or a frame rate."""
    if frame_rate_hz is None or len(es_frames) < 2:
        return None
    return 60 * frame_rate_hz / float(np.median(np.diff(es_frames)))
