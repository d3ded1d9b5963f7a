"""Slices with their outlines, landmarks and maps, as pictures."""

from __future__ import annotations

import cv2
import numpy as np

from engine.mr.evidence import MrEvidence
from engine.mr.scale import normalised

SHOWN_PX = 360  # side of a picture on the page
TILE_PX = 150
COLOURS = {1: (86, 180, 233), 2: (230, 159, 0), 3: (0, 158, 115)}  # Okabe-Ito: LV cavity, myocardium, RV cavity
DASHED = (2,)  # structures whose outline is dotted, so that colour is not all that tells them apart
LEGEND = "LV cavity: blue, full line. Myocardium: orange, dotted. RV cavity: green, full line."
MARK = (240, 228, 66)
MARKED_PX = 720  # side of the picture with landmarks, whose names have to be read
DOUBT = (204, 121, 167)
MARGIN = 1.25  # of the window around the heart
LANDMARKS = {
    "apex": "Apex",
    "mitral_anterior": "Mitral valve, anterior",
    "mitral_inferior": "Mitral valve, inferior",
    "mitral_anteroseptal": "Mitral valve, anteroseptal",
    "mitral_inferolateral": "Mitral valve, inferolateral",
    "mitral_septal": "Mitral valve, septal",
    "mitral_lateral": "Mitral valve, lateral",
    "rv_insertion_anterior": "RV insertion, anterior",
    "rv_insertion_inferior": "RV insertion, inferior",
}


def grey(image: np.ndarray) -> np.ndarray:
    """(H, W) of any range -> (H, W, 3) uint8."""
    return cv2.cvtColor((np.clip(normalised(image), 0, 1) * 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)


def window(evidence: MrEvidence) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is shown: around the heart where it was found, else the whole picture."""
    height, width = evidence.cine.images.shape[2:]
    if evidence.segmentation is None or not evidence.segmentation.labels.any():
        return 0, height, 0, width
    rows, columns = np.nonzero(evidence.segmentation.labels.any((0, 1)))
    half = MARGIN * max(float(np.ptp(rows)), float(np.ptp(columns)), 20.0) / 2
    row, column = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    top, left = max(0, int(row - half)), max(0, int(column - half))
    return top, min(height, int(row + half)), left, min(width, int(column + half))


def slice_picture(evidence: MrEvidence, phase: int, slice_: int, outlines: bool, side: int = SHOWN_PX) -> np.ndarray:
    """(side, side', 3) uint8 RGB of one slice at one phase around the heart."""
    top, bottom, left, right = window(evidence)
    picture = _large(grey(evidence.cine.images[phase, slice_])[top:bottom, left:right], side)
    if outlines and evidence.segmentation is not None:
        draw_outlines(picture, evidence.segmentation.labels[phase, slice_][top:bottom, left:right])
    return picture


def draw_outlines(picture: np.ndarray, labels: np.ndarray) -> None:
    """Outlines of labels (h, w) on a larger picture of the same field, in place."""
    height, width = picture.shape[:2]
    for k, colour in COLOURS.items():
        mask = cv2.resize((labels == k).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        if k in DASHED:
            for line in lines:
                for x, y in line[::6, 0]:
                    cv2.circle(picture, (int(x), int(y)), 1, colour, -1, cv2.LINE_AA)
        else:
            cv2.drawContours(picture, lines, -1, colour, 1, cv2.LINE_AA)


def landmarks_picture(evidence: MrEvidence) -> np.ndarray:
    """The first phase's middle slice with its landmarks and their names."""
    image = evidence.cine.images[0, evidence.cine.slices // 2]
    picture = _large(grey(image), MARKED_PX)
    zoom = picture.shape[0] / image.shape[0]
    for name, point in evidence.points.items():
        if point is not None:
            place = (round((point.x + 0.5) * zoom), round((point.y + 0.5) * zoom))
            for colour, stroke in (((0, 0, 0), 5), (MARK, 2)):
                cv2.drawMarker(picture, place, colour, cv2.MARKER_CROSS, 24, stroke, cv2.LINE_AA)
            _named(picture, place, LANDMARKS[name])
    return picture


def _named(picture: np.ndarray, place: tuple[int, int], name: str) -> None:
    """A landmark's name beside its cross, on the side where it has room, dark around so that it is read on blood too."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.9
    (width, height), _ = cv2.getTextSize(name, font, size, 1)
    x = place[0] + 18 if place[0] + 18 + width <= picture.shape[1] else place[0] - 18 - width
    x, y = max(0, x), place[1] + height // 2
    for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2)):  # a thicker stroke would be wider as well
        cv2.putText(picture, name, (x + dx, y + dy), font, size, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(picture, name, (x, y), font, size, MARK, 1, cv2.LINE_AA)


def stack_picture(evidence: MrEvidence, phase: int) -> np.ndarray:
    """All slices of one phase with outlines, in rows of four, numbered."""
    tiles = []
    for k in range(evidence.cine.slices):
        tile = slice_picture(evidence, phase, k, True, TILE_PX)
        tile = cv2.resize(tile, (TILE_PX, TILE_PX))
        cv2.putText(tile, str(k + 1), (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    return np.vstack([np.hstack(tiles[k : k + 4]) for k in range(0, len(tiles), 4)])


def doubt_picture(evidence: MrEvidence, confidence: np.ndarray, phase: int, slice_: int) -> np.ndarray:
    """One slice with what is unsure tinted. confidence: (H, W) 0..1, 0 outside the network's window."""
    top, bottom, left, right = window(evidence)
    picture = slice_picture(evidence, phase, slice_, True).astype(np.float32)
    doubt = np.where(confidence > 0, 1 - confidence, 0).astype(np.float32)[top:bottom, left:right]
    share = np.clip(cv2.resize(doubt, picture.shape[1::-1]) / 0.5, 0, 1)[..., None]
    return (picture * (1 - share) + share * np.array(DOUBT, np.float32)).astype(np.uint8)


def coloured_picture(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A picture with attribution (H, W), 0 or more, from purple (little) to yellow (most)."""
    picture = _large(grey(image), SHOWN_PX).astype(np.float32)
    share = np.clip(np.nan_to_num(weights) / max(float(np.nanmax(weights)), 1e-9), 0, 1).astype(np.float32)
    share = cv2.resize(share, picture.shape[1::-1])
    colour = cv2.cvtColor(cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    opacity = (0.65 * share)[..., None]
    return (picture * (1 - opacity) + colour * opacity).astype(np.uint8)


def channels_picture(maps: np.ndarray, count: int = 12) -> np.ndarray:
    """The strongest channels (channel, h, w), each in its own range, in rows of six (viridis)."""
    tiles = []
    for channel in maps[:count]:
        low, high = float(channel.min()), float(channel.max())
        scaled = ((channel - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
        large = cv2.resize(scaled, (120, 120), interpolation=cv2.INTER_NEAREST)
        tiles.append(cv2.cvtColor(cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB))
    tiles += [np.zeros((120, 120, 3), np.uint8)] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[k : k + 6]) for k in range(0, len(tiles), 6)])


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def _large(picture: np.ndarray, side: int) -> np.ndarray:
    """With its longer side at `side` px."""
    zoom = side / max(picture.shape[:2])
    size = max(1, round(picture.shape[1] * zoom)), max(1, round(picture.shape[0] * zoom))
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
