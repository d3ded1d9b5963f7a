"""From the ink of a row of ECG paper to a curve: one height per column of the flat page, sub-pixel.

A pen that draws y(x) goes up and down within a column as well as along. The path of least cost through the ink does the same:
a step to the next column costs little on ink, a move within a column costs little through ink. What the pen's width does to a
narrow peak is undone afterwards by a morphological opening of the upper and lower edge of the stroke.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

INK = 0.5  # probability from which a pixel is ink
REACH_MM = 38.0  # how far above and below its row's baseline a curve is looked for
BLANK_STEP = 4.0  # cost of a column without ink
BLANK_MOVE = 0.6  # cost of a px moved within a column without ink
INK_MOVE = 0.006  # cost of a px moved within a column through ink
AWAY = 0.0016  # cost per px beyond AWAY_FREE_MM from the baseline, per column
AWAY_FREE_MM = 4.0
CLOSED_PX = 4  # of a stroke's ink that may be missing on its way up or down
SHORT_GAP_MM = 2.5  # a longer stretch without ink is not read
NIB_SHARE = 0.7  # of the pen's width: half of what a narrow peak is widened by
PULSE_ZONE_MM = 22.0  # from an end of a row: where its calibration pulse may stand
PULSE_EDGE_MM = 0.3  # what the falling edge takes
SUPPORT_MM = 0.35  # half window over which the ink along a path is averaged


@dataclass(frozen=True)
class RowCurve:
    """One row's curve on the flat page. y: (w,) px, NaN where there is no ink; confidence: (w,) 0..1. width: of the pen, px."""

    y: np.ndarray
    confidence: np.ndarray
    width: float
    baseline: float


def row_baselines(trace: np.ndarray, px_per_mm: float) -> np.ndarray:
    """Heights (px, ascending) at which rows of curves run. trace: (h, w) 0..1 of the flat page."""
    import cv2
    from scipy import ndimage, signal

    level = cv2.morphologyEx(
        (trace > INK).astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, max(3, round(0.8 * px_per_mm))), np.uint8)
    )
    profile = ndimage.gaussian_filter1d(level.sum(axis=1).astype(float), 1.6 * px_per_mm)
    if profile.max() <= 0:
        return np.zeros(0)
    peaks, found = signal.find_peaks(profile, distance=round(7 * px_per_mm), prominence=0.12 * profile.max())
    strong = np.median(np.sort(profile[peaks])[-3:]) if len(peaks) else 0.0
    return peaks[(profile[peaks] > 0.28 * strong) & (found["prominences"] > 0.2 * strong)].astype(float)


def follow_rows(trace: np.ndarray, baselines: np.ndarray, px_per_mm: float) -> list[RowCurve]:
    """The curve of every row. trace: (h, w) 0..1; baselines: (rows,) px, ascending."""
    from scipy import ndimage

    paths = np.clip(_paths(trace, baselines, px_per_mm), 0, trace.shape[0] - 1)
    runs = _runs(ndimage.binary_closing(trace > INK, np.ones((CLOSED_PX, 1), bool)))
    return [_curve(trace, runs, paths, row, baselines[row], px_per_mm) for row in range(len(baselines))]


@dataclass(frozen=True)
class Pulses:
    """Calibration pulses of 1 mV. height_px: typical; left, right: where the curves proper begin and end beside them, px."""

    height_px: float
    left: float
    right: float


