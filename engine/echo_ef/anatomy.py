"""What a heart allows: one cavity without holes, one atrium outside it. Stray islands of a drawing are put right."""

from __future__ import annotations

import cv2
import numpy as np

from engine.echo_ef.volumes import ATRIUM, CAVITY, MYOCARDIUM, largest_part


def tidy(mask: np.ndarray) -> np.ndarray:
    """(H, W) uint8 classes -> the same with the largest part of each structure alone; islands within the cavity become cavity."""
    found = mask.copy()
    for structure in (CAVITY, MYOCARDIUM, ATRIUM):
        inside = mask == structure
        if inside.any():
            found[inside & ~largest_part(inside)] = 0
    cavity = (found == CAVITY).astype(np.uint8)
    outlines, _ = cv2.findContours(cavity, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(cavity), outlines, -1, 1, cv2.FILLED)
    found[filled > 0] = CAVITY
    return found
