"""From the photo of an ECG page to its signals, top to bottom: maps, flat page, curves, names, layout, calibration, leads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.ecg.digitisation import Calibration, Digitisation, DigitiseOptions, LeadTrace
from engine.ecg.layout import LIMB, Placed, candidates, column_starts
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.physics import LeadLaws, lead_laws
from engine.ecg.rectify import PX_PER_MM, FlatPage, bent_page, flat_page
from engine.ecg.registration import KNOTS, LAWS, along, registered
from engine.ecg.segmentation import PageMaps, segment
from engine.ecg.separators import Separators, find_separators, without_ruled
from engine.ecg.signal import EcgSignal
from engine.ecg.text import Settings, Word, read_words, settings_of, word_boxes
from engine.ecg.trace import RowCurve, calibration_pulses, follow_rows, marked_pulses, row_baselines
from engine.errors import RefusedStudy
from engine.progress import Progress, part, silent

if TYPE_CHECKING:
    from engine.models import LoadedModel

WORKING_PX = (1500, 1800)  # long side of the picture that is worked on
MIN_CURVE_SHARE = 4e-4  # of the picture's pixels that curves cover on any ECG page
COLUMN_MM = 62.5  # 2.5 s at 25 mm/s: one column of a 3x4 page
USUAL_SPEED_MM_S, USUAL_GAIN_MM_MV = 25.0, 10.0
MIN_LEADS = 6
MIN_COLUMN_S = 1.2  # of paper: pages give each lead 2.5 s or more; what gives it half of that is a part of a page
MIN_CERTAIN = 3  # names that are read without doubt, for a page to be an ECG by its names
NAMES_AGREE = (
    2.5  # score of a layout from which the names at their places, even if read with doubt, say that it is an ECG
)
LAWS_KEPT = 0.5  # residual up to which the limb leads themselves say that this is an ECG
PULSE_MM = (5.0, 10.0, 20.0)  # height of a calibration pulse of 1 mV at the usual gains
JOIN_PX = 200  # without ink, within a row
BEYOND_MM = 1.0  # of the ends of the columns: what lies farther out is no curve
RIM_MS, RIM_MV = 10.0, 0.1  # at the ends of a column: what jumps there by more is no curve
BORDER_PX = 1.0  # beside a border between columns, and half a pen: there one curve ends and the next begins
SMOOTH_MM, SMOOTH_ORDER = 0.95, 4  # of paper over which a curve is a quartic: what is finer is the picture's grain
NAMED, USUAL = 0.25, 0.2  # correlation that a strip's name, and lead II, are worth
REMEDY = "Photograph the whole page from above, sharp and evenly lit."


@dataclass(frozen=True)
class Sheet:
    """The flat page: its picture and the network's maps on it, all (h, w), PX_PER_MM px per mm."""

    page: FlatPage
    rgb: np.ndarray
    trace: np.ndarray
    lead_name: np.ndarray
    other_text: np.ndarray
    pulse: np.ndarray
    separator: np.ndarray

    def upside_down(self) -> Sheet:
        turned = {name: getattr(self, name)[::-1, ::-1].copy() for name in ("rgb", *INKS)}
        return replace(self, page=self.page.upside_down(), **turned)


INKS = ("trace", "lead_name", "other_text", "pulse", "separator")


@dataclass(frozen=True)
class Curves:
    """The rows of curves on a sheet. strengths: (rows,) share of the width that each holds ink for; span: their ends, px.
    separators: (n,) px where strokes between columns stand; pulse_px: height of the calibration pulses."""

    rows: tuple[RowCurve, ...]
    strengths: np.ndarray
    span: tuple[float, float]
    separators: np.ndarray
    pulse_px: float | None = None

    @property
    def baselines(self) -> np.ndarray:
        return np.array([row.baseline for row in self.rows])


def digitise(
    photo: np.ndarray, options: DigitiseOptions, page_model: LoadedModel, progress: Progress = silent
) -> Digitisation:
    """The signals of a photographed ECG page.

    photo: (H, W, 3) uint8, as the reader sees it (EXIF turned). page_model: the network of segmentation.py.

    Raises:
        RefusedStudy: not_an_ecg, no_trace, too_few_leads or leads_contradict, with the remedy.
    """
    progress(0.0, "Finding the paper")
    picture, to_photo = _working_picture(photo, options)
    with page_model.lock:
        maps = segment(picture, page_model.module, page_model.device)
    return read_page(picture, maps, to_photo, options, part(progress, 0.4, 1.0))


