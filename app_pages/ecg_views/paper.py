"""The ECG drawn anew on clean paper, as SVG in millimetres: colour on the trace says what spoke for a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app_pages.shared.wording import text
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal

MM_PER_S, MM_PER_MV = 25.0, 10.0
PAGE_SECONDS = 10.0
LEVELS = 8  # of colour; level 0 is left bare
STEP = 2  # every second sample is drawn: 0.1 mm on paper
COLUMNS = {"3 × 4": 4, "6 × 2": 2, "12 × 1": 1}
MARGIN_MM, PULSE_MM = 3.0, 7.0
ROOM_MM = (9.0, 14.0)  # least and most paper above and below a row's baseline
MOST_MM = 24.0


@dataclass(frozen=True)
class Mark:
    """A stretch of time to point at; lead None: in every lead. `label` stands above it."""

    start_s: float
    stop_s: float
    lead: str | None = None
    label: str = ""


@dataclass(frozen=True)
class Cell:
    """A lead's place on the drawn page: its time window and its left end (mm)."""

    lead: str
    row: int
    left: float
    start_s: float
    stop_s: float

    def x(self, seconds: Any) -> Any:
        """mm from the left, of one time or of an array of times."""
        return self.left + (seconds - self.start_s) * MM_PER_S


def usual_arrangement(signal: EcgSignal) -> str:
    """The arrangement that shows every lead's given stretch: as printed for a read page, 3 × 4 for a long record."""
    lengths = [np.isfinite(signal.lead(lead)).sum() / RATE_HZ for lead in signal.given()]
    middle = float(np.median(lengths)) if lengths else PAGE_SECONDS
    return "6 × 2" if 3.5 < middle <= 6 else "3 × 4"


def paper(
    signal: EcgSignal,
    arrangement: str,
    title: str,
    attribution: np.ndarray | None = None,
    marks: tuple[Mark, ...] = (),
    beats: tuple[tuple[float, str], ...] = (),
    from_s: float = 0.0,
) -> str:
    """The SVG of one page of at most 10 s from `from_s` on, 25 mm/s and 10 mm/mV.

    arrangement: a key of COLUMNS. title: what the drawing shows, for those who cannot see it.
    attribution: (T, 12), 0..1 or NaN, on the signal's samples. beats: times (s) and what to write under them.
    """
    seconds = min(PAGE_SECONDS, signal.seconds - from_s)
    cells, rows = _cells(signal, COLUMNS[arrangement], from_s, seconds)
    tops, baselines, height = _rows(signal, cells, rows)
    width = 2 * MARGIN_MM + PULSE_MM + seconds * MM_PER_S
    body = [_pulse(y) for y in baselines]
    body += [_marks(cell, tops, baselines, marks) for cell in cells]
    if attribution is not None:
        body += [_halo(signal, cell, baselines[cell.row], attribution) for cell in cells]
    body += [_trace(signal, cell, baselines[cell.row]) for cell in cells]
    body += [_name(cell, baselines[cell.row], tops[cell.row]) for cell in cells]
    body += [_beats(cells[-1], height, beats)]
    return (
        f"<div class='scroll' tabindex='0' role='group' aria-label='{text(title)}'>"
        f"<svg class='paper' viewBox='0 0 {width:.1f} {height:.1f}' role='img' aria-label='{text(title)}'>"
        f"{_grid(width, height)}{''.join(body)}"
        f"<text class='scale' x='{width - MARGIN_MM:.1f}' y='{height - 1.4:.1f}' text-anchor='end'>25 mm/s   10 mm/mV</text>"
        "</svg></div>"
    )


def _cells(signal: EcgSignal, columns: int, from_s: float, seconds: float) -> tuple[list[Cell], int]:
    """The leads in columns, each for its share of the time, and the rhythm strips below."""
    per_column, share = len(LEADS) // columns, seconds / columns
    left = MARGIN_MM + PULSE_MM
    cells = []
    for k, lead in enumerate(LEADS):
        column, row = divmod(k, per_column)
        start = _window(signal.lead(lead), from_s + column * share, share)
        cells.append(Cell(lead, row, left + column * share * MM_PER_S, start, start + share))
    strips = [] if columns == 1 else _rhythm_leads(signal, from_s, seconds)
    cells += [Cell(lead, per_column + k, left, from_s, from_s + seconds) for k, lead in enumerate(strips)]
    return cells, per_column + len(strips)


def _window(values: np.ndarray, start_s: float, share: float) -> float:
    """Where to start: at the column's own time, or where the lead begins if it is hardly given there."""
    part = values[round(start_s * RATE_HZ) : round((start_s + share) * RATE_HZ)]
    given = np.flatnonzero(np.isfinite(values))
    if len(given) and np.isfinite(part).sum() < 0.3 * share * RATE_HZ:
        return float(given[0] / RATE_HZ)
    return start_s


def _rhythm_leads(signal: EcgSignal, from_s: float, seconds: float) -> list[str]:
    """The leads that are given throughout: those of a page's rhythm strips, or II of a record that gives all."""
    page = signal.samples_mv[round(from_s * RATE_HZ) : round((from_s + seconds) * RATE_HZ)]
    long = [lead for k, lead in enumerate(LEADS) if np.isfinite(page[:, k]).mean() > 0.8]
    return ["II"] if len(long) > 3 and "II" in long else long[:3]


