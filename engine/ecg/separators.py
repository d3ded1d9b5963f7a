"""The strokes that printers draw between columns: where they stand, and what of the curves they hide.

Strokes of one page are alike: those of a column stand at one x, those of a row at one height. What else the network takes for
a separator close to one, usually the steep stroke of a QRS complex, is not at such a place and belongs to the curve.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

SURE = 0.6  # probability of a separator's pixels
LEAST_MM = 2.0  # height of a stroke
ALIKE = 1.35  # ratio of heights up to which strokes are of one kind
SAME_PLACE_MM = 1.0  # by which strokes of one column, or of one row, may differ
LINE_MM = 35.0  # a higher stroke is no curve's
LINE_END_MM = 12.0  # by which a line may go on beyond its pieces
RIM_PX = (2, 4)  # of a stroke's blurred sides, and ends
HALO_PX = 6  # around a stroke, where what little the network sees of one is its blur
FEW = 0.5  # share of the fullest column's strokes up to which others stand there by chance
EVEN = 0.03  # by which the distances of separators may differ
APART_MM = 20.0  # between columns; strokes that stand closer to a column's are curves'
NEAR_MM = 6.0  # of a separator: what is taken for another may be a curve's stroke
SOME_INK = 0.2  # from which a line is taken for ink in part
RULED = 0.85  # of the page's height: no curve stands over so much of one column
RULED_RIM_PX = 2  # of its blurred sides


@dataclass(frozen=True)
class Separators:
    """hidden: (h, w) bool, what the strokes cover. x: (columns,) px, ascending: their middles. beside: (h, w) bool, places so
    close to one that a stroke there is no separator."""

    hidden: np.ndarray = field(repr=False)
    x: np.ndarray
    beside: np.ndarray = field(repr=False)

    def ends(self) -> tuple[float, float] | None:
        """Where the first column begins and the last one ends (px), if three separators or more stand evenly."""
        steps = np.diff(self.x)
        if len(steps) < 2 or np.ptp(steps) > EVEN * steps.mean():
            return None
        return float(self.x[0] - steps.mean()), float(self.x[-1] + steps.mean())

    def crossed(self, y: float, reach: float) -> np.ndarray:
        """Middles (px) of the strokes that stand within `reach` px of a height."""
        top, bottom = max(0, int(y - reach)), int(y + reach) + 1
        at = np.clip(np.round(self.x).astype(int), 0, self.hidden.shape[1] - 1)
        return self.x[self.hidden[top:bottom, at].any(axis=0)]


def without_ruled(separators: Separators, ink: np.ndarray) -> Separators:
    """The separators, and hidden beside them the heavy upright lines of a grid that the network takes for ink in part.

    ink: (h, w) 0..1, curves and separators. Such a line stands at one x over most of the height that has curves; where one
    crosses it the line hides it.
    """
    height = np.flatnonzero((ink > SURE).any(axis=1))
    if len(height) == 0:
        return separators
    some = ink[height[0] : height[-1] + 1] > SOME_INK
    ruled = np.convolve(some.mean(axis=0) > RULED, np.ones(2 * RULED_RIM_PX + 1), "same") > 0
    return replace(separators, hidden=separators.hidden | ruled)


def find_separators(separator: np.ndarray, px_per_mm: float) -> Separators:
    """The strokes of a flat page's map (h, w) 0..1 of them: two or more alike at one x, or one across the rows."""
    boxes = _strokes(separator, px_per_mm)
    hidden, halo = np.zeros(separator.shape, bool), np.zeros(separator.shape, bool)
    near = np.zeros(separator.shape[1], bool)
    places = []
    for column in _columns(boxes, px_per_mm):
        left, right = _sides(separator, column)
        places.append((left + right - 1) / 2)
        near[_within(left, right, NEAR_MM * px_per_mm)] = True
        for top, bottom in _heights(column, boxes, px_per_mm):
            hidden[_within(top, bottom, RIM_PX[1]), _within(left, right, RIM_PX[0])] = True
            halo[_within(top, bottom, HALO_PX), _within(left, right, HALO_PX)] = True
    return Separators(hidden, np.array(sorted(places)), near & ~halo)


