"""The ultrasound sector of a recording: everything outside it is blanked, burned-in names included."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

DARK = 8  # grey levels up to this above the picture's own black are the black around a sector
BLACKEST = 32  # the edge of a picture is no brighter than this where it is black: some files write black as 16
EDGE = 4  # px
COLOURED = 40  # spread of R, G, B above this is colour: Doppler, labels, drawings
MIN_SHARE = 0.06  # of the picture that a sector covers at least
NEAR_SHARE = (0.04, 0.25)  # of the largest lit area: the near field where a black cavity cuts it off
NEAR_BREADTH = 0.4  # of the largest lit area's: the near field is narrower
NEAR_ASIDE = 0.15  # of that breadth: it lies no further from the middle
FAN_FILL = 0.85  # of its box: a fan fills less, a strip of M-mode or Doppler more


@dataclass(frozen=True)
class Sector:
    """mask: (H, W) bool, inside the sector. colour_share: share of sector pixels that are coloured in a typical frame (0..1)."""

    mask: np.ndarray
    colour_share: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(top, bottom, left, right), ends exclusive."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def find_sector(frames: np.ndarray) -> Sector | None:
    """The sector seen in (N, H, W, 3) uint8 frames spread over a recording, or None where nothing large is lit.

    The largest lit area after thin strokes (text, rulers, the ECG line) are opened away, and the near field above it where a
    black right ventricle cuts that off; made convex.
    """
    grey = frames.max(axis=3)
    bright = np.percentile(grey, 90, axis=0)
    lit = (bright > DARK + _black(bright)).astype(np.uint8)
    width = max(3, round(min(lit.shape) / 60)) | 1
    closed = cv2.morphologyEx(lit, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    opened = cv2.morphologyEx(
        closed, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2)
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] < MIN_SHARE * lit.size:
        return None
    kept = np.isin(labels, [largest, *_near_field(stats, largest)]).astype(np.uint8)
    outline = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    hull = cv2.convexHull(np.concatenate(outline))
    mask = cv2.fillConvexPoly(np.zeros_like(lit), hull, 1) > 0
    return Sector(mask, _colour_share(frames, mask))


def _near_field(stats: np.ndarray, largest: int) -> list[int]:
    """The lit areas that are the tip of the fan whose rest is `largest`. stats: of connected components, by OpenCV."""
    left, top, breadth, height, area = (int(v) for v in stats[largest])
    if area > FAN_FILL * breadth * height:
        return []
    found = []
    for k in range(1, len(stats)):
        x, y, wide, tall, lit = (int(v) for v in stats[k])
        central = abs(x + wide / 2 - left - breadth / 2) < NEAR_ASIDE * breadth and y + tall / 2 < top
        if central and wide < NEAR_BREADTH * breadth and NEAR_SHARE[0] < lit / area < NEAR_SHARE[1]:
            found.append(k)
    return found


def _black(bright: np.ndarray) -> float:
    """The level that the recording writes black as: most of the picture's edge has it."""
    edge = np.concatenate(
        [bright[:EDGE].ravel(), bright[-EDGE:].ravel(), bright[:, :EDGE].ravel(), bright[:, -EDGE:].ravel()]
    )
    level = float(np.median(edge))
    return level if level <= BLACKEST else 0.0


def _colour_share(frames: np.ndarray, mask: np.ndarray) -> float:
    inside = frames[:, mask].astype(np.int16)
    return float(((inside.max(2) - inside.min(2)) > COLOURED).mean())
