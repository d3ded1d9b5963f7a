"""The bounds of P, QRS and T on one beat that several leads show at once (or on a single lead: a beat of one column)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from engine.ecg.leads import RATE_HZ

QRS_REACH_S = (0.16, 0.22)  # how far before and after the R peak a QRS may begin and end
LEAST_SLOPE_MV = 1e-6  # per sample; less is rounding, finer than any recorder resolves
QRS_EDGE_SHARE = 0.045  # of the QRS's steepest slope, where it begins and ends
NOISE_FACTOR = 2.2  # over the slopes of the quiet stretches
AFTER_FACTOR = 1.3  # over the usual slope of the ST segment and T wave
EDGE_S = 0.016  # for which the slope has to stay low
P_BEFORE_QRS_S = (0.44, 0.02)  # from its onset's earliest place to its peak's latest, before the QRS
P_HALF_S = 0.10  # that a P wave may reach to each side of its peak
P_SIGMA_S = 0.022  # of the Gaussian that a P wave resembles
P_MIN_MV = 0.02  # root mean square over leads of its height; less is no P wave to be seen
T_SIGMA_S = 0.045
T_MIN_MV = 0.04
T_AFTER_J_S = (0.06, 0.46)  # where the T wave's peak may lie after the J point
T_FOOT_S = 0.08  # after its end, where the T wave's hollow may be taken for a P wave
T_PEAK_SHARE = (
    0.27  # of the root of the distance from J to the next beat (s): a peak later after J is less likely the T wave
)
T_TO_NEXT_S = 0.14  # that it keeps from the next QRS


@dataclass(frozen=True)
class Waves:
    """Bounds of one beat, in samples at 500 Hz. The end of the QRS is the J point. None: no such wave to be seen."""

    qrs_onset: int
    qrs_offset: int
    p_onset: int | None = None
    p_peak: int | None = None
    p_offset: int | None = None
    t_peak: int | None = None
    t_offset: int | None = None

    def moved(self, samples: int) -> Waves:
        """The same waves counted from a place `samples` earlier."""
        return Waves(*(None if place is None else place + samples for place in vars(self).values()))  # type: ignore[arg-type]


def find_waves(beat_mv: np.ndarray, r_index: int, rr_samples: float) -> Waves:
    """Bounds of the waves that the leads show together: earliest onset, latest end.

    beat_mv: (W, leads) mV without NaN. r_index: its R peak. rr_samples: the usual distance to the beats before and after.
    """
    onset, offset = qrs_bounds(beat_mv, r_index)
    t_peak, t_offset = t_bounds(beat_mv, offset, r_index + rr_samples)
    none = (round(offset + 0.2 * RATE_HZ - rr_samples),) * 2  # no T wave was seen: it would have ended by then
    last_t = none if t_peak is None or t_offset is None else (round(t_peak - rr_samples), round(t_offset - rr_samples))
    p_onset, p_peak, p_offset = p_bounds(beat_mv, onset, last_t)
    return Waves(onset, offset, p_onset, p_peak, p_offset, t_peak, t_offset)


def qrs_bounds(beat_mv: np.ndarray, r_index: int) -> tuple[int, int]:
    """(onset, offset) by the spatial velocity: where the slope of all leads together rises from, and returns to, a low level.

    Both are the R peak where no lead moves around it.
    """
    velocity = _velocity(beat_mv)
    first = max(0, r_index - int(QRS_REACH_S[0] * RATE_HZ))
    last = min(len(velocity) - 1, r_index + int(QRS_REACH_S[1] * RATE_HZ))
    core = slice(max(0, r_index - int(0.06 * RATE_HZ)), r_index + int(0.06 * RATE_HZ))
    steepest = float(velocity[core].max())
    if steepest < LEAST_SLOPE_MV:
        return r_index, r_index
    quiet = velocity[max(0, r_index - int(0.3 * RATE_HZ)) : max(1, r_index - int(0.06 * RATE_HZ))]
    level = max(QRS_EDGE_SHARE * steepest, NOISE_FACTOR * float(np.quantile(quiet, 0.2)) if len(quiet) else 0)
    after = velocity[r_index + int(0.14 * RATE_HZ) : r_index + int(0.3 * RATE_HZ)]
    level_after = max(level, AFTER_FACTOR * float(np.median(after))) if len(after) else level  # a steep ST-T is no QRS
    fast = np.flatnonzero(velocity[core] > 0.5 * steepest) + core.start
    onset = _edge(velocity, int(fast[0]), first, min(level, 0.4 * steepest), -1)
    offset = _edge(velocity, int(fast[-1]), last, min(level_after, 0.4 * steepest), +1)
    return onset, offset


def p_bounds(beat_mv: np.ndarray, qrs_onset: int, last_t: tuple[int, int]) -> tuple[int | None, int | None, int | None]:
    """(onset, peak, offset) of the P wave before the QRS, three None without one.

    last_t: where the T wave of the beat before peaks and ends; the P wave may lie on its descent.
    """
    first = int(max((last_t[0] + last_t[1]) / 2, qrs_onset - P_BEFORE_QRS_S[0] * RATE_HZ, 0.03 * RATE_HZ))
    last = qrs_onset - int(P_BEFORE_QRS_S[1] * RATE_HZ)
    if last - first < 0.04 * RATE_HZ:
        return None, None, None
    flat = beat_mv[: qrs_onset + 1]
    held = np.repeat(flat[-1:], int(0.1 * RATE_HZ), axis=0)  # the QRS must not reach into the filter
    flat = np.concatenate([flat, held])
    bump = _bumps(flat, P_SIGMA_S)
    strength = np.sqrt((bump**2).mean(axis=1))
    peaks, _ = find_peaks(strength[first : last + 1])
    if not len(peaks):
        return None, None, None
    places = peaks + first
    likely = strength[places] * _near(places, qrs_onset) * ~_feet_of_t(bump, places, last_t)
    if likely.max() <= 0:
        return None, None, None
    place = int(places[likely.argmax()])
    combined = _combine(flat, bump[place])
    height = float((bump[place] ** 2).sum() / max(np.linalg.norm(bump[place]), 1e-9))
    grain = combined[first : last + 1] - gaussian_filter1d(combined, 0.01 * RATE_HZ)[first : last + 1]
    if height < max(P_MIN_MV * flat.shape[1] ** 0.5, 3 * float(np.std(grain))):
        return None, None, None
    onset = _foot(combined, place, max(0, place - int(P_HALF_S * RATE_HZ)), -1)
    offset = _foot(combined, place, min(qrs_onset, place + int(P_HALF_S * RATE_HZ)), +1)
    return onset, place, offset


def t_bounds(beat_mv: np.ndarray, j_point: int, next_r: float) -> tuple[int | None, int | None]:
    """(peak, offset) of the T wave, its end by the tangent to the steepest descent; two None without one."""
    first = j_point + int(T_AFTER_J_S[0] * RATE_HZ)
    last = int(
        min(j_point + T_AFTER_J_S[1] * RATE_HZ, next_r - T_TO_NEXT_S * RATE_HZ, len(beat_mv) - 1 - 0.05 * RATE_HZ)
    )
    if last - first < 0.06 * RATE_HZ:
        return None, None
    flat = beat_mv.copy()
    flat[:j_point] = flat[j_point]  # the QRS must not reach into the filter
    bump = _bumps(flat, T_SIGMA_S)
    strength = np.sqrt((bump**2).mean(axis=1))
    peaks, _ = find_peaks(strength[first : last + 1])
    if not len(peaks):
        return None, None
    late = (peaks + first - j_point) / RATE_HZ - T_PEAK_SHARE * (max(next_r - j_point, 0) / RATE_HZ) ** 0.5
    place = int(peaks[(strength[peaks + first] * np.clip(1 - 4 * late, 0.3, 1)).argmax()] + first)
    combined = gaussian_filter1d(_combine(flat, bump[place]), 0.008 * RATE_HZ)
    if np.linalg.norm(bump[place]) < T_MIN_MV:
        return None, None
    near = slice(max(first, place - int(0.04 * RATE_HZ)), place + int(0.04 * RATE_HZ))
    peak = int(combined[near].argmax()) + near.start
    return peak, _tangent_end(
        combined, peak, int(min(peak + 0.22 * RATE_HZ, next_r - 0.06 * RATE_HZ, len(combined) - 2))
    )


def _velocity(beat_mv: np.ndarray) -> np.ndarray:
    """(W,) mV per sample: the length of the slope over all leads, smoothed over 10 ms."""
    slope = np.gradient(uniform_filter1d(beat_mv, 3, axis=0), axis=0)
    return uniform_filter1d(np.sqrt((slope**2).mean(axis=1)), 5)


def _edge(velocity: np.ndarray, start: int, limit: int, level: float, step: int) -> int:
    """From `start` outwards, the first place from which the velocity stays below `level` for EDGE_S, else `limit`."""
    run = int(EDGE_S * RATE_HZ)
    low = 0
    for place in range(start, limit, step):
        low = low + 1 if velocity[place] < level else 0
        if low >= run:
            return place - step * (run - 1)
    return limit


def _bumps(beat_mv: np.ndarray, sigma_s: float) -> np.ndarray:
    """(W, leads) height in mV of a Gaussian wave of this width at each place; straight slopes give 0."""
    sigma = sigma_s * RATE_HZ
    return -gaussian_filter1d(beat_mv, sigma, axis=0, order=2) * sigma**2 * 2**1.5


def _combine(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(W,) the one lead that shows a wave of these heights best (matched filter over leads)."""
    return values @ (weights / max(float(np.linalg.norm(weights)), 1e-9))