def read_page(
    picture: np.ndarray, maps: PageMaps, to_photo: np.ndarray, options: DigitiseOptions, progress: Progress = silent
) -> Digitisation:
    """The same from a picture of working size and its maps. to_photo: (3, 3), from the picture's px to the photo's."""
    progress(0.0, "Flattening the page")
    sheet, reading = _read_sheet(_sheet(picture, maps), options, part(progress, 0.4, 0.8))
    if reading.laws.contradictory:
        sheet, reading = _read_curled(picture, maps, options, (sheet, reading), part(progress, 0.8, 1.0))
    progress(1.0, "Read")
    return _digitisation(sheet, reading, to_photo)


def _read_sheet(sheet: Sheet, options: DigitiseOptions, progress: Progress = silent) -> tuple[Sheet, Reading]:
    """A flat page, the right way up, and what it says in the likeliest layout."""
    progress(0.0, "Following the curves")
    curves = _curves(sheet)
    progress(0.5, "Reading the lead names")
    sheet, curves, words = _upright(sheet, curves, options.layout)
    settings = _settings(sheet, curves)
    readings = [_reading(sheet, curves, placed, settings, options) for placed in _plausible(words, curves, options)]
    best = min(readings, key=lambda reading: reading.cost)
    _refuse_unless_ecg(best)
    if sheet.page.mm_known:
        _refuse_part_of_page(best)
    return sheet, best


def _read_curled(
    picture: np.ndarray,
    maps: PageMaps,
    options: DigitiseOptions,
    plain: tuple[Sheet, Reading],
    progress: Progress = silent,
) -> tuple[Sheet, Reading]:
    """A page whose leads contradict each other, read again as curled paper if its grid shows a curl.

    Where rows lie at different places of a curl, what was recorded at once is not one below the other. Of the two readings of
    the whole page, the one that contradicts itself less.
    """
    page = bent_page(picture, maps.trace, _all_ink(maps))
    if page is None:
        return plain
    try:
        curled = _read_sheet(_laid(page, picture, maps), options, progress)
    except RefusedStudy:
        return plain
    return min(plain, curled, key=lambda read: read[1].laws.contradiction)


def _working_picture(photo: np.ndarray, options: DigitiseOptions) -> tuple[np.ndarray, np.ndarray]:
    """The photo, or the area between the reader's corners, at working size; and the map from its px back to the photo's."""
    import cv2

    height, width = photo.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    if options.corners is not None:
        corners = np.asarray(options.corners, np.float32)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    size = np.array([sides[[0, 2]].mean(), sides[[1, 3]].mean()])
    scale = np.clip(size.max(), *WORKING_PX) / max(size.max(), 1.0)
    out = np.maximum(np.round(size * scale), 1).astype(int)
    if options.corners is None:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = photo if scale == 1 else cv2.resize(photo, (int(out[0]), int(out[1])), interpolation=method)
        x, y = width / out[0], height / out[1]
        return picture, np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])
    area = np.array([[0, 0], [out[0], 0], [out[0], out[1]], [0, out[1]]], np.float32)
    to_photo = cv2.getPerspectiveTransform(area, corners)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(photo, to_photo, (int(out[0]), int(out[1])), flags=flags), to_photo


def _sheet(picture: np.ndarray, maps: PageMaps) -> Sheet:
    if (maps.trace > 0.5).mean() < MIN_CURVE_SHARE:
        raise RefusedStudy("no_trace", f"Expected the curves of an ECG, found none in this picture. {REMEDY}")
    page = flat_page(picture, maps.trace, _all_ink(maps))
    if page is None:
        raise RefusedStudy("no_trace", f"Expected the curves of an ECG, found none in this picture. {REMEDY}")
    return _laid(page, picture, maps)


def _all_ink(maps: PageMaps) -> np.ndarray:
    """(H, W) 0..1: curves, print and marks together."""
    return np.maximum.reduce([getattr(maps, name) for name in INKS])