def calibration_pulses(curves: list[RowCurve], px_per_mm: float) -> Pulses | None:
    """Rectangles at the left or right end of the rows, at the same place in at least half of them; None if there are none."""
    found = [pulse for row in curves for pulse in _row_pulses(row.y, px_per_mm)]
    width = len(curves[0].y)
    need = max(2, (len(curves) + 1) // 2)
    left, right, heights = 0.0, width - 1.0, []
    for side in (-1, 1):
        here = [p for p in found if (p[0] + p[1] < width) == (side < 0)]
        best = max(here, key=lambda p: sum(_alike(p, q, px_per_mm) for q in here), default=None)
        group = [q for q in here if best and _alike(best, q, px_per_mm)]
        if len(group) < need:
            continue
        heights += [height for _, _, height in group]
        if side < 0:
            left = float(np.median([stop for _, stop, _ in group])) + PULSE_EDGE_MM * px_per_mm
        else:
            right = float(np.median([start for start, _, _ in group])) - PULSE_EDGE_MM * px_per_mm
    return Pulses(float(np.median(heights)), left, right) if heights else None


def _alike(a: tuple[int, int, float], b: tuple[int, int, float], px_per_mm: float) -> bool:
    near = abs(a[0] - b[0]) < 3 * px_per_mm and abs(a[1] - b[1]) < 3 * px_per_mm
    return near and abs(a[2] / b[2] - 1) < 0.15


def _row_pulses(y: np.ndarray, px_per_mm: float) -> list[tuple[int, int, float]]:
    """(first column, last column, height in px) of flat tops with a steep fall on a side, near an end of a row's ink."""
    from scipy import ndimage

    there = np.flatnonzero(np.isfinite(y))
    if len(there) < 20 * px_per_mm:
        return []
    step = max(1, round(0.5 * px_per_mm))
    known = np.interp(np.arange(len(y)), there, y[there])
    level = float(np.median(known[there]))
    flat = np.abs(known - np.roll(known, step)) < 0.3 * px_per_mm
    flat &= np.abs(known - np.roll(known, -step)) < 0.3 * px_per_mm
    flat &= level - known > 3 * px_per_mm
    labels, _ = ndimage.label(flat)
    found = []
    for k, (run,) in enumerate(ndimage.find_objects(labels)):
        start, stop = run.start - step, run.stop - 1 + step
        near_end = start < there[0] + PULSE_ZONE_MM * px_per_mm or stop > there[-1] - PULSE_ZONE_MM * px_per_mm
        if not near_end or not 1.5 <= (stop - start) / px_per_mm <= 11 or k > 200:
            continue
        top = float(np.median(known[run]))
        beside = [known[min(len(y) - 1, stop + 2 * step)], known[max(0, start - 2 * step)]]
        height = max(beside) - top
        if height > 3.5 * px_per_mm:
            found.append((start, stop, height))
    return found


def _paths(trace: np.ndarray, baselines: np.ndarray, px_per_mm: float) -> np.ndarray:
    """(rows, w, 2) int: highest and lowest px that each row's path of least cost visits in each column."""
    reach = round(REACH_MM * px_per_mm)
    top = np.round(baselines).astype(int) - reach
    span = 2 * reach + 1
    blank = np.pad(1.0 - np.minimum(trace / INK, 1.0), ((reach, reach), (0, 0)), constant_values=1.0)
    rows = np.clip(top[:, None] + reach + np.arange(span), 0, len(blank) - 1)
    around = np.ascontiguousarray(blank.T)[:, rows]  # (w, rows, span)
    away = np.clip(np.abs(np.arange(span) - reach) - AWAY_FREE_MM * px_per_mm, 0, None) * AWAY
    return _shortest(around, away.astype(np.float32)) + top[:, None, None]


def _shortest(blank: np.ndarray, away: np.ndarray) -> np.ndarray:
    """(rows, w, 2): lowest and highest index that the cheapest left-to-right path visits in each column.

    blank: (w, rows, span) 0 on ink to 1; away: (span,) extra cost of entering a column at an index.
    """
    width, rows, span = blank.shape
    entered = np.empty((width, rows, span), np.float32)  # cost on entering a column at an index
    climb = np.cumsum(blank, axis=2, dtype=np.float32)  # cost of moving within a column from the first index on
    climb *= BLANK_MOVE
    climb += INK_MOVE * np.arange(span, dtype=np.float32)
    cost = np.zeros((rows, span), np.float32)
    for x in range(width):
        enter = entered[x]
        np.multiply(blank[x], BLANK_STEP, out=enter)
        enter += away
        enter += cost
        rise = climb[x]
        down = np.minimum.accumulate(enter - rise, axis=1)
        down += rise
        up = np.minimum.accumulate((enter + rise)[:, ::-1], axis=1)[:, ::-1]
        up -= rise
        cost = np.minimum(down, up, out=down)
        cost -= cost.min(axis=1, keepdims=True)
    visited = np.empty((rows, width, 2), int)
    each = np.arange(rows)
    leave = cost.argmin(axis=1)
    for x in range(width - 1, -1, -1):
        rise = climb[x]
        enter_at = (entered[x] + np.abs(rise - rise[each, leave][:, None])).argmin(axis=1)
        visited[:, x, 0], visited[:, x, 1] = np.minimum(enter_at, leave), np.maximum(enter_at, leave)
        leave = enter_at
    return visited


def _curve(trace: np.ndarray, runs: Runs, paths: np.ndarray, row: int, baseline: float, px_per_mm: float) -> RowCurve:
    from scipy import ndimage

    height, width = trace.shape
    upper, lower = _edges(trace, runs, paths, row)
    inked = np.isfinite(upper)
    columns = np.arange(width)
    if inked.sum() < 20:
        return RowCurve(np.full(width, np.nan), np.zeros(width, np.float32), 1.0, baseline)
    pen = float(np.clip(np.quantile((lower - upper)[inked], 0.25), 1.0, 1.2 * px_per_mm))
    upper, lower = (np.interp(columns, columns[inked], edge[inked]) for edge in (upper, lower))
    window = 2 * int(NIB_SHARE * pen / 2) + 1
    above = ndimage.maximum_filter1d(upper + pen / 2, window)  # right at peaks, filled at narrow troughs
    below = ndimage.minimum_filter1d(lower - pen / 2, window)  # right at troughs, cut at narrow peaks
    level = ndimage.median_filter((above + below) / 2, round(6 * px_per_mm) | 1, mode="nearest")
    y = np.where(level - above > below - level, above, below)
    y = np.where(np.abs(above - below) < 0.6 * pen, (above + below) / 2, y)
    support = ndimage.uniform_filter1d(_ink_along(trace, paths[row]), max(1, round(2 * SUPPORT_MM * px_per_mm)))
    gap = ndimage.binary_opening(~inked, np.ones(max(2, round(SHORT_GAP_MM * px_per_mm)), bool))
    y = np.where(gap, np.nan, np.clip(y, 0, height - 1))
    return RowCurve(y, np.where(gap, 0.0, support).astype(np.float32), pen, baseline)


def _ink_along(trace: np.ndarray, visited: np.ndarray) -> np.ndarray:
    """Mean ink of what a path visits in each column."""
    summed = np.concatenate([np.zeros((1, trace.shape[1]), np.float32), np.cumsum(trace, axis=0, dtype=np.float32)])
    top, bottom = visited.T
    x = np.arange(trace.shape[1])
    return (summed[bottom + 1, x] - summed[top, x]) / (bottom - top + 1)


@dataclass(frozen=True)
class Runs:
    """Of each pixel (h, w): top and bottom of the upright run of ink that it is in; the nearest ink at or below and above it."""

    top: np.ndarray
    bottom: np.ndarray
    below: np.ndarray
    above: np.ndarray


def _runs(ink: np.ndarray) -> Runs:
    height = ink.shape[0]
    y = np.arange(height, dtype=np.int32)[:, None]
    top = np.maximum.accumulate(np.where(ink, -1, y), axis=0) + 1
    bottom = np.minimum.accumulate(np.where(ink, height, y)[::-1], axis=0)[::-1] - 1
    below = np.minimum.accumulate(np.where(ink, y, height)[::-1], axis=0)[::-1]
    above = np.maximum.accumulate(np.where(ink, y, -1), axis=0)
    return Runs(top, bottom, below, above)


def _edges(trace: np.ndarray, runs: Runs, paths: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower edge (px, sub-pixel) of the ink that a row's path goes through, column by column; NaN without ink.

    Ink that runs on into another row's path is shared half way between the two.
    """
    height, width = trace.shape
    x = np.arange(width)
    start = np.maximum(paths[row, :, 0] - 1, 0)
    stop = np.minimum(paths[row, :, 1] + 1, height - 1)
    first, last = runs.below[start, x], runs.above[stop, x]
    inked = (first <= stop) & (last >= start)
    first, last = np.where(inked, first, start), np.where(inked, last, stop)
    top, bottom = runs.top[first, x], runs.bottom[last, x]
    for other in np.delete(paths, row, axis=0):
        over, under = other[:, 1] < first, other[:, 0] > last
        top = np.where(over, np.maximum(top, (other[:, 1] + first) // 2), top)
        bottom = np.where(under, np.minimum(bottom, (other[:, 0] + last) // 2), bottom)
    upper = top - 0.5 + _inset(trace, top, np.maximum(top - 1, 0), x)
    lower = bottom + 0.5 - _inset(trace, bottom, np.minimum(bottom + 1, height - 1), x)
    return np.where(inked, upper, np.nan), np.where(inked, lower, np.nan)


def _inset(trace: np.ndarray, rim: np.ndarray, beyond: np.ndarray, x: np.ndarray) -> np.ndarray:
    """How far inside the rim pixel's outer side its ink ends, px: where the probability between the two pixels is INK."""
    inside, outside = trace[rim, x], trace[beyond, x]
    drop = inside - outside
    return np.where(drop > 1e-3, 0.5 - (inside - INK) / np.maximum(drop, 1e-3), 0.0).clip(-0.5, 0.5)
