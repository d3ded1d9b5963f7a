"""The photographed page with what the app understood drawn on it: printed area, grid, leads, traces, attribution."""

from __future__ import annotations

import io

import numpy as np

from engine.ecg.digitisation import Digitisation, LeadTrace
from engine.ecg.leads import LEADS

LONGEST_PX = 1600  # of a drawn picture
GRID_MM = 5.0
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
VIRIDIS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725")
LAYERS = ("Printed area", "Grid", "Leads", "Trace")


def understood(photo: np.ndarray, read: Digitisation, layers: tuple[str, ...]) -> bytes:
    """JPEG of the photo (H, W, 3) with the chosen LAYERS drawn on it."""
    picture, scale = _canvas(photo)
    if "Grid" in layers:
        _draw_grid(picture, read, scale)
    if "Printed area" in layers:
        _polyline(picture, read.corners * scale, "#0072B2", _line(picture) + 1, closed=True)
    return _with_leads(picture, read, [trace.photo_xy * scale for trace in read.traces], layers)


def flattened(read: Digitisation, layers: tuple[str, ...]) -> bytes:
    """JPEG of the rectified page with the chosen LAYERS drawn on it."""
    picture, scale = _canvas(read.rectified)
    return _with_leads(picture, read, [trace.rectified_xy * scale for trace in read.traces], layers)


def attributed(photo: np.ndarray, read: Digitisation, attribution: np.ndarray) -> bytes:
    """JPEG of the photo with the attribution (12, T), 0..1, as colour on the photographed traces."""
    import cv2

    picture, scale = _canvas(photo)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    picture = cv2.addWeighted(picture, 0.35, np.repeat(grey[..., None], 3, axis=2), 0.65, 0)
    painted = picture.copy()
    for trace in sorted(read.traces, key=lambda t: t.rhythm):
        part = attribution[LEADS.index(trace.lead), trace.start : trace.start + len(trace.values_mv)]
        _paint(painted, trace.photo_xy[: len(part)] * scale, part)
    picture = cv2.addWeighted(painted, 0.8, picture, 0.2, 0)
    for trace in read.traces:
        _label(picture, trace.lead, trace.photo_xy * scale, "#14232e")
    return jpeg(picture)


def plain(photo: np.ndarray, longest: int = LONGEST_PX) -> tuple[bytes, float]:
    """JPEG of the photo as it is, and by how much it was scaled."""
    picture, scale = _canvas(photo, longest)
    return jpeg(picture), scale


def jpeg(picture: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=86)
    return buffer.getvalue()


def _canvas(photo: np.ndarray, longest: int = LONGEST_PX) -> tuple[np.ndarray, float]:
    """A copy with at most `longest` px, and its scale. Small pictures are enlarged, so that lines stay fine."""
    import cv2

    scale = longest / max(photo.shape[:2])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(round(photo.shape[1] * scale), 1), max(round(photo.shape[0] * scale), 1))
    return np.ascontiguousarray(cv2.resize(photo, size, interpolation=kind)), scale


def _with_leads(picture: np.ndarray, read: Digitisation, places: list[np.ndarray], layers: tuple[str, ...]) -> bytes:
    colours = [OKABE_ITO[k % len(OKABE_ITO)] for k in range(len(places))]
    if "Trace" in layers:
        for xy, colour in zip(places, colours, strict=True):
            _polyline(picture, xy, colour, _line(picture))
    if "Leads" in layers:
        for trace, xy, colour in zip(read.traces, places, colours, strict=True):
            _label(picture, trace.lead, xy, colour)
    return jpeg(picture)


def _draw_grid(picture: np.ndarray, read: Digitisation, scale: float) -> None:
    """Lines every 5 mm, brought from the rectified page to the photo by the homography of the traces' samples."""
    import cv2

    flat, seen = _paired(read.traces)
    if len(flat) < 16:
        return
    homography, _ = cv2.findHomography(flat, seen, cv2.RANSAC, 4.0)
    if homography is None:
        return
    height, width = read.rectified.shape[:2]
    lines = [
        np.stack([np.full(24, x), np.linspace(0, height, 24)], axis=1)
        for x in np.arange(0, width, GRID_MM * read.calibration.px_per_mm_x)
    ] + [
        np.stack([np.linspace(0, width, 24), np.full(24, y)], axis=1)
        for y in np.arange(0, height, GRID_MM * read.calibration.px_per_mm_y)
    ]
    drawn = picture.copy()
    for line in lines:
        xy = cv2.perspectiveTransform(line[None].astype(np.float64), homography)[0]
        _polyline(drawn, xy * scale, "#009E73", 1)
    cv2.addWeighted(drawn, 0.55, picture, 0.45, 0, dst=picture)


def _paired(traces: tuple[LeadTrace, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Every 20th sample's place on the rectified page and on the photo, (n, 2) each."""
    flat = np.concatenate([trace.rectified_xy[::20] for trace in traces] or [np.zeros((0, 2))])
    seen = np.concatenate([trace.photo_xy[::20] for trace in traces] or [np.zeros((0, 2))])
    good = np.isfinite(flat).all(axis=1) & np.isfinite(seen).all(axis=1)
    return flat[good].astype(np.float64), seen[good].astype(np.float64)


def _paint(picture: np.ndarray, xy: np.ndarray, weight: np.ndarray) -> None:
    """A trace in colours of its attribution: wider and lighter where there is more."""
    levels = np.clip(np.nan_to_num(weight) * len(VIRIDIS), 0, len(VIRIDIS) - 1).astype(int)
    edges = np.flatnonzero(np.diff(levels)) + 1
    pieces = list(zip([0, *edges], [*edges, len(levels)], strict=True))
    for start, stop in sorted(pieces, key=lambda piece: levels[piece[0]]):
        level = int(levels[start])
        _polyline(picture, xy[start : stop + 1], VIRIDIS[level], max(1, round(_line(picture) * (0.8 + 0.35 * level))))


def _polyline(picture: np.ndarray, xy: np.ndarray, colour: str, width: int, closed: bool = False) -> None:
    """An antialiased line through the points that are finite, broken where they are not."""
    import cv2

    good = np.isfinite(xy).all(axis=1)
    breaks = np.flatnonzero(np.diff(good.astype(np.int8))) + 1
    for run in np.split(np.arange(len(xy)), breaks):
        if len(run) > 1 and good[run[0]]:
            points = np.round(xy[run] * 8).astype(np.int32)
            cv2.polylines(picture, [points], closed, _rgb(colour), width, cv2.LINE_AA, shift=3)


def _label(picture: np.ndarray, name: str, xy: np.ndarray, colour: str) -> None:
    """The lead's name on a small plate above the start of its trace."""
    import cv2

    good = np.flatnonzero(np.isfinite(xy).all(axis=1))
    if not len(good):
        return
    size = 0.5 * picture.shape[1] / 1000
    (width, height), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    start = xy[good[: max(len(good) // 8, 1)]]
    x, y = int(start[0, 0]), int(np.median(start[:, 1]) - 3.2 * height)
    x, y = max(x, 2), max(y, height + 4)
    pad = max(height // 3, 2)
    cv2.rectangle(picture, (x - pad, y - height - pad), (x + width + pad, y + pad), _rgb(colour), -1, cv2.LINE_AA)
    ink = (0, 0, 0) if sum(_rgb(colour)) > 380 else (255, 255, 255)
    cv2.putText(picture, name, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, ink, max(1, round(size * 2)), cv2.LINE_AA)


def _line(picture: np.ndarray) -> int:
    return max(1, round(picture.shape[1] / 700))


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
