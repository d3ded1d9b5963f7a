"""The six structures of a parasternal long axis, and what a heart allows: one piece of each, without holes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

VENTRICLE, SEPTUM, ATRIUM, RIGHT_VENTRICLE, OUTER_WALL, AORTA = range(1, 7)  # class numbers in every mask
STRUCTURES = (VENTRICLE, SEPTUM, ATRIUM, RIGHT_VENTRICLE, OUTER_WALL, AORTA)


def tidy(mask: np.ndarray, allowed: Sequence[int] = STRUCTURES) -> np.ndarray:
    """(H, W) uint8 classes -> the same with the largest piece of each `allowed` structure alone, its holes filled.

    Structures that are not allowed, and stray pieces, become background.
    """
    found = np.zeros_like(mask)
    for structure in allowed:
        inside = mask == structure
        if inside.any():
            found[_whole(_largest_piece(inside)) & (found == 0)] = structure
    return found


def _largest_piece(inside: np.ndarray) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    return pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def _whole(inside: np.ndarray) -> np.ndarray:
    """The (H, W) bool piece with its holes filled."""
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(inside.shape, np.uint8), outlines, -1, 1, cv2.FILLED) > 0
