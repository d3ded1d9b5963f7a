"""Draws the flat ECG page: paper, grid, traces, lead names, calibration pulses, separators and texts, with a mask of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from engine.ecg.leads import LEADS, RATE_HZ
from training.ecg_page_style import Colour, PageStyle, TextItem

LAYERS = ("trace", "grid", "lead_name", "other_text", "pulse", "separator")
SHIFT = 5  # bits of sub-pixel position in OpenCV's drawing
SCRIPT_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)


@dataclass(frozen=True)
class PaperLead:
    """One printed stretch: values (n,) mV at 500 Hz as drawn, start on the signal's 500 Hz axis, xy (n, 2) mm on the page."""

    lead: str
    start: int
    values_mv: np.ndarray
    xy_mm: np.ndarray
    rhythm: bool


@dataclass(frozen=True)
class PaperText:
    """A printed text and its box on the page, mm: left, top, right, bottom. kind: lead | speed | gain | other."""

    kind: str
    text: str
    box_mm: tuple[float, float, float, float]


@dataclass(frozen=True)
class Paper:
    """image: (H, W, 3) uint8 RGB. masks: (H, W) uint8 coverage per layer. A point x mm lies at pixel x * px_per_mm - 0.5."""

    image: np.ndarray = field(repr=False)
    masks: dict[str, np.ndarray] = field(repr=False)
    px_per_mm: float
    leads: tuple[PaperLead, ...]
    texts: tuple[PaperText, ...]


def draw_paper(signal_mv: np.ndarray, style: PageStyle) -> Paper:
    """The page of a (12, N) signal in mV at 500 Hz.

    Raises ValueError if the signal is shorter than style.seconds.
    """
    needed = round(style.seconds * RATE_HZ)
    if signal_mv.shape[0] != len(LEADS) or signal_mv.shape[1] < needed:
        raise ValueError(f"Expected (12, >= {needed}) samples for {style.seconds} s at 500 Hz, got {signal_mv.shape}.")
    canvas = _Canvas(style)
    canvas.draw_grid()
    for x0, y0, x1, y1, width in style.rules_mm:
        canvas.stroke([(x0, y0), (x1, y1)], (40, 40, 40), width, None)
    leads: list[PaperLead] = []
    texts: list[PaperText | None] = []
    for row, names in enumerate(() if style.blank else style.rows()):
        baseline = style.margin_mm[1] + (row + 0.5) * style.row_mm
        rhythm = row >= len(style.rows()) - len(style.rhythm)
        drawn = _draw_row(canvas, signal_mv, style, names, baseline, rhythm)
        leads += drawn
        texts += [canvas.lead_name(lead.lead, float(lead.xy_mm[0, 0]), lead.xy_mm, baseline) for lead in drawn]
        _draw_pulse(canvas, style, row, baseline)
    if not style.blank:
        _draw_separators(canvas, style)
    texts += [canvas.text(item, "other_text") for item in style.texts]
    canvas.deface()
    return Paper(canvas.image, canvas.masks, style.px_per_mm, tuple(leads), tuple(t for t in texts if t is not None))


def _draw_row(
    canvas: _Canvas, signal_mv: np.ndarray, style: PageStyle, names: tuple[str, ...], baseline: float, rhythm: bool
) -> list[PaperLead]:
    columns = len(names)
    length = round(style.seconds * RATE_HZ / columns)
    drawn = []
    for column, name in enumerate(names):
        lead, sign = (name[1:], -1.0) if name.startswith("-") else (name, 1.0)
        start = column * length
        whole = sign * signal_mv[LEADS.index(lead)]
        values = whole[start : start + length] - np.median(whole)
        x = style.left_mm + column * style.column_gap_mm + (start + np.arange(length)) / RATE_HZ * style.speed_mm_s
        y = baseline - values * style.gain_mm_mv
        drawn.append(PaperLead(name, start, values.astype(np.float32), np.stack([x, y], axis=1), rhythm))
    if style.joined and style.column_gap_mm == 0:
        canvas.trace(np.concatenate([stretch.xy_mm for stretch in drawn]))
    else:
        for stretch in drawn:
            canvas.trace(stretch.xy_mm)
    return drawn