def _near(places: np.ndarray, qrs_onset: int) -> np.ndarray:
    """How likely a P wave peaks there: fully up to 0.24 s before the QRS, less and less up to 0.44 s."""
    distance = (qrs_onset - places) / RATE_HZ
    return np.clip(1.0 - (distance - 0.24) * 2.0, 0.4, 1.0)


def _feet_of_t(bump: np.ndarray, places: np.ndarray, last_t: tuple[int, int]) -> np.ndarray:
    """Which places are the hollow where the last T wave ends: bent the other way than the T wave, in the same leads."""
    peak, end = last_t
    if peak < 0:  # off the beat's left end, so that its leads are not known
        return places < end + T_FOOT_S * RATE_HZ / 2
    shape = bump[peak]
    size = np.linalg.norm(bump[places], axis=1) * np.linalg.norm(shape)
    opposite = (bump[places] @ shape) / np.maximum(size, 1e-9) < -0.6
    return opposite & (places < end + T_FOOT_S * RATE_HZ)


def _foot(wave: np.ndarray, peak: int, limit: int, step: int) -> int:
    """Where a wave that rises to `peak` begins (step -1) or ends (+1): its slope falls below a fifth of its steepest."""
    smooth = gaussian_filter1d(wave, 0.010 * RATE_HZ)
    slope = -step * np.gradient(smooth)
    path = np.arange(peak, limit, step)
    if len(path) < 4:
        return limit
    steepest = int(slope[path].argmax())
    rest = path[steepest:]
    low = np.flatnonzero(slope[rest] < 0.2 * slope[rest[0]])
    return int(rest[low[0]]) if len(low) else limit


def _tangent_end(wave: np.ndarray, peak: int, limit: int) -> int | None:
    """Where the tangent to the steepest descent after `peak` meets the level that the wave comes to rest at (Lepeschkin 1952)."""
    if limit - peak < 0.03 * RATE_HZ:
        return None
    slope = np.gradient(wave)[peak:limit]
    steepest = int(slope.argmin())
    if slope[steepest] >= 0:
        return None
    calm = np.flatnonzero(slope[steepest:] > 0.15 * slope[steepest])
    rest = steepest + (int(calm[0]) if len(calm) else len(slope) - 1 - steepest)
    drop = wave[peak + steepest] - wave[peak + rest]
    return int(min(round(peak + steepest - drop / slope[steepest]), limit))