def _laid(page: FlatPage, picture: np.ndarray, maps: PageMaps) -> Sheet:
    """The picture and its maps as they lie on a flat page."""
    return Sheet(page, *page.flatten(picture, outside=255.0), *page.flatten(*(getattr(maps, name) for name in INKS)))


def _curve_ink(sheet: Sheet, separators: Separators) -> np.ndarray:
    """(h, w) 0..1: the curves, nothing where separators hide them, and what the network takes for another separator beside
    one for a curve."""
    ink = sheet.trace.copy()
    ink[separators.beside] += sheet.separator[separators.beside]
    ink[separators.hidden] = 0
    for beyond in _beyond_ends(sheet, separators):
        ink[:, beyond] = 0
    return np.minimum(ink, 1.0)


def _beyond_ends(sheet: Sheet, separators: Separators) -> list[slice]:
    """Columns (px) before the first and after the last column of leads, as the separators have it, unless a pulse is there."""
    ends = separators.ends()
    if ends is None:
        return []
    loose = BEYOND_MM * PX_PER_MM
    sides = [slice(0, max(0, round(ends[0] - loose))), slice(max(0, round(ends[1] + loose)), sheet.trace.shape[1])]
    return [side for side in sides if (sheet.pulse[:, side] > 0.5).sum() < PX_PER_MM**2]


def _curves(sheet: Sheet) -> Curves:
    separators = without_ruled(find_separators(sheet.separator, PX_PER_MM), np.maximum(sheet.trace, sheet.separator))
    ink = _curve_ink(sheet, separators)
    baselines = row_baselines(ink, PX_PER_MM)
    if len(baselines) < 2:
        raise RefusedStudy("not_an_ecg", f"Expected rows of ECG curves, found {len(baselines)}. {REMEDY}")
    rows = follow_rows(ink, baselines, PX_PER_MM, separators, np.maximum(sheet.lead_name, sheet.other_text))
    pulses = calibration_pulses(rows, PX_PER_MM) or marked_pulses(sheet.pulse, len(rows), PX_PER_MM)
    if pulses:
        rows = [_between(row, pulses.left, pulses.right) for row in rows]
    inked = np.stack([np.isfinite(row.y) for row in rows])
    ends = [_ends(row) for row in inked]
    known = [end for end in ends if end is not None]
    if not known:
        raise RefusedStudy("not_an_ecg", f"Expected continuous ECG curves, found only pieces of lines. {REMEDY}")
    span = float(np.median([left for left, _ in known])), float(np.median([right for _, right in known]))
    inside = inked[:, int(span[0]) : int(span[1]) + 1]
    places = separators.x if len(separators.x) else _upright_strokes(sheet)
    return Curves(tuple(rows), inside.mean(axis=1), span, places, pulses.height_px if pulses else None)


def _between(row: RowCurve, left: float, right: float) -> RowCurve:
    """The row without what lies left of or right of the curves proper."""
    x = np.arange(len(row.y))
    outside = (x < left) | (x > right)
    return replace(row, y=np.where(outside, np.nan, row.y), confidence=np.where(outside, 0, row.confidence))


def _ends(inked: np.ndarray) -> tuple[float, float] | None:
    """Left and right end of the longest stretch that is mostly ink, over gaps of up to JOIN_PX."""
    from scipy import ndimage

    dense = ndimage.uniform_filter1d(inked.astype(float), round(12 * PX_PER_MM)) > 0.5
    joined = ndimage.binary_closing(np.pad(dense, JOIN_PX), np.ones(JOIN_PX, bool))[JOIN_PX:-JOIN_PX]
    labels, count = ndimage.label(joined)
    if count == 0:
        return None
    longest = int(np.bincount(labels[labels > 0]).argmax())
    there = np.flatnonzero((labels == longest) & inked)
    return (float(there[0]), float(there[-1])) if len(there) else None