def _draw_pulse(canvas: _Canvas, style: PageStyle, row: int, baseline: float) -> None:
    """The calibration pulse of 1 mV, with feet, left or right of a row."""
    if style.pulse == "none" or (style.pulse == "first" and row > 0):
        return
    left = style.left_mm + style.traces_mm + 2.0 if style.pulse == "right" else style.margin_mm[0]
    top, wide = baseline - style.gain_mm_mv, style.pulse_mm
    xs, ys = [0, 1, 1, 1 + wide, 1 + wide, 2 + wide], [baseline, baseline, top, top, baseline, baseline]
    canvas.stroke([(left + x, y) for x, y in zip(xs, ys, strict=True)], style.ink, style.trace_mm, "pulse")


def _draw_separators(canvas: _Canvas, style: PageStyle) -> None:
    """Ticks at, or full-height lines through, the borders between columns."""
    rows = style.rows()
    columns = len(rows[0])
    grid_rows = len(rows) - len(style.rhythm)
    half, width = style.separator_mm / 2, style.trace_mm * style.separator_width
    for column in range(1, columns):
        x = style.left_mm + column * style.seconds * style.speed_mm_s / columns + (column - 0.5) * style.column_gap_mm
        top, bottom = style.margin_mm[1], style.margin_mm[1] + grid_rows * style.row_mm
        if style.separator == "line":
            canvas.stroke([(x, top), (x, bottom)], style.ink, style.trace_mm * 0.8, "separator")
        if style.separator == "dashed line":
            pitch = max(0.6, style.separator_mm / 5)
            for y in np.arange(top, bottom, pitch):
                canvas.stroke([(x, y), (x, y + pitch / 2)], style.ink, style.trace_mm * 0.8, "separator")
        for row in range(grid_rows if style.separator in ("tick", "split tick") else 0):
            y = style.margin_mm[1] + (row + 0.5) * style.row_mm
            if style.separator == "tick":
                canvas.stroke([(x, y - half), (x, y + half)], style.ink, width, "separator")
            else:
                for sign in (-1, 1):
                    canvas.stroke([(x, y + sign * half), (x, y + sign * 0.45 * half)], style.ink, width, "separator")


