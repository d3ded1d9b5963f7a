"""Beats from a volume curve: end-diastole and end-systole per beat, cut beats left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks, savgol_filter

SHORTEST_BEAT_S = 0.3  # 200 beats a minute
ASSUMED_RATE_HZ = 40.0  # of videos that state none: only the shortest distance between beats depends on it
LEAST_SWING = 0.4  # prominence of a beat's trough, as a share of the curve's 5th to 95th percentile range
LEAST_SWING_OF_LEVEL = 0.04  # and of its median: a still heart has no beats


@dataclass(frozen=True)
class Beat:
    """One whole beat: the frames of its end-diastole and the end-systole that follows, and its ejection fraction in percent."""

    ed_frame: int
    es_frame: int
    ef_percent: float


def smooth(volumes: np.ndarray, frame_rate_hz: float | None) -> np.ndarray:
    """(T,) the curve without frame-to-frame jitter: cubic Savitzky-Golay over 0.12 s; gaps (NaN) are bridged."""
    known = np.isfinite(volumes)
    filled = np.interp(np.arange(len(volumes)), np.flatnonzero(known), volumes[known])
    window = round(0.12 * (frame_rate_hz or ASSUMED_RATE_HZ)) | 1
    return savgol_filter(filled, window, 2) if 5 <= window <= len(filled) else filled


def find_beats(volumes: np.ndarray, frame_rate_hz: float | None) -> tuple[Beat, ...]:
    """The beats of a volume curve (T,); NaN where no ventricle was drawn. Empty without a whole contraction.

    End-systole is a trough of the smoothed curve. End-diastole is the highest point between the trough before (or the
    start) and this one; a beat whose highest point is the recording's first frame is cut, and left out. Without a whole
    beat an end-systole is paired with the end-diastole after it, and only then a cut beat is taken.
    """
    if np.isfinite(volumes).sum() < 5:
        return ()
    curve = smooth(volumes, frame_rate_hz)
    low, high = np.percentile(curve, [5, 95])
    swing = max(LEAST_SWING * (high - low), LEAST_SWING_OF_LEVEL * float(np.median(curve)))
    apart = max(1, round(SHORTEST_BEAT_S * (frame_rate_hz or ASSUMED_RATE_HZ)))
    troughs, _ = find_peaks(-np.pad(curve, 1, constant_values=high + swing), prominence=swing, distance=apart)
    troughs = troughs - 1
    whole: list[Beat] = []
    cut: list[Beat] = []
    for before, es in zip([-1, *troughs[:-1]], troughs, strict=True):
        ed = before + 1 + int(np.argmax(curve[before + 1 : es + 1]))
        if es <= ed or es == len(curve) - 1 or curve[ed] - curve[es] < swing:
            continue
        beat = Beat(int(ed), int(es), 100 * float(1 - curve[es] / curve[ed]))
        (cut if ed == 0 else whole).append(beat)
    return tuple(whole or _fillings(curve, troughs, swing) or cut)


def _fillings(curve: np.ndarray, troughs: np.ndarray, swing: float) -> list[Beat]:
    """End-systoles with the end-diastole that follows: what a loop of one beat, cut within systole, shows whole."""
    found = []
    for es, end in zip(troughs, [*troughs[1:], len(curve)], strict=True):
        ed = int(es) + int(np.argmax(curve[es:end]))
        if es > 0 and ed < len(curve) - 1 and curve[ed] - curve[es] >= swing:
            found.append(Beat(ed, int(es), 100 * float(1 - curve[es] / curve[ed])))
    return found


def heart_rate(beats: tuple[Beat, ...], frame_rate_hz: float | None) -> float | None:
    """Beats per minute from the median distance of end-systoles; None without two beats or a frame rate."""
    if frame_rate_hz is None or len(beats) < 2:
        return None
    return 60 * frame_rate_hz / float(np.median(np.diff([beat.es_frame for beat in beats])))