def _values(signal: EcgSignal, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Times (s) and mV of a cell's samples, NaN where not given."""
    start, stop = max(round(cell.start_s * RATE_HZ), 0), round(cell.stop_s * RATE_HZ)
    values = signal.lead(cell.lead)[start:stop:STEP]
    return (start + STEP * np.arange(len(values))) / RATE_HZ, values


def _rows(signal: EcgSignal, cells: list[Cell], rows: int) -> tuple[list[float], list[float], float]:
    """Top and baseline of each row, and the page's height, so that neighbouring rows keep apart."""
    tops, baselines, y = [], [], 6.0
    for row in range(rows):
        inside = [_values(signal, cell)[1] for cell in cells if cell.row == row]
        given = np.concatenate([v[np.isfinite(v)] for v in inside] or [np.zeros(0)]) * MM_PER_MV
        up, down = (np.percentile(given, 99.8), -np.percentile(given, 0.2)) if len(given) else (0.0, 0.0)
        above, below = (float(np.clip(v + 2.0, ROOM_MM[0], MOST_MM)) for v in (up, down))
        tops.append(y)
        baselines.append(y + above + 3.0)
        y = baselines[-1] + below
    return tops, baselines, y + 6.0


def _grid(width: float, height: float) -> str:
    """Millimetre paper: fine lines every mm, bold ones every 5 mm."""
    fine = "".join(f"M{x} 0V{height:.1f}" for x in range(int(width) + 1) if x % 5)
    fine += "".join(f"M0 {y}H{width:.1f}" for y in range(int(height) + 1) if y % 5)
    bold = "".join(f"M{x} 0V{height:.1f}" for x in range(0, int(width) + 1, 5))
    bold += "".join(f"M0 {y}H{width:.1f}" for y in range(0, int(height) + 1, 5))
    return (
        f"<rect class='sheet' width='{width:.1f}' height='{height:.1f}'/><path class='fine' d='{fine}'/>"
        f"<path class='bold' d='{bold}'/>"
    )


def _pulse(baseline: float) -> str:
    return f"<path class='trace' d='M{MARGIN_MM} {baseline:.1f}h1v-10h5v10h1'/>"


def _points(cell: Cell, baseline: float, times: np.ndarray, values: np.ndarray) -> list[str]:
    return [f"{x:.1f} {baseline - mv * MM_PER_MV:.2f}" for x, mv in zip(cell.x(times), values, strict=True)]


def _trace(signal: EcgSignal, cell: Cell, baseline: float) -> str:
    times, values = _values(signal, cell)
    runs = [f"M{'L'.join(_points(cell, baseline, times[run], values[run]))}" for run in _runs(np.isfinite(values))]
    return f"<path class='trace' d='{''.join(runs)}'/>" if runs else ""


def _halo(signal: EcgSignal, cell: Cell, baseline: float, attribution: np.ndarray) -> str:
    """A broad band of colour behind the trace, one stroke per stretch of the same level."""
    times, values = _values(signal, cell)
    start = max(round(cell.start_s * RATE_HZ), 0)
    weight = attribution[start : round(cell.stop_s * RATE_HZ) : STEP, LEADS.index(cell.lead)]
    levels = np.where(np.isfinite(values), np.clip(np.nan_to_num(weight) * LEVELS, 0, LEVELS - 1), 0).astype(int)
    strokes = []
    for level in range(1, LEVELS):
        runs = [slice(run.start, run.stop + 1) for run in _runs(levels == level)]
        paths = [f"M{'L'.join(_points(cell, baseline, times[run], values[run]))}" for run in runs]
        strokes += (
            [f"<path class='halo l{level}' d='{''.join(paths).replace('nan', f'{baseline:.1f}')}'/>"] if paths else []
        )
    return "".join(strokes)


def _runs(where: np.ndarray) -> list[slice]:
    """The stretches of True of at least two samples."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def _name(cell: Cell, baseline: float, top: float) -> str:
    return f"<text class='lead' x='{cell.left + 1.5:.1f}' y='{top + 3.2:.1f}'>{cell.lead}</text>"


def _marks(cell: Cell, tops: list[float], baselines: list[float], marks: tuple[Mark, ...]) -> str:
    top = tops[cell.row]
    bottom = tops[cell.row + 1] if cell.row + 1 < len(tops) else 2 * baselines[cell.row] - top
    drawn = []
    for mark in marks:
        start, stop = max(mark.start_s, cell.start_s), min(mark.stop_s, cell.stop_s)
        if mark.lead not in (None, cell.lead) or stop <= start:
            continue
        x, width = cell.x(start), max((stop - start) * MM_PER_S, 0.6)
        drawn.append(f"<rect class='mark' x='{x:.1f}' y='{top:.1f}' width='{width:.1f}' height='{bottom - top:.1f}'/>")
        if mark.label:
            drawn.append(f"<text class='markname' x='{x + width / 2:.1f}' y='{top + 3:.1f}'>{text(mark.label)}</text>")
    return "".join(drawn)


def _beats(strip: Cell, height: float, beats: tuple[tuple[float, str], ...]) -> str:
    """What is said of single beats, under the last row."""
    inside = [(time, word) for time, word in beats if strip.start_s <= time <= strip.stop_s]
    return "".join(
        f"<text class='beat' x='{strip.x(time):.1f}' y='{height - 2.2:.1f}'>▲ {text(word)}</text>"
        for time, word in inside
    )
