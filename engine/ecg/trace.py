"""From the ink of a row of ECG paper to a curve: one height per column of the flat page, sub-pixel.

A pen that draws y(x) goes up and down within a column as well as along. The path of least cost through the ink does the same:
a step to the next column costs little on ink, a move within a column costs little through ink. What the pen's width does to a
narrow peak is undone afterwards by a morphological opening of the upper and lower edge of the stroke, and what strokes that
have run into each other hide, by drawing the line again (pen.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from engine.ecg.pen import STEP_PX, Edges, retraced
from engine.ecg.separators import Separators

INK = 0.5  # probability from which a pixel is ink
PATH_INK = 0.3  # the same for a path: strokes that go steeply are thin and faint
REACH_MM = 38.0  # how far above and below its row's baseline a curve is looked for
BLANK_STEP = 3.0  # cost of a column without ink
BLANK_MOVE = 0.6  # cost of a px moved within a column without ink
INK_GAIN = 0.03  # what a px moved through ink within a column is worth: a curve goes along its strokes, not past them
AWAY = 0.0016  # cost per px beyond AWAY_FREE_MM from the baseline, per column
AWAY_FREE_MM = 4.0
OTHERS, OTHERS_SHARE = (
    1.5,
    0.7,
)  # cost of a column in which a curve is farther from its baseline than this share of a row
LETTER_INK = 0.2  # by which a curve has to be clearer where there are letters
LETTERS = 0.7  # share of a blank that letters are, which may hide a curve
LETTER = 0.3  # share of a blank that letters are for going along them, whatever ink of a curve may be there
HIDDEN = 0.15  # what a place that a separator hides counts as blank
JUMP = 0.03  # cost of a px by which a curve jumps at a separator
BREAK_MM = 10.0  # from a row's baseline: separators that end its curves
SHARED_PX = 6  # of a column that two rows' paths may have in common: curves cross
TAKEN = 0.06  # cost per px moved along another row's path, nearer to that row
TRESPASS = 0.25  # of the distance to another row's baseline: a wave that comes so near to it has run on into that row's
CLOSED_PX = 4  # of a stroke's ink that may be missing on its way up or down
SHORT_GAP_MM = 2.5  # a longer stretch without ink is not read
NIB_SHARE = 0.97  # of the pen's width on level lines: a nib that leaves little of the ink of steep ones
FRINGE, FRINGE_PX = 0.5, 2  # share of the most ink within so many px to the left and right, below which ink is blur
FINE = 4  # values per column
MERGED_PENS = 0.2  # height that remains of a stroke's ink, in pens, from which two strokes have merged
TIP_PENS, TIP_PX = 1.0, 0.02  # an edge's farthest place within so many pens, give or take, is the tip of a wave
STEEP_PENS = 2.0  # height of a column's ink, in pens, from which its stroke is steep
LEVEL_MM = 6.0  # length over which a curve's level is taken
FAINT = 0.3  # ink that nothing in a column exceeds is none
PULSE_ZONE_MM = 22.0  # from an end of a row: where its calibration pulse may stand
PULSE_EDGE_MM = 0.3  # what the falling edge takes
PULSE_SURE = 0.5
SUPPORT_MM = 0.35  # half window over which the ink along a path is averaged
SAME_PX, SAME_SHARE = 2.0, 0.5  # rows that run so close to each other over so much of their length are one row


@dataclass(frozen=True)
class RowCurve:
    """One row's curve on the flat page. y: (w,) px, NaN where there is no ink; confidence: (w,) 0..1. width: of the pen, px.

    way_x, way_y: (n,) px, the knots between which the pen went straight: finer than a column. breaks: places (px) at which
    separators end one curve and begin the next.
    """

    y: np.ndarray
    confidence: np.ndarray
    width: float
    baseline: float
    way_x: np.ndarray = field(default_factory=lambda: np.zeros(0))
    way_y: np.ndarray = field(default_factory=lambda: np.zeros(0))
    breaks: np.ndarray = field(default_factory=lambda: np.zeros(0))


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


def follow_rows(
    trace: np.ndarray,
    baselines: np.ndarray,
    px_per_mm: float,
    separators: Separators | None = None,
    letters: np.ndarray | None = None,
) -> list[RowCurve]:
    """The curve of every row. trace: (h, w) 0..1; baselines: (rows,) px, ascending; two that lead to one curve give one row.

    separators: strokes at which one curve ends and the next may begin at another height. letters: (h, w) 0..1, of print that
    curves may cross.
    """
    breaks = [separators.crossed(y, BREAK_MM * px_per_mm) if separators else np.zeros(0) for y in baselines]
    blank = _blank(trace, separators, letters)
    along = blank if letters is None else np.maximum(blank, LETTER * letters)
    paths = _paths(blank, along, baselines, px_per_mm, breaks)
    rows = _trespassers(paths, baselines)
    if len(rows):  # once more, where they gain nothing by another row's ink
        paths[rows] = _paths(blank, along, baselines, px_per_mm, breaks, rows, paths)
    paths = np.clip(paths, 0, trace.shape[0] - 1)
    sharp = _without_fringe(trace)
    edges = [_edges(sharp, paths, row) for row in range(len(baselines))]
    return _distinct(
        [
            _curve(trace, edges, row, paths[row], float(baselines[row]), px_per_mm, breaks[row])
            for row in range(len(baselines))
        ]
    )


def _blank(trace: np.ndarray, separators: Separators | None, letters: np.ndarray | None) -> np.ndarray:
    """(h, w) 0 on the ink of a curve to 1 on paper; between them what letters and separators may hide."""
    blank = 1.0 - np.minimum(trace / PATH_INK, 1.0)
    if letters is not None:
        blank = np.minimum(1.0 - np.minimum(trace / (PATH_INK + LETTER_INK * letters), 1.0), 1.0 - LETTERS * letters)
    if separators:
        blank[separators.hidden] = HIDDEN
    return blank


def _distinct(rows: list[RowCurve]) -> list[RowCurve]:
    """The rows without those that follow another row's curve: tips of QRS complexes, all equally high, look like a row.

    Of two that share a curve, the one whose baseline lies nearer to the curve's level stays.
    """
    away = [abs(np.nanmedian(row.y) - row.baseline) if np.isfinite(row.y).any() else np.inf for row in rows]
    kept: list[int] = []
    for k in sorted(range(len(rows)), key=lambda k: away[k]):
        if not any(_one_curve(rows[k].y, rows[other].y) for other in kept):
            kept.append(k)
    return [rows[k] for k in sorted(kept)]


def _one_curve(a: np.ndarray, b: np.ndarray) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    return bool(both.sum() > SAME_SHARE * len(a) and (np.abs(a - b)[both] < SAME_PX).mean() > SAME_SHARE)


@dataclass(frozen=True)
class Pulses:
    """Calibration pulses of 1 mV. height_px: typical; left, right: where the curves proper begin and end beside them, px."""

    height_px: float
    left: float
    right: float


def calibration_pulses(curves: list[RowCurve], px_per_mm: float) -> Pulses | None:
    """Rectangles at the left or right end of the rows, at the same place in at least half of them; None if there are none."""
    found = [pulse for row in curves for pulse in _row_pulses(row.y, px_per_mm)]
    return _at_an_end(found, len(curves), len(curves[0].y), px_per_mm)


def _at_an_end(found: list[tuple[int, int, float]], rows: int, width: int, px_per_mm: float) -> Pulses | None:
    """Of pulses (first column, last column, height), those that stand one below the other at an end of the rows."""
    need = max(2, (rows + 1) // 2)
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


def marked_pulses(pulse: np.ndarray, rows: int, px_per_mm: float) -> Pulses | None:
    """The same from the network's map of pulses (h, w) 0..1, where the rows of curves do not show them."""
    import cv2

    joined = cv2.morphologyEx(
        (pulse > PULSE_SURE).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, round(6 * px_per_mm)), np.uint8)
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    found = []
    for k, (x, y, width, height, _) in enumerate(stats[1:].tolist(), start=1):
        if not 3.5 <= height / px_per_mm <= 30 or width > 20 * px_per_mm:
            continue
        upper_half = (labels[y : y + height // 2, x : x + width] == k).any(axis=0)  # the foot may run on into the curve
        across = np.flatnonzero(upper_half)
        if len(across) > 1.5 * px_per_mm:
            found.append((x + int(across[0]), x + int(across[-1]), float(height)))
    return _at_an_end(found, rows, pulse.shape[1], px_per_mm)


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


def _trespassers(paths: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """Indices of rows whose path (rows, w, 2) somewhere goes along another row's, as far as to that one's baseline."""
    found = set()
    for row, other in permutations(range(len(paths)), 2):
        common = np.minimum(paths[row, :, 1], paths[other, :, 1]) - np.maximum(paths[row, :, 0], paths[other, :, 0])
        down = baselines[other] > baselines[row]
        near = baselines[other] - TRESPASS * (baselines[other] - baselines[row])
        reached = paths[row, :, 1] > near if down else paths[row, :, 0] < near
        if ((common > SHARED_PX) & reached).any():
            found.add(row)
    return np.array(sorted(found), int)


def _taken(paths: np.ndarray, baselines: np.ndarray, row: int, y: np.ndarray) -> np.ndarray:
    """(w, span) bool: of the heights y (span,) px of a row, those on another row's path and nearer to that one's baseline."""
    taken = np.zeros((paths.shape[1], len(y)), bool)
    for other in np.delete(np.arange(len(paths)), row):
        nearer = np.abs(y - baselines[other]) < np.abs(y - baselines[row])
        taken |= (y >= paths[other, :, :1]) & (y <= paths[other, :, 1:]) & nearer
    return taken


def _paths(
    blank: np.ndarray,
    along: np.ndarray,
    baselines: np.ndarray,
    px_per_mm: float,
    breaks: list[np.ndarray],
    rows: np.ndarray | None = None,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """(rows, w, 2) int: highest and lowest px that each row's path of least cost visits in each column.

    blank, along: (h, w) 0 on ink to 1, for moving up and down and for going from column to column.
    breaks: of each row, places (px) where its curve may jump.
    rows: which to follow, all if None; known: (all rows, w, 2) paths found so far, on whose ink these rows gain nothing.
    """
    rows = np.arange(len(baselines)) if rows is None else rows
    reach = round(REACH_MM * px_per_mm)
    top = np.round(baselines[rows]).astype(int) - reach
    span = 2 * reach + 1
    at = np.clip(top[:, None] + reach + np.arange(span), 0, len(blank) + 2 * reach - 1)
    up_down, around = (
        np.ascontiguousarray(np.pad(b, ((reach, reach), (0, 0)), constant_values=1.0).T)[:, at]
        for b in (blank, along)  # (w, rows, span)
    )
    move = up_down * (BLANK_MOVE + INK_GAIN)
    for k, row in enumerate(rows):
        at = _break_columns(breaks[row], len(around))
        move[at, k] = np.minimum(move[at, k], JUMP + INK_GAIN)
    if known is not None:
        for k, row in enumerate(rows):
            move[:, k] += TAKEN * _taken(known, baselines, int(row), top[k] + np.arange(span))
    far = np.abs(np.arange(span) - reach)
    pitch = np.median(np.diff(baselines)) if len(baselines) > 1 else span
    away = np.clip(far - AWAY_FREE_MM * px_per_mm, 0, None) * AWAY + OTHERS * (far > OTHERS_SHARE * pitch)
    return _shortest(around, move, away.astype(np.float32)) + top[:, None, None]


def _break_columns(breaks: np.ndarray, width: int) -> np.ndarray:
    """Columns (px) in which a curve jumps: those nearest to the breaks."""
    near = np.round(breaks).astype(int)[:, None] + np.array([-1, 0, 1])
    return np.unique(np.clip(near, 0, width - 1))


def _shortest(blank: np.ndarray, move: np.ndarray, away: np.ndarray) -> np.ndarray:
    """(rows, w, 2): lowest and highest index that the cheapest left-to-right path visits in each column.

    blank: (w, rows, span) 0 on ink to 1; move: (w, rows, span) cost of a px within a column, over -INK_GAIN; away: (span,)
    extra cost of entering a column at an index.
    """
    width, rows, span = blank.shape
    entered = np.empty((width, rows, span), np.float32)  # cost on entering a column at an index
    climb = np.cumsum(move, axis=2, dtype=np.float32)  # cost of moving within a column from the first index on
    index = np.arange(span, dtype=np.float32)
    climb -= INK_GAIN * index
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
        way = rise[each, leave][:, None] - rise
        enter_at = (entered[x] + np.where(index <= leave[:, None], way, -way)).argmin(axis=1)
        visited[:, x, 0], visited[:, x, 1] = np.minimum(enter_at, leave), np.maximum(enter_at, leave)
        leave = enter_at
    return visited


def _curve(
    ink: np.ndarray,
    edges: list[Edges],
    row: int,
    visited: np.ndarray,
    baseline: float,
    px_per_mm: float,
    breaks: np.ndarray,
) -> RowCurve:
    """The curve of a row, from the edges of every row's ink: first from its own edges, then by drawing it again."""
    from scipy import ndimage

    height, width = ink.shape
    upper, lower = edges[row]
    inked = np.isfinite(upper)
    columns = np.arange(width)
    if inked.sum() < 20:
        return RowCurve(np.full(width, np.nan), np.zeros(width, np.float32), 1.0, baseline)
    pen = float(np.clip(np.quantile((lower - upper)[inked], 0.25), 1.0, 1.2 * px_per_mm))
    upper, lower = _held(edges[row], breaks, pen, px_per_mm)
    inked = np.isfinite(upper)
    fine = np.arange(0, width - 1 + 1e-6, 1 / FINE)
    upper, lower = (np.interp(fine, columns[inked], edge[inked]) for edge in (upper, lower))
    y = _centre_line(upper, lower, pen, round(LEVEL_MM * px_per_mm))
    knots = np.arange(0, width - 1 + 1e-6, STEP_PX)
    others = [other for k, other in enumerate(edges) if k != row]
    way = np.clip(retraced(ink, edges[row], others, np.interp(knots, fine, y)), 0, height - 1)
    support = ndimage.uniform_filter1d(_ink_along(ink, visited), max(1, round(2 * SUPPORT_MM * px_per_mm)))
    gap = ndimage.binary_opening(~inked, np.ones(max(2, round(SHORT_GAP_MM * px_per_mm)), bool))
    middle = np.where(gap, np.nan, np.interp(columns, knots, way))
    return RowCurve(middle, np.where(gap, 0.0, support).astype(np.float32), pen, baseline, knots, way, breaks)


def _held(edges: Edges, breaks: np.ndarray, pen: float, px_per_mm: float) -> Edges:
    """The edges with what is hidden at each break filled in: the last values before it, and the first ones after it, go on."""
    upper, lower = (edge.copy() for edge in edges)
    most, beside = round(SHORT_GAP_MM * px_per_mm), round(2 * LEVEL_MM * px_per_mm)
    for at in np.round(breaks).astype(int):
        jump = _break_columns(np.array([at]), len(upper))
        upper[jump] = lower[jump] = np.nan
        known = np.flatnonzero(np.isfinite(upper))
        before, after = known[known < at].max(initial=-1), known[known > at].min(initial=len(upper))
        if before >= max(0, at - most):
            side = slice(max(0, before - beside), before + 1)
            upper[before + 1 : at], lower[before + 1 : at] = _going_on(upper[side], lower[side], -1, pen)
        if after < min(len(upper), at + most):
            side = slice(after, after + beside)
            upper[at:after], lower[at:after] = _going_on(upper[side], lower[side], 0, pen)
    return upper, lower


def _going_on(upper: np.ndarray, lower: np.ndarray, at: int, pen: float) -> tuple[float, float]:
    """The edges of a curve beyond one end of a stretch: a steep stroke there is on its way back to the curve's level."""
    top, bottom = float(upper[at]), float(lower[at])
    if bottom - top < STEEP_PENS * pen:
        return top, bottom
    level = float(np.nanmedian(upper + lower) / 2)
    near = min(top + pen / 2, bottom - pen / 2, key=lambda y: abs(y - level))
    return near - pen / 2, near + pen / 2


def _centre_line(upper: np.ndarray, lower: np.ndarray, pen: float, level_px: int) -> np.ndarray:
    """Where the middle of a round nib as wide as the pen (px) went, from the edges of its ink, FINE values per column.

    Where the two strokes of a narrow wave run into each other, the wave's outer edge alone tells; level_px: the length over
    which the median says which edge is the outer one.
    """
    from scipy import ndimage

    radius = NIB_SHARE * pen / 2
    reach = int(radius * FINE)
    sag = np.sqrt(radius**2 - (np.arange(-reach, reach + 1) / FINE) ** 2)
    above, below = (
        np.lib.stride_tricks.sliding_window_view(np.pad(edge, reach, mode="edge"), 2 * reach + 1)
        for edge in (upper, lower)
    )
    top, bottom = (above + sag).max(axis=1), (below - sag).min(axis=1)
    middle = (top + bottom) / 2
    level = ndimage.median_filter(middle, level_px * FINE | 1, mode="nearest")
    outer = np.where(level - top > bottom - level, top, bottom)
    merged = np.clip((bottom - top) / pen - MERGED_PENS, 0, 1)
    y = middle + merged * (outer - middle)
    around = 2 * round(TIP_PENS * pen * FINE) + 1
    higher = level - upper > lower - level  # of a wave and the next one within a pen's width: the higher one is drawn
    peak = (upper <= ndimage.minimum_filter1d(upper, around) + TIP_PX) & (upper + pen / 2 < y)
    trough = (lower >= ndimage.maximum_filter1d(lower, around) - TIP_PX) & (lower - pen / 2 > y)
    y = np.where(peak & (higher | ~trough), upper + pen / 2, y)
    return np.where(trough & (~higher | ~peak), lower - pen / 2, y)


def _ink_along(trace: np.ndarray, visited: np.ndarray) -> np.ndarray:
    """Mean ink of what a path visits in each column."""
    summed = np.concatenate([np.zeros((1, trace.shape[1]), np.float32), np.cumsum(trace, axis=0, dtype=np.float32)])
    top, bottom = visited.T
    x = np.arange(trace.shape[1])
    return (summed[bottom + 1, x] - summed[top, x]) / (bottom - top + 1)


def _without_fringe(trace: np.ndarray) -> np.ndarray:
    """The ink (h, w) without the blur on the sides of steep strokes, which would make every wave a little wider.

    Beside a steep stroke a column has nothing but its blur, and half of that is no edge.
    """
    import cv2

    most = cv2.dilate(trace, np.ones((1, 2 * FRINGE_PX + 1), np.uint8))
    return np.where(trace >= FRINGE * most, trace, np.float32(0.0))


def _edges(trace: np.ndarray, paths: np.ndarray, row: int) -> Edges:
    """Upper and lower edge (px, sub-pixel) of the ink that a row's path goes through, column by column; NaN without ink.

    The edge lies where the ink has half of the column's darkest on the path. Ink that runs on into another row's path is
    shared half way between the two.
    """
    height, width = trace.shape
    x = np.arange(width)
    first, last = np.maximum(paths[row, :, 0] - 1, 0), np.minimum(paths[row, :, 1] + 1, height - 1)
    darkest, top, bottom = _darkest(trace, first, last)
    inked = darkest > FAINT
    level = np.maximum(darkest, FAINT) / 2
    top, bottom = _run_end(trace, top, level, -1), _run_end(trace, bottom, level, 1)
    for other in np.delete(paths, row, axis=0):
        over, under = other[:, 1] < first, other[:, 0] > last
        meet = ~over & ~under & (np.abs(other[:, 1] + other[:, 0] - first - last) > SHARED_PX)
        above = other[:, 0] + other[:, 1] < first + last
        top = np.where(meet & above, np.maximum(top, np.minimum(first, last)), top)
        bottom = np.where(meet & ~above, np.minimum(bottom, last), bottom)
        top = np.where(over, np.maximum(top, (other[:, 1] + first) // 2), top)
        bottom = np.where(under, np.minimum(bottom, (other[:, 0] + last) // 2), bottom)
    upper = top - _beyond(trace[top, x], trace[np.maximum(top - 1, 0), x], level)
    lower = bottom + _beyond(trace[bottom, x], trace[np.minimum(bottom + 1, height - 1), x], level)
    return np.where(inked, upper, np.nan), np.where(inked, lower, np.nan)


def _darkest(trace: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each column between two rows: the most ink, the first and the last row (px) that hold at least half of it."""
    width = trace.shape[1]
    darkest, top, bottom = np.zeros(width, np.float32), first.copy(), last.copy()
    for x in range(width):
        ink = trace[first[x] : last[x] + 1, x]
        darkest[x] = ink.max()
        dark = np.flatnonzero(ink >= max(darkest[x], FAINT) / 2)
        if len(dark):
            top[x], bottom[x] = first[x] + dark[0], first[x] + dark[-1]
    return darkest, top, bottom


def _run_end(trace: np.ndarray, start: np.ndarray, level: np.ndarray, step: int) -> np.ndarray:
    """The last px of the ink above a level that goes on from a px of each column, upwards (-1) or downwards (1).

    A gap of up to CLOSED_PX is stepped over.
    """
    height, width = trace.shape
    end, active = start.copy(), np.arange(width)
    while len(active):
        goes = np.full(len(active), 0)
        for jump in range(CLOSED_PX, 0, -1):
            to = end[active] + jump * step
            inside = (to >= 0) & (to < height)
            dark = inside & (trace[np.clip(to, 0, height - 1), active] >= level[active])
            goes = np.where(dark, jump, goes)
        end[active] += goes * step
        active = active[goes > 0]
    return end


def _beyond(inside: np.ndarray, outside: np.ndarray, level: np.ndarray) -> np.ndarray:
    """How far beyond the middle of its rim px the ink ends, px: where it has fallen to the level."""
    return np.clip((inside - level) / np.maximum(inside - outside, 1e-3), 0.0, 1.0)