def _upright(sheet: Sheet, curves: Curves, only: str | None) -> tuple[Sheet, Curves, list[Word]]:
    """The sheet, its curves and lead names the right way up: the way in which more names are read without doubt."""
    boxes = word_boxes(sheet.lead_name, PX_PER_MM, gap_mm=1.2)
    words = read_words(sheet.rgb, boxes)
    if _certain(words, curves, only) >= MIN_CERTAIN:
        return sheet, curves, words
    height, width = sheet.trace.shape
    turned = [
        replace(word, box=(width - word.box[2], height - word.box[3], width - word.box[0], height - word.box[1]))
        for word in read_words(sheet.rgb, boxes, turned=True)
    ]
    flipped = Curves(
        tuple(
            replace(
                row,
                y=height - 1 - row.y[::-1],
                confidence=row.confidence[::-1],
                baseline=height - 1 - row.baseline,
                way_x=width - 1 - row.way_x[::-1],
                way_y=height - 1 - row.way_y[::-1],
                breaks=width - 1 - row.breaks[::-1],
            )
            for row in curves.rows[::-1]
        ),
        curves.strengths[::-1],
        (width - 1 - curves.span[1], width - 1 - curves.span[0]),
        width - 1 - curves.separators[::-1],
        curves.pulse_px,
    )
    if _certain(turned, flipped, only) > _certain(words, curves, only):
        return sheet.upside_down(), flipped, turned
    return sheet, curves, words


def _certain(words: list[Word], curves: Curves, only: str | None) -> int:
    found = candidates(words, curves.baselines, curves.strengths, curves.span, only)
    return max((placed.certain for placed in found[:5]), default=0)


def _settings(sheet: Sheet, curves: Curves) -> Settings:
    """Speed and gain from the lines of text that lie nearest to the curves, below them first."""
    lines = [box for box in word_boxes(sheet.other_text, PX_PER_MM, gap_mm=3.0) if box[2] - box[0] > 6 * PX_PER_MM]
    lowest = curves.baselines.max()
    lines.sort(key=lambda box: abs(box[1] - lowest) + (0 if box[1] > lowest else 1000))
    return settings_of(read_words(sheet.rgb, lines[:8]))


def _plausible(words: list[Word], curves: Curves, options: DigitiseOptions) -> list[Placed]:
    """The layouts that the names leave open, the likeliest first."""
    found = candidates(words, curves.baselines, curves.strengths, curves.span, options.layout)
    if not found:
        rows = len(curves.rows)
        raise RefusedStudy(
            "too_few_leads",
            f"Expected the rows of a 12-lead page (3, 4, 5, 6, 7 or 12) or of six limb leads, found {rows}. {REMEDY}",
        )
    return [placed for placed in found if placed.score > found[0].score - 0.8][:4]


@dataclass(frozen=True)
class Reading:
    """A page read in one layout."""

    placed: Placed
    starts: np.ndarray  # (columns + 1,) px
    calibration: Calibration
    pieces: tuple[Piece, ...]
    signal: EcgSignal
    notes: tuple[str, ...]

    @property
    def laws(self) -> LeadLaws:
        """How far the limb leads keep what they owe each other."""
        return lead_laws(self.signal.samples_mv)

    @property
    def cost(self) -> float:
        """Small for a good reading: names that agree, leads that keep their laws."""
        worst = self.laws.worst
        return (min(worst, 1.7) if np.isfinite(worst) else 0.8) - self.placed.score


@dataclass(frozen=True)
class Piece:
    """One stretch of a lead in a row, before it becomes a LeadTrace. x, y: page px of its samples."""

    lead: str
    start: int
    values_mv: np.ndarray
    confidence: np.ndarray
    x: np.ndarray
    y: np.ndarray
    rhythm: bool


def _reading(sheet: Sheet, curves: Curves, placed: Placed, settings: Settings, options: DigitiseOptions) -> Reading:
    known = sheet.page.mm_known
    expected = tuple(k * COLUMN_MM * PX_PER_MM for k in (1, 2, 4)) if known else ()
    starts = column_starts(placed, curves.separators, curves.span, expected)
    calibration, notes = _calibrate(sheet, curves, placed, starts, settings, options)
    places = {
        lead: (row, column) for column, leads in enumerate(placed.layout.columns) for row, lead in enumerate(leads)
    }

    def read(lead: str, later: np.ndarray) -> Piece:
        row, column = places[lead]
        curve = curves.rows[placed.rows[row]]
        return _piece(curve, lead, starts[column], starts[column + 1], starts[0], calibration, False, later)

    grid = [read(lead, np.zeros(KNOTS)) for lead in places]
    later = _skew(grid)

    def ends(lead: str) -> tuple[bool, bool]:
        row, column = places[lead]
        breaks = curves.rows[placed.rows[row]].breaks
        return bool(np.isclose(starts[column], breaks).any()), bool(np.isclose(starts[column + 1], breaks).any())

    grid = [
        _without_rims(read(lead, later[lead]) if lead in later else piece, ends(lead))
        for lead, piece in zip(places, grid, strict=True)
    ]
    strips = [
        _piece(curves.rows[row], "", starts[0], starts[-1], starts[0], calibration, True)
        for row in placed.rows[len(placed.layout.columns[0]) :]
    ]
    strips = [
        replace(strip, lead=_strip_lead(strip, named, grid))
        for strip, named in zip(strips, placed.strip_leads, strict=True)
    ]
    pieces = tuple(_upright_lead(piece) for piece in [*grid, *strips])
    return Reading(placed, starts, calibration, pieces, _signal(pieces), (*notes, *_moved(later)))