def _columns(boxes: np.ndarray, px_per_mm: float) -> list[np.ndarray]:
    """The strokes of each column; of two that stand too close to each other, the one with more strokes.

    A place with far fewer strokes than the fullest column is none, unless one of them crosses the rows.
    """
    found = _grouped(boxes, boxes[:, [0, 2]].mean(axis=1), SAME_PLACE_MM * px_per_mm)
    most = max((len(column) for column in found), default=0)
    kept: list[np.ndarray] = []
    for column in sorted(found, key=len, reverse=True):
        whole = (column[:, 3] - column[:, 1]).max() > LINE_MM * px_per_mm
        if (whole or len(column) > FEW * most) and all(
            abs(column[:, 0].mean() - other[:, 0].mean()) > APART_MM * px_per_mm for other in kept
        ):
            kept.append(column)
    return kept


def _within(first: float, last: float, reach: float) -> slice:
    return slice(max(0, round(float(first - reach))), max(0, round(float(last + reach))))


def _strokes(separator: np.ndarray, px_per_mm: float) -> np.ndarray:
    """(n, 4) left, top, right, bottom (px, ends excluded) of upright strokes that stand where others do, or are very high."""
    import cv2

    tall = np.ones((round(LEAST_MM * px_per_mm), 1), np.uint8)
    opened = cv2.morphologyEx((separator > SURE).astype(np.uint8), cv2.MORPH_OPEN, tall)
    _, _, stats, middles = cv2.connectedComponentsWithStats(opened)
    stats, x = stats[1:], middles[1:, 0]
    if len(stats) == 0:
        return np.zeros((0, 4))
    height = stats[:, cv2.CC_STAT_HEIGHT].astype(float)
    alike = np.abs(np.log(height[:, None] / height)) < np.log(ALIKE)
    fellows = ((np.abs(x[:, None] - x) < SAME_PLACE_MM * px_per_mm) & alike).sum(axis=1)
    usual = (alike & (fellows >= 2)[None, :]).sum(axis=1).argmax()
    stroke = (fellows >= 2) & alike[usual] | (height > LINE_MM * px_per_mm)
    left, top, width, tallness = stats[stroke, :4].T.astype(float)
    return np.stack([left, top, left + width, top + tallness], axis=1)


def _sides(separator: np.ndarray, column: np.ndarray) -> tuple[float, float]:
    """Left and right end (px, excluded) of a column's strokes: what is separator over half of their height, in half of them.

    A curve's steep stroke that touches one is as high as it in few rows only.
    """
    left, right = int(column[:, 0].min()), int(column[:, 2].max())
    profiles = [np.median(separator[int(top) : int(bottom), left:right], axis=0) for _, top, _, bottom in column]
    sure = np.flatnonzero(np.median(profiles, axis=0) > SURE)
    return (left + float(sure[0]), left + float(sure[-1]) + 1) if len(sure) else (float(left), float(right))


def _grouped(boxes: np.ndarray, places: np.ndarray, apart: float) -> list[np.ndarray]:
    """The boxes in groups between whose sorted places there is more than `apart`."""
    if len(boxes) == 0:
        return []
    order = np.argsort(places)
    return np.split(boxes[order], np.flatnonzero(np.diff(places[order]) > apart) + 1)


def _heights(column: np.ndarray, boxes: np.ndarray, px_per_mm: float) -> list[tuple[float, float]]:
    """Tops and bottoms of the strokes of a column: where two or more make a row across the columns, the row's; one of lines."""
    lines = boxes[boxes[:, 3] - boxes[:, 1] > LINE_MM * px_per_mm]
    if len(lines):  # curves that cross it break a line up, and hide its ends
        beyond = LINE_END_MM * px_per_mm
        return [(float(lines[:, 1].min() - beyond), float(lines[:, 3].max() + beyond))]
    apart = SAME_PLACE_MM * px_per_mm
    rows = [row for row in _grouped(boxes, boxes[:, [1, 3]].mean(axis=1), apart) if len(row) >= 2]
    ends = [(float(top), float(bottom)) for top, bottom in (np.median(row[:, [1, 3]], axis=0) for row in rows)]
    alone = [
        (float(top), float(bottom))
        for _, top, _, bottom in column
        if all(bottom < row[0] or row[1] < top for row in ends)
    ]
    return ends + alone
