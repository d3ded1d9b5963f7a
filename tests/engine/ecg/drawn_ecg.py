"""ECGs drawn from raised cosines and straight lines, so that every onset and end is known to the millisecond."""

from dataclasses import dataclass, replace

import numpy as np

from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal

# mV of P, q, R, S and T in I, II and V1..V6; the other limb leads follow.
HEIGHTS = {
    "I": (0.08, -0.05, 0.6, -0.10, 0.20),
    "II": (0.15, -0.08, 1.0, -0.15, 0.30),
    "V1": (0.06, 0.0, 0.25, -1.0, -0.10),
    "V2": (0.06, 0.0, 0.4, -1.5, 0.40),
    "V3": (0.06, 0.0, 0.8, -0.9, 0.45),
    "V4": (0.08, -0.05, 1.4, -0.4, 0.40),
    "V5": (0.08, -0.08, 1.3, -0.2, 0.35),
    "V6": (0.08, -0.08, 1.0, -0.1, 0.25),
}
NAMES = list(HEIGHTS)
P_MS = 100.0  # from a P wave's onset to its end
T_RISE_MS, T_FALL_MS = 120.0, 100.0
TANGENT = 0.5 + 1 / np.pi  # of a half cosine's fall, where the tangent to its steepest point meets the level


@dataclass(frozen=True)
class Drawn:
    """One kind of beat: intervals in ms from P onset (PR) and QRS onset (QRS, QT by the tangent), heights in mV."""

    pr_ms: float = 160.0
    qrs_ms: float = 90.0
    qt_ms: float = 380.0
    p: float = 1.0  # factors on the heights
    qrs: float = 1.0
    t: float = 1.0
    st_mv: tuple[tuple[str, float], ...] = ()  # of the ST segment, by lead of NAMES
    wide_shape: bool = False  # a single slurred wave in place of q, R and S

    def with_(self, **changes: object) -> "Drawn":
        return replace(self, **changes)  # type: ignore[arg-type]


NORMAL = Drawn()
VENTRICULAR = Drawn(p=0.0, qrs_ms=160.0, qrs=1.6, t=-1.5, qt_ms=420.0, wide_shape=True)


def draw(
    onsets_s: list[float] | np.ndarray,
    kinds: Drawn | list[Drawn] = NORMAL,
    seconds: float = 10.0,
    noise_mv: float = 0.004,
) -> EcgSignal:
    """A record whose beats' QRS complexes begin at `onsets_s`; white noise of `noise_mv`, always the same."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    eight = np.zeros((len(time), len(NAMES)))
    for k, onset in enumerate(onsets_s):
        eight += _beat(1000 * (time - onset), kinds[k] if isinstance(kinds, list) else kinds)
    eight += noise_mv * np.random.default_rng(7).standard_normal(eight.shape)
    return signal_of(twelve(eight))


def regular(rate_per_min: float, seconds: float = 10.0, first_s: float = 0.5) -> np.ndarray:
    """QRS onsets at an even rate, as far as a whole beat fits."""
    return np.arange(first_s, seconds - 0.5, 60 / rate_per_min)


def twelve(eight: np.ndarray) -> np.ndarray:
    """(T, 8) of NAMES -> (T, 12) of LEADS by Einthoven and Goldberger."""
    i, ii = eight[:, 0], eight[:, 1]
    limbs = np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2], axis=1)
    return np.concatenate([limbs, eight[:, 2:]], axis=1)


def signal_of(samples_mv: np.ndarray) -> EcgSignal:
    samples = samples_mv.astype(np.float32)
    return EcgSignal(samples, np.isfinite(samples).astype(np.float32))


def printed_3x4(signal: EcgSignal, strip: str | None = "II") -> EcgSignal:
    """What a page of three rows and four columns shows of a 10 s record, with a rhythm strip or without one."""
    shown = np.full_like(signal.samples_mv, np.nan)
    quarter = len(shown) // 4
    for column in range(4):
        part = (slice(column * quarter, (column + 1) * quarter), slice(3 * column, 3 * column + 3))
        shown[part] = signal.samples_mv[part]
    if strip:
        shown[:, LEADS.index(strip)] = signal.lead(strip)
    return signal_of(shown)


def _beat(ms: np.ndarray, kind: Drawn) -> np.ndarray:
    """(T, 8) mV of one beat, `ms` counted from its QRS onset."""
    heights = np.array([HEIGHTS[name] for name in NAMES])  # (8, 5)
    p = _hump(ms, -kind.pr_ms, P_MS / 2, P_MS / 2)
    t_peak = kind.qt_ms - TANGENT * T_FALL_MS
    t = _hump(ms, t_peak - T_RISE_MS, T_RISE_MS, T_FALL_MS)
    beat = np.outer(p, kind.p * heights[:, 0]) + np.outer(t, kind.t * heights[:, 4])
    for k in range(len(NAMES)):
        q, r, s = kind.qrs * heights[k, 1:4]
        corners = [0, r, 0] if kind.wide_shape else [0, q, r, s, 0]
        places = [0, 0.5, 1] if kind.wide_shape else [0, 0.2, 0.5, 0.8, 1]
        beat[:, k] += np.interp(ms, np.array(places) * kind.qrs_ms, corners, 0, 0)
    for name, level in kind.st_mv:
        beat[:, NAMES.index(name)] += np.interp(
            ms, [kind.qrs_ms * 0.8, kind.qrs_ms, t_peak, t_peak + 80], [0, level, level, 0]
        )
    return beat


def _hump(ms: np.ndarray, start: float, rise: float, fall: float) -> np.ndarray:
    """A wave of height 1 that rises from `start` along half a cosine and falls along another."""
    up = (1 - np.cos(np.pi * np.clip((ms - start) / rise, 0, 1))) / 2
    down = (1 - np.cos(np.pi * np.clip((ms - start - rise) / fall, 0, 1))) / 2
    return up - down