def _upright_lead(piece: Piece) -> Piece:
    """-aVR, as Cabrera's order prints it, as aVR."""
    return replace(piece, lead=piece.lead[1:], values_mv=-piece.values_mv) if piece.lead.startswith("-") else piece


def _skew(grid: list[Piece]) -> dict[str, np.ndarray]:
    """(KNOTS,) samples by which to read limb leads later, by name as printed: where their laws say that rows are skew."""
    pieces = {piece.lead.lstrip("-"): piece for piece in grid}
    later: dict[str, np.ndarray] = {}
    for names, signs in LAWS.items():
        three = [pieces[name] for name in names]
        if len({(piece.start, len(piece.values_mv)) for piece in three}) > 1:
            continue
        turned = [-sign if p.lead.startswith("-") else sign for sign, p in zip(signs, three, strict=True)]
        found = registered(np.stack([p.values_mv for p in three]), (turned[0], turned[1], turned[2]))
        later |= {piece.lead: shift for piece, shift in zip(three, found, strict=True) if shift.any()}
    return later


def _moved(later: dict[str, np.ndarray]) -> tuple[str, ...]:
    """What the reader is told of rows that were moved: the same laws are the check that is shown."""
    if not later:
        return ()
    most = max(float(np.abs(shift).max()) for shift in later.values()) * 1000 / RATE_HZ
    return (
        f"Limb leads were moved in time by up to {most:.0f} ms so that they fit together; how well they fit is told after that.",
    )


def _without_rims(piece: Piece, exact: tuple[bool, bool] = (False, False)) -> Piece:
    """The piece without a jump of the last RIM_MS at either end of its ink: the way from a pulse, or to the next column's curve.

    exact: whether the left and the right end are known from a separator; the curve is kept up to there.
    """
    values = piece.values_mv.copy()
    count = round(RIM_MS * RATE_HZ / 1000)
    for side, known in zip((values, values[::-1]), exact, strict=True):
        there = np.flatnonzero(np.isfinite(side))
        if not known and len(there) > count:
            end = side[there[0] : there[0] + count + 1]
            inner = end[np.flatnonzero(np.isfinite(end))[-1]]
            far = np.flatnonzero(np.abs(end - inner) > RIM_MV)
            end[: far.max(initial=-1) + 1] = np.nan
    return replace(piece, values_mv=values, y=np.where(np.isfinite(values), piece.y, np.nan))


def _upright_strokes(sheet: Sheet) -> np.ndarray:
    """Places (px) at which upright strokes between columns seem to stand, whatever their heights."""
    from scipy import signal

    columns = (sheet.separator > 0.5).sum(axis=0).astype(float)
    columns = np.convolve(columns, np.ones(5), "same")
    if columns.max() < 3 * PX_PER_MM:
        return np.zeros(0)
    peaks, _ = signal.find_peaks(columns, height=0.3 * columns.max(), distance=round(20 * PX_PER_MM))
    return peaks.astype(float)


