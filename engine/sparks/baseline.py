"""Resting fluorescence, noise, bleaching and drift: what must be known before a change of light means anything.

Definitions, stated on the page too:

- *Working grid*: pixels are averaged to about 0.4 um and frames to at most 8 ms, so that a spark spans the same few
  samples in every recording.
- *Background*: counts without light, from the photon transfer line (noise variance against mean) and the darkest percent.
- *Bleaching*: a parabola through the cell's median relative brightness, block by block, or, where a wave passes, the falling
  curve that the blocks beside it lie on (`bleaching`).
- *Drift*: least-squares translation of block means against their average, smoothed over time.
- *F0*: running level of a window of at most WINDOW_FRAMES: of the means of blocks of 8 frames, the running 50th percentile and
  from there Tukey's biweight mean, where no longer release makes them scatter, and from the darker half where one makes them
  scatter much; found again once the clear sparks are taken out (`candidates`).
- *dF/F0* = (F - F0) / (F0 - background); *z* = (F - F0) / noise, the noise a line in F0 fitted to frame-to-frame differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.sparks.bleaching import bleaching_factor

WORKING_UM = 0.4
WORKING_MS = 8.0
WINDOW_FRAMES = 512  # working frames that share one F0
BLOCK_FRAMES = 8
MIN_STRUCTURE = 0.3  # of the resting cell: with less, a translation has nothing to hold on to
MIN_DRIFT_PX = 0.08  # less is not corrected
BIWEIGHT_REACH = (
    4.685  # deviations at which a block counts no more: 0.95 efficient in Gaussian noise (Beaton & Tukey 1974)
)
BIWEIGHT_ROUNDS = 3
RESTLESS = 1.4  # mean squared deviation of a place's blocks, averaged over RESTLESS_PX, that noise alone does not reach
RESTLESS_PX = 7
RELEASING, RELEASING_PX = 3.0, 25  # the same, averaged over both sizes, where a wave passes; a single spark is smaller
DARKER_MEDIAN = 0.674  # deviations by which the median of the darker half of Gaussian noise lies below its mean
DARKER_REACH = 3.0  # deviations at which a block counts no more there: the tail of a release lies close to rest
CELL_LEVEL = 0.25  # of the bright part of F0: darker is outside the cell


@dataclass(frozen=True)
class Grid:
    """How a recording is averaged: whole pixels and frames per sample, and the samples' size."""

    bin_px: int
    bin_frames: int
    um: float
    ms: float
    line_scan: bool = False

    @property
    def bin_rows(self) -> int:
        """Rows per sample: a line scan has only one."""
        return 1 if self.line_scan else self.bin_px


@dataclass(frozen=True)
class Rest:
    """The cell at rest on the working grid.

    f0: (H, W) counts above background at the window's start. background: counts. noise: (H, W) standard deviation of a
    single sample. bleaching: (T,) factor on f0. drift: (T, 2) px (y, x) of the working grid. gain: variance per count.
    cell: (H, W) bool.
    """

    f0: np.ndarray
    background: float
    noise: np.ndarray
    bleaching: np.ndarray
    drift: np.ndarray
    gain: float
    cell: np.ndarray

    def frames(self) -> np.ndarray:
        """(T, H, W) float32: F0 above background as it is in every frame, moved and bleached."""
        if not np.any(self.drift):
            return (self.f0[None] * self.bleaching[:, None, None]).astype(np.float32)
        moved = np.stack([_moved(self.f0, shift) for shift in self.drift])
        return (moved * self.bleaching[:, None, None]).astype(np.float32)


def working_grid(um_per_px: float, ms_per_frame: float, line_scan: bool = False) -> Grid:
    """The grid for a recording's pixel size (um) and frame interval (ms)."""
    bin_px = max(1, round(WORKING_UM / um_per_px))
    bin_frames = max(1, int(WORKING_MS / ms_per_frame + 1e-6))
    return Grid(bin_px, bin_frames, bin_px * um_per_px, bin_frames * ms_per_frame, line_scan)


