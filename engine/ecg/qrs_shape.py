"""What the QRS complex of one lead looks like: its waves in order, and the features that bundle branch blocks are told by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from engine.ecg.delineate import MedianBeat
from engine.ecg.leads import LEADS, RATE_HZ

WAVE_MV = 0.05  # below is no wave
WAVE_SHARE = 0.06  # of the complex's size
BROAD_R_MS = 70.0  # width of an R wave at half its height
R_PEAK_LATE_MS = 60.0  # after the QRS onset (V5, V6: left bundle)
LATE_R_MS = 50.0  # after the QRS onset (V1: right bundle)
WIDE_S_MS = 40.0
NOTCH_SHARE = 0.04  # of the R wave's height


@dataclass(frozen=True)
class QrsShape:
    """waves: (height in mV, start, stop in ms after the QRS onset) in order of time; heights are over the QRS onset's level.

    broad_r: the main wave is a wide R, or notched, or peaks late. has_q: it starts downwards. mostly_negative: rS or QS.
    late_r: it ends in a second upward wave, or in one that peaks late or is notched. wide_s: a last downward wave
    longer than 40 ms or than the R wave before it.
    """

    waves: tuple[tuple[float, float, float], ...]
    r_peak_ms: float  # of the tallest upward wave, nan without one
    notched: bool
    half_width_ms: float  # of the tallest upward wave

    @property
    def tallest(self) -> float:
        return max((h for h, _, _ in self.waves), default=0.0)

    @property
    def deepest(self) -> float:
        return min((h for h, _, _ in self.waves), default=0.0)

    @property
    def has_q(self) -> bool:
        return bool(self.waves) and self.waves[0][0] < 0

    @property
    def mostly_negative(self) -> bool:
        return -self.deepest > 1.5 * max(self.tallest, 0.0)

    @property
    def broad_r(self) -> bool:
        upright = self.tallest > -self.deepest
        return upright and (self.notched or self.half_width_ms >= BROAD_R_MS or self.r_peak_ms >= R_PEAK_LATE_MS)

    @property
    def late_r(self) -> bool:
        if not self.waves or self.waves[-1][0] <= 0:
            return False
        second = sum(height > 0 for height, _, _ in self.waves) > 1
        return second or self.r_peak_ms >= LATE_R_MS or (len(self.waves) == 1 and self.notched)

    @property
    def wide_s(self) -> bool:
        if len(self.waves) < 2 or self.waves[-1][0] >= 0:
            return False
        _, start, stop = self.waves[-1]
        r = max(self.waves, key=lambda wave: wave[0])
        return stop - start > WIDE_S_MS or stop - start > r[2] - r[1]


def qrs_shape(median: MedianBeat, lead: str) -> QrsShape:
    """The waves of one lead of the usual beat, within the QRS bounds of all leads together."""
    onset, offset = median.waves.qrs_onset, median.waves.qrs_offset
    column = median.samples_mv[:, LEADS.index(lead)]
    qrs = column[onset : offset + 1]
    level = qrs - qrs[0]
    smallest = max(WAVE_MV, WAVE_SHARE * float(np.ptp(level)))
    waves = tuple(_waves(level, smallest))
    peak = int(level.argmax())
    height = float(level[peak])
    if height < smallest:
        return QrsShape(waves, float("nan"), False, 0.0)
    half = np.flatnonzero(level > height / 2)
    return QrsShape(waves, peak * 1000 / RATE_HZ, _notched(level, height), len(half) * 1000 / RATE_HZ)


def _waves(level: np.ndarray, smallest: float) -> list[tuple[float, float, float]]:
    """Runs of one sign whose extreme exceeds `smallest`."""
    sign = np.sign(level)
    edges = [0, *(np.flatnonzero(np.diff(sign) != 0) + 1).tolist(), len(level)]
    found = []
    for start, stop in pairwise(edges):
        piece = level[start:stop]
        height = float(piece[np.abs(piece).argmax()])
        if abs(height) >= smallest:
            found.append((height, start * 1000 / RATE_HZ, stop * 1000 / RATE_HZ))
    return found


def _notched(level: np.ndarray, height: float) -> bool:
    """Two peaks, or a shoulder, on the upper half of the tallest upward wave."""
    smooth = uniform_filter1d(level, 3)
    top = np.flatnonzero(smooth > 0.5 * height)
    if len(top) < 8:
        return False
    piece = smooth[top[0] : top[-1] + 1]
    peaks, _ = find_peaks(piece, prominence=NOTCH_SHARE * height)
    return len(peaks) >= 2