def _calibrate(
    sheet: Sheet, curves: Curves, placed: Placed, starts: np.ndarray, settings: Settings, options: DigitiseOptions
) -> tuple[Calibration, tuple[str, ...]]:
    """Speed and gain: as the reader states, else as printed, else from pulse and column width, else the usual ones."""
    notes: list[str] = []
    scale = PX_PER_MM
    speed, speed_from = _first_known(
        (options.speed_mm_s, "reader"), (settings.speed_mm_s, "printed text"), (None, ""), usual=USUAL_SPEED_MM_S
    )
    seconds = 10.0 / len(placed.layout.columns)
    if not sheet.page.mm_known:
        width = float(np.median(np.diff(starts)))
        scale = width / (seconds * speed)
        notes.append("No grid was found: the scale is taken from the width of the columns.")
    pulse = curves.pulse_px / scale if curves.pulse_px else float("nan")
    gain, gain_from = _first_known(
        (options.gain_mm_mv, "reader"),
        (settings.gain_mm_mv, "printed text"),
        (_nearest_gain(pulse), "calibration pulse"),
        usual=USUAL_GAIN_MM_MV,
    )
    for what, value, unit, source in (
        ("Paper speed", speed, "mm/s", speed_from),
        ("Gain", gain, "mm/mV", gain_from),
    ):
        if source == "assumed":
            notes.append(f"{what} assumed to be {value:g} {unit}: it was not read on the page.")
    return Calibration(speed, gain, speed_from, gain_from, scale, scale), tuple(notes)


def _first_known(*stated: tuple[float | None, str], usual: float) -> tuple[float, str]:
    for value, source in stated:
        if value is not None:
            return float(value), source
    return usual, "assumed"


def _nearest_gain(pulse_mm: float) -> float | None:
    """The usual gain whose pulse has this height, within a fifth."""
    near = [gain for gain in PULSE_MM if abs(pulse_mm / gain - 1) < 0.2]
    return near[0] if near else None


def _piece(
    curve: RowCurve,
    lead: str,
    left: float,
    right: float,
    origin: float,
    calibration: Calibration,
    rhythm: bool,
    later: np.ndarray | None = None,
) -> Piece:
    """The samples at 500 Hz of a row between two places (px); zero is the median of the stretch.

    later: (KNOTS,) samples by which the row lies farther right than its time says, see registration.py.
    """
    px_per_s = calibration.px_per_mm_x * calibration.speed_mm_s
    first = int(np.ceil((left - origin) / px_per_s * RATE_HZ - 1e-6))
    last = int(np.floor((right - origin) / px_per_s * RATE_HZ - 1e-6))
    x = origin + np.arange(first, last + 1) * px_per_s / RATE_HZ
    if later is not None:
        x = x + along(later, len(x)) * px_per_s / RATE_HZ
    columns = np.arange(len(curve.y))
    there = np.isfinite(curve.y)
    if there.sum() < 2 or len(x) == 0:
        empty = np.full(len(x), np.nan)
        return Piece(lead, first, empty, np.zeros(len(x)), x, empty, rhythm)
    beside = BORDER_PX + curve.width / 2  # where the pen is on its way from one column's curve to the next
    within = np.clip(x, left + beside, right - beside)
    y = _smoothed(np.interp(within, curve.way_x, curve.way_y), SMOOTH_MM / calibration.speed_mm_s * RATE_HZ)
    y[~there[np.clip(np.round(x).astype(int), 0, len(there) - 1)] | (x < left - 1) | (x > right + 1)] = np.nan
    values = -(y - np.nanmedian(y)) / (calibration.px_per_mm_y * calibration.gain_mm_mv) if np.isfinite(y).any() else y
    return Piece(lead, first, values, np.interp(x, columns, curve.confidence), x, y, rhythm)


def _smoothed(values: np.ndarray, window: float) -> np.ndarray:
    """(n,) values, each from the quartic that fits best about it over a window of samples (Savitzky and Golay 1964)."""
    from scipy import signal

    odd = 2 * round(window / 2) + 1
    return signal.savgol_filter(values, odd, SMOOTH_ORDER) if SMOOTH_ORDER < odd <= len(values) else values


def _strip_lead(strip: Piece, named: str | None, grid: list[Piece]) -> str:
    """The lead of a rhythm strip: the printed lead most like it, with some favour for the name beside it and for lead II."""
    alike = {piece.lead: _correlation(strip, piece) for piece in grid}
    likely = {
        lead: value + NAMED * (lead == named and named not in LIMB[:3]) + USUAL * (lead == "II")
        for lead, value in alike.items()
    }
    return max(likely, key=lambda lead: likely[lead])


