"""Our own ECG pages and photos of them, with everything known about where each sample, line and word lies.

signal = ecg_simulator.simulate(EcgProfile(), 10, rng)          # (12, 5000) mV at 500 Hz, or any record
page = render(signal, plain_style(), rng)                       # a clean page
photo = render(signal, phone_style(plain_style(), rng), rng)    # the same page as a phone sees it
wild = render(signal, random_style(rng), rng)                   # anything
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from training.ecg_page_camera import PageGeometry, camera_geometry, flat_geometry, photograph
from training.ecg_page_paper import LAYERS, Paper, draw_paper
from training.ecg_page_style import CameraStyle, GridStyle, PageStyle, TextItem, phone_style, plain_style, random_style

__all__ = [
    "LAYERS", "CameraStyle", "DrawnLead", "DrawnText", "GridStyle", "PageGeometry", "PageStyle", "RenderedPage", "TextItem",
    "at_500_hz", "flatten", "phone_style", "plain_style", "random_style", "render",
]  # fmt: skip


@dataclass(frozen=True)
class DrawnLead:
    """One printed stretch of one lead. "-aVR" is aVR upside down, as Cabrera's order prints it.

    start: its first sample on the signal's 500 Hz axis. values_mv: (n,), as drawn: the lead's median lies on its baseline.
    page_mm, photo_xy: (n, 2), where each sample lies on the page and on the picture (pixel centres at whole numbers).
    """

    lead: str
    start: int
    values_mv: np.ndarray = field(repr=False)
    page_mm: np.ndarray = field(repr=False)
    photo_xy: np.ndarray = field(repr=False)
    rhythm: bool = False


@dataclass(frozen=True)
class DrawnText:
    """A printed text, and its box on the picture: (4, 2) px, from the upper left clockwise. kind: lead, speed, gain, other."""

    kind: str
    text: str
    corners: np.ndarray


@dataclass(frozen=True)
class RenderedPage:
    """A picture of a page and the truth about it.

    image: (H, W, 3) uint8 RGB. masks: per name of LAYERS (H, W) uint8, 255 where the layer covers a pixel fully.
    paper: the flat page that was photographed (the same picture, if there was no camera).
    """

    image: np.ndarray = field(repr=False)
    masks: dict[str, np.ndarray] = field(repr=False)
    style: PageStyle
    geometry: PageGeometry
    leads: tuple[DrawnLead, ...]
    texts: tuple[DrawnText, ...]
    paper: Paper = field(repr=False)

    @property
    def corners(self) -> np.ndarray:
        """(4, 2) px of the paper on the picture: its upper left, upper right, lower right, lower left; may lie outside."""
        width, height = self.style.size_mm
        return self.geometry.to_photo(np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float))

    @property
    def px_per_mm(self) -> tuple[float, float]:
        """Along and across the rows, at the page's centre."""
        width, height = self.style.size_mm
        return self.geometry.px_per_mm((width / 2, height / 2))


def render(signal_mv: np.ndarray, style: PageStyle, rng: np.random.Generator) -> RenderedPage:
    """The page of a (12, N) signal in mV at 500 Hz, rows in the order of LEADS; see at_500_hz for other rates.

    Raises ValueError if the signal is shorter than style.seconds or the style names an unknown layout.
    """
    paper = draw_paper(signal_mv, style)
    if style.camera is None:
        geometry = flat_geometry(style.px_per_mm)
        image, masks = paper.image, paper.masks
    else:
        geometry = camera_geometry(style.size_mm, style.camera, rng)
        image, masks = photograph(paper.image, paper.masks, style.px_per_mm, geometry, style.camera, rng)
    leads = tuple(
        DrawnLead(p.lead, p.start, p.values_mv, p.xy_mm, geometry.to_photo(p.xy_mm), p.rhythm) for p in paper.leads
    )
    texts = tuple(DrawnText(t.kind, t.text, geometry.to_photo(_box_corners(t.box_mm))) for t in paper.texts)
    return RenderedPage(image, masks, style, geometry, leads, texts, paper)


def flatten(page: RenderedPage, jitter_px: float = 0.0) -> np.ndarray:
    """(h, w, 3) uint8: the picture drawn back onto the flat page, aligned with page.paper.masks.

    jitter_px: by how much the whole is shifted, as an imperfect rectification would do.
    """
    height, width = page.paper.image.shape[:2]
    step = 8
    columns, rows = -(-width // step) + 2, -(-height // step) + 2
    at_x, at_y = (step * (np.arange(n) - 1) + (step - 1) / 2 + 0.5 for n in (columns, rows))
    nodes = np.stack(np.meshgrid(at_x, at_y), axis=-1).reshape(-1, 2) / page.paper.px_per_mm
    places = (page.geometry.to_photo(nodes) + jitter_px).astype(np.float32).reshape(rows, columns, 2)
    full = cv2.resize(places, (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)
    x, y = cv2.split(full[step : step + height, step : step + width])
    return cv2.remap(page.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def at_500_hz(signal_mv: np.ndarray, rate_hz: float) -> np.ndarray:
    """(12, M) samples at 500 Hz of (12, N) samples at another rate, by straight lines between them."""
    count = signal_mv.shape[1]
    times = np.arange(round(count * 500 / rate_hz)) * rate_hz / 500
    return np.stack([np.interp(times, np.arange(count), lead) for lead in signal_mv]).astype(np.float32)


def _box_corners(box: tuple[float, float, float, float]) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
