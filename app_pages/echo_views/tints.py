"""What a map says of a picture, laid over it: doubt in pink, attribution from purple to yellow."""

from __future__ import annotations

import cv2
import numpy as np

UNSURE = (255, 0, 200)
MOST_DOUBT = 0.75  # of four classes, the largest that there can be
STRONGEST = 0.6  # opacity of the strongest attribution


def doubted(picture: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 RGB and (h, w) 0..1 -> the picture with what is unsure tinted: the less sure, the stronger."""
    tint = np.clip((1 - confidence.astype(np.float32)) / MOST_DOUBT, 0, 1)[..., None]
    return (picture * (1 - tint) + tint * np.array(UNSURE, np.float32)).clip(0, 255).astype(np.uint8)


def heated(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 RGB and (h, w) attribution, 0 or more -> the picture coloured from purple (little) to yellow (most)."""
    share = np.nan_to_num(weights / max(float(np.nanmax(weights)), 1e-9)).clip(0, 1).astype(np.float32)
    colour = cv2.cvtColor(cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_PLASMA), cv2.COLOR_BGR2RGB)
    opacity = (STRONGEST * share)[..., None]
    return (picture * (1 - opacity) + colour * opacity).astype(np.uint8)