def _correlation(a: Piece, b: Piece) -> float:
    start, stop = max(a.start, b.start), min(a.start + len(a.values_mv), b.start + len(b.values_mv))
    if stop - start < RATE_HZ // 2:
        return -1.0
    both = np.stack([p.values_mv[start - p.start : stop - p.start] for p in (a, b)])
    both = both[:, np.isfinite(both).all(axis=0)]
    if both.shape[1] < RATE_HZ // 2 or both.std(axis=1).min() < 1e-6:
        return -1.0
    return float(np.corrcoef(both)[0, 1])


def _signal(pieces: tuple[Piece, ...]) -> EcgSignal:
    """All pieces on one time axis. Where a lead is printed twice, its own column is taken and the strip around it."""
    length = max(piece.start + len(piece.values_mv) for piece in pieces)
    samples = np.full((length, len(LEADS)), np.nan, np.float32)
    confidence = np.zeros((length, len(LEADS)), np.float32)
    for piece in sorted(pieces, key=lambda piece: not piece.rhythm):  # strips first, columns over them
        lead = LEADS.index(piece.lead)
        place = slice(max(piece.start, 0), piece.start + len(piece.values_mv))
        values = piece.values_mv[place.start - piece.start :]
        trust = np.where(np.isfinite(values), piece.confidence[place.start - piece.start :], 0.0)
        before = samples[place, lead]
        both = np.isfinite(before) & np.isfinite(values)
        if both.any():
            values = values + np.median(before[both] - values[both])
        samples[place, lead] = np.where(np.isfinite(values), values, before)
        confidence[place, lead] = np.where(np.isfinite(values), trust, confidence[place, lead])
    return EcgSignal(samples, confidence)


def _refuse_unless_ecg(reading: Reading) -> None:
    """Names or the limb leads' own laws have to say that these curves are an ECG."""
    given = reading.signal.given()
    if len(given) < MIN_LEADS:
        raise RefusedStudy(
            "too_few_leads", f"Expected at least {MIN_LEADS} leads, found {len(given)} ({', '.join(given)}). {REMEDY}"
        )
    worst = lead_laws(reading.signal.samples_mv).worst
    named = reading.placed.certain >= MIN_CERTAIN or reading.placed.score >= NAMES_AGREE
    if not named and not worst < LAWS_KEPT:
        raise RefusedStudy(
            "not_an_ecg",
            "Expected the lead names of an ECG (I, aVR, V1 and so on) or leads that fit one heart, found neither: "
            f"this does not look like an ECG. {REMEDY}",
        )


def _refuse_part_of_page(reading: Reading) -> None:
    """One column of a page is as wide as it is: no four columns of leads fit into it, whatever names it shows."""
    column_s = reading.signal.seconds / len(reading.placed.layout.columns)
    if column_s < MIN_COLUMN_S:
        raise RefusedStudy(
            "too_few_leads",
            f"Expected at least {MIN_COLUMN_S:g} s of paper for every column of leads, found {column_s:.1f} s: "
            f"this seems to be a part of a page. {REMEDY}",
        )


def _digitisation(sheet: Sheet, reading: Reading, to_photo: np.ndarray) -> Digitisation:
    def on_photo(xy: np.ndarray) -> np.ndarray:
        mapped = np.column_stack([xy, np.ones(len(xy))]) @ to_photo.T
        return (mapped[:, :2] / mapped[:, 2:]).astype(np.float32)

    traces = tuple(
        LeadTrace(
            piece.lead,
            piece.start,
            piece.values_mv.astype(np.float32),
            piece.confidence.astype(np.float32),
            on_photo(sheet.page.photo_xy(piece.x, np.nan_to_num(piece.y, nan=float(np.nanmedian(piece.y))))),
            np.stack([piece.x, piece.y], 1).astype(np.float32),
            piece.rhythm,
        )
        for piece in reading.pieces
        if np.isfinite(piece.y).any()
    )
    return Digitisation(
        signal=reading.signal,
        traces=traces,
        layout=reading.placed.name,
        calibration=reading.calibration,
        rectified=sheet.rgb,
        corners=on_photo(sheet.page.corners()),
        rotation_deg=sheet.page.rotation_deg,
        grid_found=sheet.page.mm_known,
        layout_from="lead names" if reading.placed.certain >= MIN_CERTAIN else "trace geometry",
        notes=reading.notes,
    )
