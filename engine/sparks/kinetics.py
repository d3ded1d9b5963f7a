"""The shape of a calcium spark: a Gaussian in space that spreads, a biexponential in time.

dF/F0(t, r) = amplitude * release(t) * exp(-r^2 / 2 variance(t)), where release rises as 1 - exp(-t / rise), falls as
exp(-t / tau) and has its peak at 1; the variance grows by diffusion, 2 D t, and is sigma^2 at the peak. The usual
description of sparks (Cheng & Lederer 2008, doi:10.1152/physrev.00030.2007).
"""

from __future__ import annotations

import numpy as np

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
PIXEL_LEVEL = 0.25  # a pixel belongs to a spark while its dF/F0 is at least this share of the spark's amplitude


def release(time_ms: np.ndarray, rise_ms: np.ndarray | float, tau_ms: np.ndarray | float) -> np.ndarray:
    """Time course with its peak at 1; 0 before onset (time 0). Arguments broadcast; times in ms."""
    after = np.maximum(time_ms, 0.0)
    return -np.expm1(-after / rise_ms) * np.exp(-after / tau_ms) / _peak_height(rise_ms, tau_ms)


def variance(after_peak_ms: np.ndarray, sigma: np.ndarray | float, diffusion_per_ms: np.ndarray | float) -> np.ndarray:
    """Variance of the Gaussian, in the square of sigma's unit, at a time (ms) after the peak; before it, at least a third."""
    return np.maximum(np.square(sigma) + 2 * diffusion_per_ms * after_peak_ms, np.square(sigma) / 3)


def time_to_peak(rise_ms: np.ndarray | float, tau_ms: np.ndarray | float) -> np.ndarray:
    """Milliseconds from onset to the peak of `release`."""
    return np.asarray(rise_ms * np.log1p(np.asarray(tau_ms) / rise_ms))


def rise_of(time_to_peak_ms: float, tau_ms: float) -> float:
    """The rise constant (ms) that puts the peak of `release` at `time_to_peak_ms`.

    The time to peak grows with the rise constant and cannot exceed tau; it is kept below 0.98 tau.
    """
    wanted = min(time_to_peak_ms, 0.98 * tau_ms)
    low, high = 1e-4 * tau_ms, 100.0 * tau_ms
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if time_to_peak(middle, tau_ms) < wanted else (low, middle)
    return float(np.sqrt(low * high))


def crossings(rise_ms: float, tau_ms: float, level: float) -> tuple[float, float]:
    """First and last time (ms after onset) at which `release` is `level`, 0 < level < 1."""
    peak = float(time_to_peak(rise_ms, tau_ms))
    return _bisect(rise_ms, tau_ms, level, 0.0, peak), _bisect(rise_ms, tau_ms, level, peak + 40.0 * tau_ms, peak)


def duration_at_half_maximum(rise_ms: float, tau_ms: float) -> float:
    """FDHM in ms."""
    first, last = crossings(rise_ms, tau_ms, 0.5)
    return last - first


def _peak_height(rise_ms: np.ndarray | float, tau_ms: np.ndarray | float) -> np.ndarray:
    peak = time_to_peak(rise_ms, tau_ms)
    return -np.expm1(-peak / rise_ms) * np.exp(-peak / tau_ms)


def _bisect(rise_ms: float, tau_ms: float, level: float, below: float, above: float) -> float:
    for _ in range(60):
        middle = 0.5 * (below + above)
        if float(release(np.asarray(middle), rise_ms, tau_ms)) < level:
            below = middle
        else:
            above = middle
    return 0.5 * (below + above)
