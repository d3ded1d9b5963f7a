"""How a cell's resting light fades while it is recorded.

Commonly a parabola follows it well enough. A wave, however, lights up much of the cell for as long as a third of a window, and
a parabola would follow that. Then the light of the blocks beside the wave decides: among curves that only fall, the one that
most blocks lie on and hardly any below, since calcium makes a cell brighter and never darker than at rest.
"""

from __future__ import annotations

import numpy as np

FEWEST_BLOCKS = 6  # with fewer, no wave can be told from the rest
WAVE = 0.06  # share of the resting light by which a wave raises that of the whole cell; bleaching and sparks stay below
LOSSES = np.arange(0.0, 0.62, 0.02)  # share of the light lost by the end
RATES = (0.01, 2.0, 5.0)  # of the exponential that loses it, per window: from a line to a steep fall
ON_CURVE = 0.012  # of the light: one deviation of a block from the curve of rest
FAR = 3.0  # deviations from which on a block above the curve counts as a wave, however bright
LOSS_COST = 1.5  # of losing all light: of two curves that fit alike, the flatter one
LOWEST, HIGHEST = 0.3, 3.0  # of the factor


def bleaching_factor(blocks: np.ndarray, above: np.ndarray, centres: np.ndarray, frames: int) -> np.ndarray:
    """(T,) float32: the factor on F0 in each of the frames, 1 in its median.

    blocks: (N, pixels) counts above background of the cell's pixels, means of successive frames; above: (pixels,) their
    median over the blocks; centres: (N,) the blocks' middles in frames.
    """
    if len(blocks) < 4:
        return np.ones(frames, np.float32)
    level = _cell_level(blocks, above)
    time = np.arange(frames) / frames
    if len(blocks) >= FEWEST_BLOCKS:
        loss, rate, scale = _curve_of_rest(np.maximum(level, 1e-3), centres / frames)
        brightest = float((level / (scale * _fading(centres / frames, loss, rate))).max()) - 1
        if brightest > WAVE:
            return _around_its_median(_fading(time, loss, rate))
    return _around_its_median(_parabola(level, centres / frames - 0.5, time - 0.5))


def _cell_level(blocks: np.ndarray, above: np.ndarray) -> np.ndarray:
    """(N,) relative brightness of the cell: a median, which alone is biased at few photons, and the mean of what lies near it."""
    middle = np.median(blocks / above, axis=1, keepdims=True)
    left_over = blocks - middle * above
    limit = 4 * np.median(np.abs(left_over), axis=1, keepdims=True)
    return middle[:, 0] + np.clip(left_over, -limit, limit).mean(1) / above.mean()


def _parabola(level: np.ndarray, at: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The parabola through the levels at the wanted times; what is brighter counts less, as events are."""
    weight = np.ones(len(level))
    for _ in range(6):
        curve = np.polyfit(at, level, min(2, len(level) - 2), w=weight)
        left = level - np.polyval(curve, at)
        width = 1.4826 * np.median(np.abs(left)) + 1e-4
        weight = 1 / (1 + (np.maximum(left, -0.3 * left) / (2 * width)) ** 2)
    return np.polyval(curve, wanted)


def _curve_of_rest(level: np.ndarray, at: np.ndarray) -> tuple[float, float, float]:
    """Loss, rate and light at the start of the falling curve that most of the levels (N,) at times from 0 to 1 lie on.

    Every level in turn is taken to lie on each curve, and the curve of least cost is kept.
    """
    loss, rate = (grid.ravel() for grid in np.meshgrid(LOSSES, RATES, indexing="ij"))
    curves = _fading(at, loss[:, None], rate[:, None])
    scales = level / curves
    off = (level - scales[:, :, None] * curves[:, None, :]) / (ON_CURVE * level.min())
    cost = np.where(off > 0, np.minimum(off**2, FAR**2), np.minimum(off**2, 2 * FAR * np.abs(off))).sum(2)
    best, through = np.unravel_index(int((cost + LOSS_COST * loss[:, None]).argmin()), cost.shape)
    on_curve = np.abs(off[best, through]) < FAR
    return float(loss[best]), float(rate[best]), float(scales[best][on_curve].mean())


def _fading(time: np.ndarray, loss: np.ndarray | float, rate: np.ndarray | float) -> np.ndarray:
    """Light at times from 0 to 1 of what has 1 at first and 1 - loss at last."""
    return 1 + loss * np.expm1(-rate * time) / -np.expm1(-rate)


def _around_its_median(curve: np.ndarray) -> np.ndarray:
    return np.clip(curve / np.median(curve), LOWEST, HIGHEST).astype(np.float32)