def to_grid(frames: np.ndarray, grid: Grid) -> np.ndarray:
    """(T, H, W) counts averaged to (T', H', W') float32; what is left over at the ends is filled up with the last value."""
    import cv2

    rows, columns = -(-frames.shape[1] // grid.bin_rows), -(-frames.shape[2] // grid.bin_px)
    below, right = rows * grid.bin_rows - frames.shape[1], columns * grid.bin_px - frames.shape[2]
    out = np.empty((len(frames), rows, columns), np.float32)
    for number, frame in enumerate(frames):
        full = frame.astype(np.float32)
        if below or right:
            full = cv2.copyMakeBorder(full, 0, below, 0, right, cv2.BORDER_REPLICATE)
        out[number] = (
            full if full.shape == out.shape[1:] else cv2.resize(full, (columns, rows), interpolation=cv2.INTER_AREA)
        )
    if grid.bin_frames == 1:
        return out
    missing = -len(out) % grid.bin_frames
    out = np.concatenate([out, np.repeat(out[-1:], missing, axis=0)])
    return out.reshape(-1, grid.bin_frames, rows, columns).mean(1)


def rest_of(samples: np.ndarray, background: float | None = None) -> Rest:
    """The resting cell behind (T, H, W) samples of one window; `background` in counts if it is known."""
    variance = _difference_variance(samples)
    blocks, centres = block_means(samples)
    average = np.median(blocks, axis=0)
    if background is None:
        background = estimate_background(average, variance)
    drift = _drift(blocks, centres, len(samples))
    if np.any(drift):
        blocks = np.stack([_moved(b, -drift[round(c)]) for b, c in zip(blocks, centres, strict=True)])
        average = np.median(blocks, axis=0)
    above = np.maximum(average - background, 1e-3)
    cell = above > CELL_LEVEL * np.percentile(above, 90)
    bleaching = bleaching_factor((blocks - background)[:, cell], above[cell], centres, len(samples))
    at_block = bleaching[np.rint(centres).astype(int)]
    level = resting_level(
        (blocks - background) / at_block[:, None, None], np.sqrt(variance * len(blocks) / len(samples))
    )
    f0 = np.maximum(level, 1e-3)
    noise, gain = _noise(f0, variance)
    return Rest(f0.astype(np.float32), float(background), noise, bleaching, drift, gain, cell)


def standardise(samples: np.ndarray, rest: Rest) -> tuple[np.ndarray, np.ndarray]:
    """z of every sample (T, H, W) float32, and the noise deviations that one unit of dF/F0 is worth, (H, W) float32."""
    z = samples - rest.background
    z -= rest.frames()
    z /= rest.noise
    return _without_flashes(z), (rest.f0 / rest.noise).astype(np.float32)


def estimate_background(mean: np.ndarray, variance: np.ndarray) -> float:
    """Counts without light, from the mean picture and the noise variance of its pixels.

    The photon transfer line crosses zero variance at the background less a little (read noise); the darkest percent lies
    at it plus a little (haze). Where both are plausible, half way; where the picture is all cell, the line alone.
    """
    darkest = float(np.percentile(mean, 1))
    slope, crossing = _transfer_line(mean, variance)
    if slope <= 0:
        return 0.0
    crossing = float(np.clip(crossing, 0.0, darkest))
    bright = float(np.percentile(mean, 75))
    has_dark = darkest - crossing < 0.25 * (bright - crossing)
    return 0.5 * (crossing + darkest) if has_dark else crossing


def block_means(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (N, H, W) of blocks of successive samples, and the middle of each block in frames; at least 3 blocks if possible."""
    count = max(len(samples) // BLOCK_FRAMES, min(len(samples), 5))
    edges = np.linspace(0, len(samples), count + 1).astype(int)
    blocks = np.add.reduceat(samples, edges[:-1], axis=0) / np.diff(edges)[:, None, None]
    return blocks, (edges[:-1] + edges[1:] - 1) / 2


def resting_level(blocks: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    """(H, W) level of (N, H, W) block means whose noise deviation is (H, W).

    Tukey's biweight mean from their median on; the median itself where the blocks scatter by more than noise, since that
    stands a release which lasts for nearly half of them. Where they scatter much more far around, and their darker half no
    more than noise does, a wave passes, which only brightens: the biweight mean from the median of the darker half on. (A
    cell that moves is darker at times, too.)
    """
    median = np.median(blocks, axis=0)
    level = _biweight(blocks, median, deviation, BIWEIGHT_REACH)
    squares = (((blocks - median) / deviation) ** 2).mean(0)
    scatter = _around(squares, RESTLESS_PX)
    level = np.where(scatter > RESTLESS, median, level)
    wave = (scatter > RELEASING) & (_around(squares, RELEASING_PX) > RELEASING)
    if wave.any():
        darker = np.sort(blocks, axis=0)[: (len(blocks) + 1) // 2]
        start = np.median(darker, axis=0) + DARKER_MEDIAN * deviation
        rest = _biweight(blocks, start, deviation, DARKER_REACH)
        at_rest = _around((((darker - rest) / deviation) ** 2).mean(0), RESTLESS_PX) < RESTLESS
        level = np.where(wave & at_rest, rest, level)
    return level


# --- parts --------------------------------------------------------------------------------------------------------


def _difference_variance(samples: np.ndarray) -> np.ndarray:
    """(H, W) noise variance from successive differences, the largest tenth of them left out so that events do not count."""
    if len(samples) < 2:
        return np.full(samples.shape[1:], float(np.var(np.diff(samples, axis=2))) / 2 + 1e-6)
    step = max(1, len(samples) // 128)
    squares = np.diff(samples, axis=0)[::step] ** 2
    kept = max(1, int(0.9 * len(squares)))
    squares.partition(kept - 1, axis=0)
    trimmed = squares[:kept].mean(0)
    return (
        trimmed / (2 * (0.6216 if len(squares) > 1 else 1.0)) + 1e-6
    )  # of a Gaussian's square without its largest tenth


def _biweight(blocks: np.ndarray, start: np.ndarray, deviation: np.ndarray | float, reach: float) -> np.ndarray:
    """Tukey's biweight mean of the blocks (N, ...) from a level on; blocks that lie `reach` deviations off count no more."""
    level = start
    for _ in range(BIWEIGHT_ROUNDS):
        weight = np.maximum(1 - ((blocks - level) / (reach * deviation)) ** 2, 0.0) ** 2
        level = level + (weight * (blocks - level)).sum(0) / np.maximum(weight.sum(0), 1e-9)
    return level


def _around(values: np.ndarray, px: int) -> np.ndarray:
    """(H, W) averaged over so many samples, along a line or in a square."""
    import cv2

    return cv2.blur(values.astype(np.float32), (px, px if len(values) > 1 else 1), borderType=cv2.BORDER_REFLECT)


def _transfer_line(mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Slope of variance against mean, and the mean at which the line is 0; slope 0 where the picture is too even."""
    order = np.argsort(mean.ravel())
    groups = [g for g in np.array_split(order, 24) if len(g)]
    x = np.array([np.mean(mean.ravel()[g]) for g in groups])
    y = np.array([np.median(variance.ravel()[g]) for g in groups])
    if x[-2:].mean() < 1.3 * max(x[0], 1e-6) or len(x) < 4:
        return 0.0, 0.0
    for _ in range(3):
        weight = 1 / np.maximum(y, 1e-3 * y.max())
        slope, level = np.polyfit(x, y, 1, w=weight)
        kept = np.abs(slope * x + level - y) <= 2.5 * np.median(np.abs(slope * x + level - y)) + 1e-9
        if kept.sum() < 6:
            break
        x, y = x[kept], y[kept]
    return float(slope), float(-level / slope) if slope > 0 else 0.0


def _noise(f0: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, float]:
    """(H, W) deviation of one sample: a line in F0; a pixel that is three times as noisy keeps its own."""
    order = np.argsort(f0.ravel())
    groups = [g for g in np.array_split(order, 24) if len(g)]
    x = np.array([np.mean(f0.ravel()[g]) for g in groups])
    y = np.array([np.mean(np.sort(variance.ravel()[g])[: max(1, int(0.95 * len(g)))]) for g in groups])
    slope, level = (
        np.polyfit(x, y, 1, w=1 / np.maximum(y, 1e-3 * y.max())) if np.ptp(x) > 0.1 * x.mean() else (0.0, y.mean())
    )
    if slope < 0 or level < 0:
        slope, level = (float(np.median(y / np.maximum(x, 1e-6))), 0.0) if slope > 0 else (0.0, float(np.median(y)))
    line = np.maximum(level + slope * f0, max(float(np.percentile(variance, 2)) * 0.5, 1e-6))
    return np.sqrt(np.where(variance > 3 * line, variance, line)).astype(np.float32), float(slope)


def _drift(blocks: np.ndarray, centres: np.ndarray, frames: int) -> np.ndarray:
    """(T, 2) displacement in px (y, x), zeros where none is measurable."""
    import cv2

    still = np.zeros((frames, 2), np.float32)
    if len(blocks) < 5 or blocks.shape[2] < 16:
        return still
    smooth = np.stack([cv2.GaussianBlur(b.astype(np.float32), (0, 0), 0.8) for b in blocks])
    smooth /= np.maximum(smooth.mean((1, 2), keepdims=True), 1e-6)
    if _structure(smooth) < MIN_STRUCTURE:
        return still
    places = np.zeros((len(blocks), 2))
    for _ in range(3):
        aligned = np.stack([_moved(b, -p) for b, p in zip(smooth, places, strict=True)])
        places += _steps(aligned, np.median(aligned, axis=0))
    at = centres / frames - 0.5
    weight = np.ones(len(at))
    for _ in range(4):
        curves = [np.polyfit(at, places[:, axis], min(3, len(at) - 2), w=weight) for axis in (0, 1)]
        left = np.hypot(*(places[:, axis] - np.polyval(curves[axis], at) for axis in (0, 1)))
        weight = 1 / (1 + (left / (2 * np.median(left) + 1e-3)) ** 2)
    time = np.arange(frames) / frames - 0.5
    drift = np.stack([np.polyval(curve, time) for curve in curves], 1)
    drift -= np.median(drift, axis=0)
    scatter = float(np.median(left))
    if np.ptp(drift, axis=0).max() < max(MIN_DRIFT_PX, 2 * scatter) or np.abs(drift).max() > 8:
        return still
    return drift.astype(np.float32)


def _structure(pictures: np.ndarray) -> float:
    """Share of the picture's slopes that odd and even blocks (N, H, W) agree on: 0 in a cell of even light, 1 without noise."""
    odd, even = (np.diff(np.median(pictures[first::2], axis=0), axis=1) for first in (0, 1))
    return float((odd * even).sum() / max(float((odd * odd + even * even).sum()) / 2, 1e-12))


def _steps(pictures: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(N, 2) least-squares translation (y, x) of each picture against the reference (Lucas & Kanade 1981), at most 1 px."""
    slope_y, slope_x = (
        np.gradient(reference) if reference.shape[0] > 1 else (np.zeros_like(reference), np.gradient(reference, axis=1))
    )
    inner = (slice(2, -2) if reference.shape[0] > 8 else slice(None), slice(2, -2))
    slopes = np.stack([slope_y[inner].ravel(), slope_x[inner].ravel()])
    normal = slopes @ slopes.T + 1e-9 * np.eye(2)
    change = (reference - pictures)[(slice(None), *inner)].reshape(len(pictures), -1)
    limit = 4 * np.median(np.abs(change)) + 1e-9
    return np.clip(np.linalg.solve(normal, slopes @ np.clip(change, -limit, limit).T).T, -1, 1)


def _moved(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The picture displaced by (y, x) px, its edge repeated."""
    import cv2

    matrix = np.array([[1, 0, shift[1]], [0, 1, shift[0]]], np.float32)
    size = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(
        picture.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _without_flashes(z: np.ndarray) -> np.ndarray:
    """z with single samples that are bright alone (neither their neighbours nor the frames around) set to 0."""
    bright = np.argwhere(z > 5.0)
    if not len(bright) or len(bright) > 0.02 * z.size:
        return z
    t, y, x = bright.T
    size = np.array(z.shape)
    around = []
    for dt, dy, dx in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
        there = bright + np.array([dt, dy, dx])
        inside = ((there >= 0) & (there < size)).all(1)
        around.append(np.where(inside, z[tuple(np.clip(there, 0, size - 1).T)], 0.0))
    alone = (
        (np.mean(around, 0) < 0.25 * z[t, y, x]) & (np.max(around, 0) < 0.5 * z[t, y, x]) & (np.mean(around, 0) < 1.5)
    )
    z[t[alone], y[alone], x[alone]] = 0.0
    return z
