"""Left ventricular volume from one apical view: the single-plane method of discs, and area-length as a cross-check.

Source: Lang 2015 (ASE/EACVI chamber quantification), section on LV volumes; 20 discs perpendicular to the long axis
from the middle of the mitral plane to the apex.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

DISCS = 20
CAVITY, MYOCARDIUM, ATRIUM = 1, 2, 3
BASE_REACH_PX = 3  # cavity pixels this near to the atrium are the mitral base


@dataclass(frozen=True)
class Discs:
    """The long axis and the discs across it. apex, mitral: (x, y) in pixels of the mask; all else in the unit of the spacing."""

    apex: tuple[float, float]
    mitral: tuple[float, float]
    length: float
    widths: np.ndarray  # (20,) diameters from the base to the apex
    volume: float
    area: float

    @property
    def area_length_volume(self) -> float:
        """8 area^2 / (3 pi length): the cross-check."""
        return 8 * self.area**2 / (3 * np.pi * self.length) if self.length > 0 else float("nan")


def discs(mask: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)) -> Discs | None:
    """The method of discs on one labelled frame (H, W); None where no cavity is drawn.

    The mitral middle is the mean of the cavity pixels next to the atrium; the apex is the cavity pixel farthest from it.
    Without an atrium the lowest twentieth of the cavity's rows is the base (apex up).
    spacing: size of a pixel in x and y; all lengths, areas and volumes are in its unit, points stay in pixels.
    """
    cavity = largest_part(mask == CAVITY)
    rows, columns = np.nonzero(cavity)
    if len(rows) < 20:
        return None
    mitral = _mitral_middle(cavity, mask == ATRIUM, rows)
    offsets = (np.stack([columns, rows], 1) - mitral) * spacing
    apex = offsets[np.argmax((offsets**2).sum(1))]
    length = float(np.hypot(*apex))
    along = offsets @ apex / length
    counts, _ = np.histogram(along, DISCS, (0, length))
    pixel = spacing[0] * spacing[1]
    areas = counts * pixel
    areas[0] += (along < 0).sum() * pixel  # a tilted base reaches below its middle
    height = length / DISCS
    widths = areas / height
    volume = float(np.pi / 4 * (widths**2).sum() * height)
    tip = mitral + apex / spacing
    return Discs(_point(tip), _point(mitral), length, widths, volume, len(rows) * pixel)


def _point(xy: np.ndarray) -> tuple[float, float]:
    return float(xy[0]), float(xy[1])


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a boolean picture."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]) if count > 1 else mask


def _mitral_middle(cavity: np.ndarray, atrium: np.ndarray, rows: np.ndarray) -> np.ndarray:
    near = (
        cv2.dilate(atrium.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BASE_REACH_PX + 1,) * 2))
        > 0
    )
    base = cavity & near
    if not base.any():
        base = cavity & (np.arange(len(cavity)) >= np.quantile(rows, 0.95))[:, None]
    y, x = np.nonzero(base)
    return np.array([x.mean(), y.mean()])