class _Canvas:
    """The picture and its masks while they are being drawn."""

    def __init__(self, style: PageStyle) -> None:
        self.style, self.scale = style, style.px_per_mm
        width, height = (max(16, round(v * self.scale)) for v in style.size_mm)
        self.image = np.empty((height, width, 3), np.uint8)
        self.image[:] = style.grid.paper
        self.masks = {layer: np.zeros((height, width), np.uint8) for layer in LAYERS}

    def px(self, mm: float) -> float:
        return mm * self.scale - 0.5

    # -- grid

    def draw_grid(self) -> None:
        grid, style = self.style.grid, self.style
        if grid.kind == "none":
            return
        (width, height), (left, top, right, bottom) = style.size_mm, style.margin_mm
        box = (0.0, 0.0, width, height)
        if grid.area == "box":
            box = (max(0.0, left - 4), max(0.0, top - 4), width - max(0.0, right - 4), height - max(0.0, bottom - 4))
        x0, y0, x1, y1 = (max(0, round(v * self.scale)) for v in box)
        view, mask = self.image[y0:y1, x0:x1], self.masks["grid"][y0:y1, x0:x1]
        if grid.kind in ("lines", "minor", "dots", "dotted"):
            self._print_on_paper(view, self._fine_grid(view.shape, grid.minor_mm), grid.minor)
            np.maximum(mask, self._fine_grid(view.shape, max(grid.minor_mm, 1 / self.scale)), out=mask)
        if grid.kind in ("lines", "major", "dots", "dotted"):
            for axis, count in enumerate(view.shape[:2]):
                self._rule(view.swapaxes(0, axis), self._lines(count, 5.0, grid.major_mm), grid.major)
                across = self._lines(count, 5.0, max(grid.major_mm, 1 / self.scale))
                np.maximum(mask, np.expand_dims(across, 1 - axis), out=mask)
        if grid.border:
            ends = [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3]), (box[0], box[1])]
            self.stroke(ends, grid.major, grid.major_mm, "grid")

    def _fine_grid(self, shape: tuple[int, ...], width_mm: float) -> np.ndarray:
        """(h, w) uint8 coverage of the 1 mm grid. On the mask a line is at least a pixel wide, however faint it is printed."""
        down, across = (self._lines(count, 1.0, width_mm) for count in shape[:2])
        if self.style.grid.kind == "dots":
            return (np.minimum.outer(down, across).astype(np.float32) * 1.5).clip(0, 255).astype(np.uint8)
        if self.style.grid.kind == "dotted":
            beads = [self._lines(count, 0.5 if self.scale > 5 else 1.0, 0.25) for count in shape[:2]]
            return np.maximum(np.minimum.outer(down, beads[1]), np.minimum.outer(beads[0], across))
        return np.asarray(np.maximum.outer(down, across))

    def _lines(self, count: int, pitch_mm: float, width_mm: float) -> np.ndarray:
        """(count,) uint8: how much of each pixel a set of lines of that pitch covers."""
        centres = (np.arange(count) + 0.5) / self.scale
        offset = np.abs((centres + pitch_mm / 2) % pitch_mm - pitch_mm / 2) * self.scale
        covered = np.clip(width_mm * self.scale / 2 + 0.5 - offset, 0, min(1.0, width_mm * self.scale))
        return (255 * covered).astype(np.uint8)

    def _print_on_paper(self, view: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
        """Colour over paper on which nothing is printed yet: one look-up a pixel."""
        paper, share = np.array(self.style.grid.paper, np.float32), np.linspace(0, 1, 256, dtype=np.float32)[:, None]
        table = (paper + share * (np.array(colour, np.float32) - paper)).astype(np.uint8)[None]
        view[:] = cv2.LUT(cv2.merge([coverage] * 3), table)

    @staticmethod
    def _rule(view: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
        """Lines along the second axis, wherever `coverage` of the first is not 0."""
        lines = np.flatnonzero(coverage)
        share = coverage[lines].astype(np.float32)[:, None, None] / 255
        old = view[lines].astype(np.float32)
        view[lines] = (old + share * (np.array(colour, np.float32) - old)).astype(np.uint8)

    @staticmethod
    def _blend(view: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
        """Colour over the view where it is covered."""
        rows, columns = np.nonzero(coverage)
        if not len(rows):
            return
        part = coverage[rows, columns, None].astype(np.float32) / 255
        old = view[rows, columns].astype(np.float32)
        view[rows, columns] = (old + part * (np.array(colour, np.float32) - old)).astype(np.uint8)

    # -- lines

    def stroke(
        self, points_mm: list[tuple[float, float]] | np.ndarray, colour: Colour, width_mm: float, layer: str | None
    ) -> None:
        """A line of straight pieces on the picture and, if named, on the mask of a layer."""
        width = width_mm * self.scale
        thickness = max(1, round(width))
        if width < 1:  # thinner than a pixel: paler instead
            share = max(0.35, width)
            colour = tuple(int(c * share + p * (1 - share)) for c, p in zip(colour, self.style.grid.paper, strict=True))  # type: ignore[assignment]
        points = (np.asarray(points_mm) * self.scale - 0.5).astype(np.float32)
        corners = cv2.approxPolyDP(points[:, None], 0.07, False)[:, 0]
        fixed = np.round(corners * (1 << SHIFT)).astype(np.int32)
        kind = cv2.LINE_AA if self.style.smooth_lines else cv2.LINE_8
        cv2.polylines(self.image, [fixed], False, colour, thickness, kind, SHIFT)
        if layer is not None:
            cv2.polylines(self.masks[layer], [fixed], False, 255, thickness, cv2.LINE_AA, SHIFT)

    def trace(self, xy_mm: np.ndarray) -> None:
        self.stroke(xy_mm, self.style.ink, self.style.trace_mm, "trace")

    # -- text

    def lead_name(self, lead: str, start_mm: float, xy_mm: np.ndarray, baseline: float) -> PaperText | None:
        style = self.style
        shown = lead.replace("aV", "AV") if style.label_capitals else lead
        if style.label_spaced:
            shown = " ".join(shown)
        size = style.label_mm
        near = xy_mm[: max(2, len(xy_mm) // 8), 1]
        width = 0.62 * size * len(shown)
        places = {
            "above": (start_mm + 0.8, min(float(near.min()), baseline - 3) - 1.45 * size),
            "left": (start_mm - width - 1.0, baseline - size / 2),
            "below": (start_mm + 0.8, max(float(near.max()), baseline) + 0.5 * size),
            "over": (start_mm + 0.3, baseline - 0.7 * size),
            "under": (start_mm + 0.3, baseline + 1.5),
        }
        x, y = places[style.label_place]
        x, y = x + style.label_shift_mm[0], y - style.label_shift_mm[1]
        y = max(y, baseline - style.row_mm * 0.75)
        return self.text(TextItem(shown, max(0.2, x), y, size, "lead"), "lead_name", style.label_ink)

    def text(self, item: TextItem, layer: str, colour: Colour | None = None) -> PaperText | None:
        """Prints text on the picture and the mask; a negative y counts from the lower edge. None where it falls off the page."""
        y_mm = item.y_mm if item.y_mm >= 0 or item.kind == "lead" else self.style.size_mm[1] + item.y_mm
        coverage = text_coverage(item.text, max(5, round(item.size_mm * self.scale)), self.style.font)
        left, top = round(item.x_mm * self.scale), round(y_mm * self.scale)
        height, width = self.image.shape[:2]
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(width, left + coverage.shape[1]), min(height, top + coverage.shape[0])
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        patch = coverage[y0 - top : y1 - top, x0 - left : x1 - left]
        self._blend(self.image[y0:y1, x0:x1], patch, colour or self.style.label_ink)
        view = self.masks[layer][y0:y1, x0:x1]
        np.maximum(view, patch, out=view)
        return PaperText(item.kind, item.text, (x0 / self.scale, y0 / self.scale, x1 / self.scale, y1 / self.scale))

    # -- what people do to a page

    def deface(self) -> None:
        """Grey smears over the header and strokes of a pen; drawn from the page's own numbers, so that a style says it all."""
        style = self.style
        rng = np.random.default_rng(round(1e6 * style.trace_mm) + 7919 * style.blots + style.scribbles)
        width, height = style.size_mm
        for _ in range(style.blots):
            start = np.array([rng.uniform(0, width), rng.uniform(0, max(5.0, style.margin_mm[1]))])
            ends = np.stack([start, start + rng.uniform([8, -1], [50, 1])])
            self.stroke(ends, (205, 203, 198), float(rng.uniform(2.5, 4.5)), None)
        for _ in range(style.scribbles):
            start, steps = rng.uniform([0, 0], [width, height]), rng.normal(0, 1.6, (int(rng.integers(6, 40)), 2))
            path = start + np.cumsum(np.cumsum(0.5 * steps, axis=0) * 0.25 + steps * 0.5 + [0.6, 0], axis=0)
            dense = np.stack(
                [np.interp(np.linspace(0, 1, 200), np.linspace(0, 1, len(path)), path[:, k]) for k in (0, 1)], axis=1
            )
            pen = ((25, 35, 120), (20, 20, 20), (150, 30, 30))[int(rng.integers(3))]
            self.stroke(dense, pen, float(rng.uniform(0.3, 0.7)), None)


@lru_cache(maxsize=1)
def fonts() -> tuple[str, ...]:
    """Typefaces of this machine: "" is Pillow's own, "#k" OpenCV's Hershey ones, the others are files."""
    folders = [Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/truetype/liberation")]
    found = [
        str(path)
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.glob("*.ttf"))
        if "Math" not in path.name
    ]
    return ("", *(f"#{k}" for k in SCRIPT_FONTS), *found)


@lru_cache(maxsize=4096)
def text_coverage(text: str, size_px: int, font: int) -> np.ndarray:
    """(h, w) uint8: the coverage of a line of text of that height, in font number `font` (modulo their number) of fonts()."""
    name = fonts()[font % len(fonts())]
    if name.startswith("#"):
        face, scale = int(name[1:]), size_px / 30
        thick = max(1, round(size_px / 14))
        (width, height), below = cv2.getTextSize(text, face, scale, thick)
        patch = np.zeros((height + below + 2, width + 2), np.uint8)
        cv2.putText(patch, text, (1, height + 1), face, scale, 255, thick, cv2.LINE_AA)
        return patch
    from PIL import Image, ImageDraw, ImageFont

    typeface = ImageFont.load_default(size_px) if not name else ImageFont.truetype(name, size_px)
    left, top, right, bottom = (int(v) for v in typeface.getbbox(text))
    picture = Image.new("L", (max(2, right - left + 2), max(2, bottom - top + 2)), 0)
    ImageDraw.Draw(picture).text((1 - left, 1 - top), text, fill=255, font=typeface)
    return np.asarray(picture)
