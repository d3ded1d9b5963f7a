"""How an ECG page is laid out: which lead runs in which row and column, from the names beside the curves and their number.

A name may be misread and a curve may be missed, so every layout is scored as a whole: all names together say which one it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from engine.ecg.leads import CABRERA
from engine.ecg.text import Word, lead_likeness

LIMB, CHEST = ("I", "II", "III", "aVR", "aVL", "aVF"), ("V1", "V2", "V3", "V4", "V5", "V6")
THREE_BY_FOUR = (LIMB[:3], LIMB[3:], CHEST[:3], CHEST[3:])
CABRERA_THREE_BY_FOUR = (CABRERA[:3], CABRERA[3:], CHEST[:3], CHEST[3:])


@dataclass(frozen=True)
class Layout:
    """columns: the leads of each column from top to bottom, columns from left to right in time. strips: rhythm strips below."""

    columns: tuple[tuple[str, ...], ...]
    strips: int

    @property
    def rows(self) -> int:
        return len(self.columns[0]) + self.strips


LAYOUTS = {
    **{f"3x4+{n}" if n else "3x4": Layout(THREE_BY_FOUR, n) for n in (1, 0, 2, 3)},
    **{f"6x2+{n}" if n else "6x2": Layout((LIMB, CHEST), n) for n in (0, 1)},
    "12x1": Layout((LIMB + CHEST,), 0),
    "6x1": Layout((LIMB,), 0),
    **{f"3x4+{n} Cabrera" if n else "3x4 Cabrera": Layout(CABRERA_THREE_BY_FOUR, n) for n in (1, 0, 2, 3)},
    **{f"6x2+{n} Cabrera" if n else "6x2 Cabrera": Layout((CABRERA, CHEST), n) for n in (0, 1)},
    "12x1 Cabrera": Layout((CABRERA + CHEST,), 0),
    "6x1 Cabrera": Layout((CABRERA,), 0),
}
EARLY = 0.14  # of a column's width: how far before its column a name may begin
LATE = 0.55  # of a column's width: how far into it
CONTRADICTION = 0.5  # what a name at another lead's place counts against a layout
DROPPED_ROW = 0.8  # what a row that is taken for no curve counts against it
NAMELESS = 0.3  # what a column counts against it none of whose names was read, where others were
FAINT_ROW = 0.8  # what a row of curves counts against it that holds no ink, the whole width long
SURE_WIDTH = 0.02  # by which curves that are as long as whole columns differ from them: names may stand elsewhere
SURE_ENDS = 0.03  # of a column's width: ends of the curves that agree so well are the columns' ends
HIT = 0.015  # of a column's width: how far from its start a separator may stand
CLEAR = 0.75  # likeness times confidence from which a name is certain


@dataclass(frozen=True)
class Placed:
    """A layout laid on the rows of a page.

    rows: indices of the rows that carry curves, top to bottom. score: of the names. matched: (word, row, column) that agree.
    certain: how many of those are clear and say more than a number of strokes. strip_leads: the name beside each strip, or None.
    """

    name: str
    rows: tuple[int, ...]
    score: float
    certain: int
    matched: tuple[tuple[Word, int, int], ...] = field(repr=False)
    strip_leads: tuple[str | None, ...] = ()

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.name]


def candidates(
    words: list[Word], baselines: np.ndarray, strengths: np.ndarray, span: tuple[float, float], only: str | None = None
) -> list[Placed]:
    """Every layout that fits the number of rows, the best first.

    words: of the lead names. baselines: (rows,) px, ascending; strengths: how much of a curve each row holds, relative.
    span: left and right end of the curves, px. only: the layout that the reader states.
    """
    likeness = [(word, lead_likeness(word.text)) for word in words]
    likeness = [(word, like) for word, like in likeness if like]
    found = []
    for name, layout in LAYOUTS.items():
        spare = len(baselines) - layout.rows
        if spare < 0 or spare > 3 or (only and name != only):
            continue
        weakest = np.argsort(strengths, kind="stable")[: spare + 2]
        for dropped in combinations(sorted(weakest.tolist()), spare):
            rows = tuple(k for k in range(len(baselines)) if k not in dropped)
            cost = DROPPED_ROW * sum(strengths[k] for k in dropped) + FAINT_ROW * sum(1 - strengths[k] for k in rows)
            found.append(_placed(name, layout, rows, likeness, baselines, span, cost))
    return sorted(found, key=lambda placed: -placed.score)


def _placed(
    name: str,
    layout: Layout,
    rows: tuple[int, ...],
    likeness: list[tuple[Word, dict[str, float]]],
    baselines: np.ndarray,
    span: tuple[float, float],
    cost: float,
) -> Placed:
    y = baselines[list(rows)]
    pitch = float(np.median(np.diff(y))) if len(y) > 1 else 200.0
    tries = [_matched(layout, rows, likeness, y, span, shift * pitch) for shift in np.linspace(-0.5, 0.4, 10)]
    score, matched, strips = max(tries, key=lambda one: one[0])
    certain = sum(
        word.confidence * _alike(lead_likeness(word.text), layout.columns[column][row]) > CLEAR
        and layout.columns[column][row] not in ("I", "II", "III")
        for word, row, column in matched
    )
    return Placed(name, rows, score - cost, certain, tuple(matched), strips)


def _matched(
    layout: Layout,
    rows: tuple[int, ...],
    likeness: list[tuple[Word, dict[str, float]]],
    y: np.ndarray,
    span: tuple[float, float],
    shift: float,
) -> tuple[float, list[tuple[Word, int, int]], tuple[str | None, ...]]:
    """The names' score if they stand `shift` px below (negative: above) their curves; the ones that agree; the strips' names."""
    count, grid_rows = len(layout.columns), len(layout.columns[0])
    width = (span[1] - span[0]) / count
    pitch = float(np.median(np.diff(y))) if len(y) > 1 else 200.0
    best: dict[tuple[int, int], tuple[float, Word]] = {}
    strips: list[tuple[float, str] | None] = [None] * layout.strips
    score = 0.0
    for word, like in likeness:
        x, height = word.box[0], word.middle[1]
        row = int(np.abs(y + shift - height).argmin())
        if abs(y[row] + shift - height) > 0.5 * pitch:
            continue
        if row >= grid_rows:
            lead, alike = max(like.items(), key=lambda item: item[1])
            if x < span[0] + 0.2 * width and (strips[row - grid_rows] or (0, ""))[0] < alike * word.confidence:
                strips[row - grid_rows] = (alike * word.confidence, lead)
            continue
        column = int(np.floor((x - span[0]) / width + EARLY))
        into = (x - span[0]) / width - column
        if not 0 <= column < count:
            continue
        alike = _alike(like, layout.columns[column][row]) * word.confidence
        if alike > 0 and -EARLY <= into <= LATE:
            if alike > best.get((row, column), (0.0, word))[0]:
                best[row, column] = (alike, word)
        else:
            score -= CONTRADICTION * max(like.values()) * word.confidence
    named = {column for _, column in best}
    score -= NAMELESS * (count - len(named)) if named else 0.0
    score += sum(value for value, _ in best.values()) + 0.5 * sum(strip[0] for strip in strips if strip)
    matched = [(word, row, column) for (row, column), (_, word) in sorted(best.items(), key=lambda item: item[0])]
    return score - 0.3 * abs(shift) / pitch, matched, tuple(strip[1] if strip else None for strip in strips)


def _alike(like: dict[str, float], lead: str) -> float:
    """How much a word means a lead; the minus sign of Cabrera's -aVR is easily lost."""
    return max(like.get(lead, 0.0), 0.9 * like.get(lead.lstrip("-"), 0.0))


