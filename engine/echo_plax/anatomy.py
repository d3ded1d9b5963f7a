"""The six structures of a parasternal long axis, and what a heart allows: one piece of each, whole, on its side of the septum."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

VENTRICLE, SEPTUM, ATRIUM, RIGHT_VENTRICLE, OUTER_WALL, AORTA = range(1, 7)  # class numbers in every mask
STRUCTURES = (VENTRICLE, SEPTUM, ATRIUM, RIGHT_VENTRICLE, OUTER_WALL, AORTA)


CHAMBERS = (VENTRICLE, ATRIUM, RIGHT_VENTRICLE, AORTA)
LEAST_SEPTUM_PX = 40  # of a septum whose direction is known
NECK_PX = 5  # in the network's square: what is narrower than this on a chamber is a leak, not the chamber


def tidy(mask: np.ndarray, allowed: Sequence[int] = STRUCTURES) -> np.ndarray:
    """(H, W) uint8 classes -> the same with the largest piece of each `allowed` structure alone, its holes filled.

    Chambers lose leaks that hang on them by less than NECK_PX, the ventricle what reaches around the septum. Structures
    that are not allowed, and stray pieces, become background.
    """
    found = np.zeros_like(mask)
    for structure in allowed:
        inside = mask == structure
        if inside.any():
            whole = _whole(inside)
            piece = _largest_piece(_without_leaks(whole) if structure in CHAMBERS else whole)
            found[piece & (found == 0)] = structure
    return _on_its_side(found)


def _on_its_side(mask: np.ndarray) -> np.ndarray:
    """The (H, W) classes, the ventricle without what lies in front of the septum's axis, beyond its apical (left) end.

    There the septum is lost in noise or shadow, and nothing else tells the ventricle from what lies in front of it.
    """
    septum, ventricle = (np.argwhere(mask == structure)[:, ::-1] for structure in (SEPTUM, VENTRICLE))
    if len(septum) < LEAST_SEPTUM_PX or not len(ventricle):
        return mask
    middle = septum.mean(0)
    along = np.linalg.eigh(np.cov((septum - middle).T))[1][:, 1]
    along = along * (1 if along[0] > 0 else -1)  # to the picture's right, where the aorta is
    apical = ((septum - middle) @ along).min()
    away = ventricle - middle
    wrong = ventricle[(away @ along < apical) & (away @ (-along[1], along[0]) < 0)]
    if not len(wrong) or len(wrong) == len(ventricle):
        return mask
    found = mask.copy()
    found[wrong[:, 1], wrong[:, 0]] = 0
    found[(found == VENTRICLE) & ~_largest_piece(found == VENTRICLE)] = 0
    return found


def _without_leaks(inside: np.ndarray) -> np.ndarray:
    """The (H, W) bool chamber opened by a disc; as it is where that leaves nothing."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (NECK_PX, NECK_PX))
    opened = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    return opened if opened.any() else inside


def _largest_piece(inside: np.ndarray) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    return pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def _whole(inside: np.ndarray) -> np.ndarray:
    """The (H, W) bool pieces with their holes filled."""
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(inside.shape, np.uint8), outlines, -1, 1, cv2.FILLED) > 0
