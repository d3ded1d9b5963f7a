"""Clips around fitted sparks, and how likely each pixel is to belong to one: what the tried pixel network sees and answers.

The fitted shape says how likely each pixel is to hold at least a quarter of the spark's dF/F0; the network sees the light
itself beside that shape and adds to its logit. With nothing added the pixels are those of the fit alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.sparks.baseline import Grid
from engine.sparks.fit import Fit
from engine.sparks.kinetics import PIXEL_LEVEL, release, variance

FRAMES, BEFORE = 28, 4  # working frames of a clip, and how many of them lie before the fitted peak
SIDE = 24  # working samples of a clip's sides
LIGHT, FITTED, BRIGHT, OTHERS = range(
    4
)  # a clip's channels: z, logit of the fit, the fit's and the other sparks' deviations
CHANNELS = 4
INPUTS, OUTPUTS = CHANNELS * FRAMES, FRAMES  # of the U-Net, which sees the frames of a clip side by side
DEVIATIONS = 4.0  # by which light is divided
SHARPNESS = 4.0  # logit of the fit per e-fold of its light
LARGEST_LOGIT = 8.0


Place = tuple[int, int, int]
Window = tuple[slice, slice, slice]


def first_of(fit: Fit, grid: Grid) -> Place:
    """Where the clip of a fitted spark begins."""
    t, y, x = fit.peak_ms / grid.ms, fit.y_um / grid.um, fit.x_um / grid.um
    return round(t) - BEFORE, round(y) - SIDE // 2, round(x) - SIDE // 2


def clip_of(z: np.ndarray, worth: np.ndarray, grid: Grid, fit: Fit, others: Sequence[Fit]) -> np.ndarray:
    """(CHANNELS, FRAMES, SIDE, SIDE) float32 around a fit; zeros beyond the (T, H, W) standardised samples.

    worth: (H, W) deviations of one unit of dF/F0. others: fits of the other sparks.
    """
    first = first_of(fit, grid)
    clip = np.zeros((CHANNELS, FRAMES, SIDE, SIDE), np.float32)
    here, there = _overlap(first, z.shape)
    clip[LIGHT][here] = np.clip(z[there] / DEVIATIONS, -3, 3)
    deviations = np.zeros((SIDE, SIDE), np.float32)
    deviations[here[1:]] = worth[there[1:]]
    axes = _axes(first, grid)
    own = relative(fit, *axes)
    clip[FITTED] = _logit(own) / DEVIATIONS
    clip[BRIGHT] = _bounded(fit.amplitude * own * deviations)
    for other in others:
        if _reaches(other, first, grid):
            clip[OTHERS] += _bounded(other.amplitude * relative(other, *axes) * deviations)
    return clip


def probabilities(
    fit: Fit, added: np.ndarray, grid: Grid, shape: tuple[int, int, int]
) -> tuple[Window, np.ndarray] | None:
    """The window of a (T, H, W) recording that a fit's clip covers and each pixel's probability of belonging to the spark.

    added: (FRAMES, SIDE, SIDE) what is added to the logit of the fit, on the working grid. None if the clip lies outside of
    the recording.
    """
    bins = (grid.bin_frames, grid.bin_rows, grid.bin_px)
    window, matrices = [], []
    for start, size, factor, length in zip(first_of(fit, grid), added.shape, bins, shape, strict=True):
        low, high = max(start * factor, 0), min((start + size) * factor, length)
        if high <= low:
            return None
        window.append(slice(low, high))
        matrices.append(_interpolation((np.arange(low, high) - (factor - 1) / 2) / factor - start, size))
    times, rows, columns = (np.arange(s.start, s.stop) for s in window)
    um, ms = grid.um / grid.bin_px, grid.ms / grid.bin_frames
    more = np.einsum("ta,yb,xc,abc->tyx", *matrices, added.astype(np.float32), optimize=True)
    logit = _logit(relative(fit, times * ms, rows * um, columns * um)) + more
    return (window[0], window[1], window[2]), (1 / (1 + np.exp(-logit))).astype(np.float32)


def relative(fit: Fit, times_ms: np.ndarray, rows_um: np.ndarray, columns_um: np.ndarray) -> np.ndarray:
    """(T, H, W) float32: dF/F0 of a fitted spark over its amplitude."""
    course = release(times_ms - fit.onset_ms, fit.rise_ms, fit.tau_ms)
    spread = variance(times_ms - fit.peak_ms, fit.sigma_um, fit.diffusion)
    down, across = (
        np.exp(-0.5 * (places - centre) ** 2 / spread[:, None])
        for places, centre in ((rows_um, fit.y_um), (columns_um, fit.x_um))
    )
    return (course[:, None, None] * down[:, :, None] * across[:, None, :]).astype(np.float32)


def _logit(share: np.ndarray) -> np.ndarray:
    """Of belonging to the spark, for its share of the amplitude: 0 at PIXEL_LEVEL."""
    logit = SHARPNESS * np.log(np.maximum(share, 1e-6) / PIXEL_LEVEL)
    return np.clip(logit, -LARGEST_LOGIT, LARGEST_LOGIT)


def _bounded(light: np.ndarray) -> np.ndarray:
    return np.clip(light / DEVIATIONS, 0, 3)


def _axes(first: Place, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (ms) and places (um) of a clip's samples: of the middles of the frames and pixels that were averaged."""
    late = (grid.bin_frames - 1) / 2 / grid.bin_frames
    inward = (grid.bin_px - 1) / 2 / grid.bin_px
    return (
        (first[0] + np.arange(FRAMES) + late) * grid.ms,
        (first[1] + np.arange(SIDE) + inward) * grid.um,
        (first[2] + np.arange(SIDE) + inward) * grid.um,
    )


def _overlap(first: Place, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a clip lies inside the samples: in the clip and in the samples."""
    here, there = [], []
    for start, size, length in zip(first, (FRAMES, SIDE, SIDE), shape, strict=True):
        low, high = max(start, 0), max(min(start + size, length), max(start, 0))
        here.append(slice(low - start, high - start))
        there.append(slice(low, high))
    return tuple(here), tuple(there)


def _reaches(fit: Fit, first: Place, grid: Grid) -> bool:
    """Whether a spark's place and time lie within a clip's length of the clip."""
    at = (fit.peak_ms / grid.ms, fit.y_um / grid.um, fit.x_um / grid.um)
    return all(s - n < p < s + 2 * n for p, s, n in zip(at, first, (FRAMES, SIDE, SIDE), strict=True))


def _interpolation(at: np.ndarray, size: int) -> np.ndarray:
    """(len(at), size) weights of linear interpolation at fractional samples, the ends held."""
    return np.maximum(0, 1 - np.abs(np.clip(at, 0, size - 1)[:, None] - np.arange(size))).astype(np.float32)