def column_starts(
    placed: Placed, separators: np.ndarray, span: tuple[float, float], expected: tuple[float, ...]
) -> np.ndarray:
    """(columns + 1,) px where the columns begin and the last one ends.

    separators: px where strokes or jumps of the curves stand. span: left and right end of the curves, px. expected: widths (px)
    that a column of 2.5, 5 or 10 s can have at the usual paper speeds; taken where the page agrees within a twentieth.
    """
    count = len(placed.layout.columns)
    if count == 1:
        return np.array(span)
    left, right = span
    width = _column_width(placed, separators, (right - left) / count)
    whole = (right - left) / count
    near = [w for w in expected if abs(w / whole - 1) < SURE_WIDTH]
    near = near or [w for w in expected if abs(w / width - 1) < 0.05]
    width = min(near, key=lambda w: abs(w - width)) if near else width
    start = _first_start(separators, span, width, count)
    starts = start + width * np.arange(count + 1)
    for column in range(1, count):  # exactly at the separator that stands there
        nearest = min(separators, key=lambda x: abs(x - starts[column]), default=starts[column])
        if abs(nearest - starts[column]) < HIT * width:
            starts[column] = nearest
    starts[0] = min(max(starts[0], left), left + 0.2 * width) if abs(starts[0] - left) < 0.2 * width else left
    starts[-1] = right
    return starts


def _column_width(placed: Placed, separators: np.ndarray, whole: float) -> float:
    """From the names' distances where they stand in two columns or more, else from the whole width."""
    by_column: dict[int, list[float]] = {}
    for word, _, column in placed.matched:
        by_column.setdefault(column, []).append(word.box[0])
    if len(by_column) < 2:
        return whole
    columns = np.array(sorted(by_column))
    places = np.array([np.median(by_column[c]) for c in columns])
    slopes = [
        (places[j] - places[i]) / (columns[j] - columns[i])
        for i in range(len(columns))
        for j in range(i + 1, len(columns))
    ]
    named = float(np.median(slopes))
    return named if abs(named / whole - 1) < 0.35 else whole


def _first_start(separators: np.ndarray, span: tuple[float, float], width: float, count: int) -> float:
    """Where the first column begins: so that the inner starts meet the separators, or from both ends of the curves."""
    left, right = span
    ends = [left, right - count * width]
    guess = float(np.mean(ends)) if abs(ends[0] - ends[1]) < 0.06 * width else left
    reach = 0.03 if abs(ends[0] - ends[1]) < SURE_ENDS * width else 0.12
    tries = guess + np.linspace(-reach, reach, 49) * width
    inner = np.arange(1, count)
    if len(separators) == 0:
        return guess
    far = np.array([np.abs(separators[None, :] - (t + width * inner)[:, None]).min(axis=1) for t in tries])
    hits = (far < HIT * width).sum(axis=1)
    if hits.max() < min(2, count - 1):
        return guess
    best = tries[hits == hits.max()]
    return float(best[np.abs(best - guess).argmin()])
