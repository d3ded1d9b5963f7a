"""The best linear detector of a spark of known shape, at several sizes: what the network stands on and has to beat.

For a template h and samples z in noise deviations, where one unit of dF/F0 is worth s deviations, the log-likelihood
ratio of "a spark here" is largest for amplitude sum(z s h) / sum(s^2 h^2); its square root, signed, is
sum(z s h) / sqrt(sum(s^2 h^2)): a standard normal where there is no spark (Kay 1998, Detection Theory, chapter 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.sparks.kinetics import FWHM_PER_SIGMA, release, rise_of

FWHM_UM = (1.2, 2.0, 3.2)
TAU_MS = (20.0, 45.0)
TIME_TO_PEAK_MS = 10.0
CHANNELS = len(FWHM_UM) * len(TAU_MS)
TIME_BLOCK = 64  # samples of time that one matrix product answers


def matched_filters(
    z: np.ndarray, worth: np.ndarray, um: float, ms: float, fwhm_um: Sequence[float] = FWHM_UM
) -> np.ndarray:
    """Responses (channels, T, H, W) float32 to (T, H, W) samples; `worth` (H, W) is s. um, ms: size of a sample.

    Channels go through the sizes of `fwhm_um` and, within each, the decays of TAU_MS. A response stands at the spark's peak.
    """
    import cv2

    weighted = z * worth
    out = np.empty((len(fwhm_um) * len(TAU_MS), *z.shape), np.float32)
    channel = 0
    for fwhm in fwhm_um:
        shape = _gaussian(fwhm / FWHM_PER_SIGMA / um)
        rows = shape if z.shape[1] > 1 else np.ones(1)
        spread = np.stack([_blur(cv2, frame, rows, shape) for frame in weighted])
        energy = _blur(cv2, worth * worth, rows**2, shape**2)
        for tau in TAU_MS:
            course, before = _course(tau, ms)
            found = _along_time(spread.reshape(len(z), -1), course, before).reshape(z.shape)
            share = _along_time(np.ones((len(z), 1), np.float32), course**2, before)
            np.multiply(found, 1 / np.sqrt(np.maximum(share[:, :, None] * energy, 1e-9)), out=out[channel])
            channel += 1
    return out


def _gaussian(sigma_px: float) -> np.ndarray:
    reach = max(1, int(np.ceil(2.5 * sigma_px)))
    return np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)


def _course(tau_ms: float, ms: float) -> tuple[np.ndarray, int]:
    """The time course at whole samples, and how many of them lie before its peak."""
    rise = rise_of(TIME_TO_PEAK_MS, tau_ms)
    before = int(TIME_TO_PEAK_MS / ms) + 1
    after = max(1, int(np.ceil(2.2 * tau_ms / ms)))
    time = TIME_TO_PEAK_MS + np.arange(-before, after + 1) * ms
    return release(time, rise, tau_ms), before


def _blur(cv2: Any, picture: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(H, W) correlated with a symmetric shape along rows and columns; 0 beyond the edges."""
    return cv2.sepFilter2D(picture, cv2.CV_32F, columns, rows, borderType=cv2.BORDER_CONSTANT)


def _along_time(series: np.ndarray, course: np.ndarray, before: int) -> np.ndarray:
    """(T, N) float32 correlated with the course, whose sample `before` stands at the response's time; 0 beyond the ends."""
    frames, after = len(series), len(course) - 1 - before
    out = np.empty_like(series, dtype=np.float32)
    for start in range(0, frames, TIME_BLOCK):
        stop = min(start + TIME_BLOCK, frames)
        first, last = max(start - before, 0), min(stop + after, frames)
        lag = np.arange(first, last)[None, :] - np.arange(start, stop)[:, None] + before
        weights = np.where((lag >= 0) & (lag < len(course)), course[np.clip(lag, 0, len(course) - 1)], 0.0)
        np.matmul(weights.astype(np.float32), series[first:last], out=out[start:stop])
    return out
