"""What the networks of cardiac MR see: pictures at one size of pixel and one range of grey."""

from __future__ import annotations

import cv2
import numpy as np

MM_PER_PX = 1.5  # of the network's own pixels; the scanners' are 1.2 to 1.9 mm
CROP_PX = 128  # 192 mm: both ventricles of a dilated heart
DARK, BRIGHT = 1.0, 99.0  # percentiles of a picture that become 0 and 1; beyond them the grey goes on to BRIGHTEST
BRIGHTEST = 1.5


def normalised(image: np.ndarray) -> np.ndarray:
    """(H, W) of any number type -> float32, 0 at the 1st and 1 at the 99th percentile, cut to 0 .. 1.5.

    An image without contrast becomes 0 throughout.
    """
    image = np.asarray(image, np.float32)
    dark, bright = (float(v) for v in np.percentile(image, (DARK, BRIGHT)))
    if not bright > dark:
        return np.zeros_like(image)
    return np.clip((image - dark) / (bright - dark), 0, BRIGHTEST)


def placed(
    image: np.ndarray,
    mm_per_px: tuple[float, float],
    centre: tuple[float, float],
    size: int = CROP_PX,
    mm: float = MM_PER_PX,
) -> np.ndarray:
    """2x3 matrix that takes (x, y) of `image` to the network's square: `centre` (x, y px) comes to its middle.

    mm_per_px: height and width of an image pixel in mm, as DICOM's PixelSpacing orders them.
    """
    sy, sx = mm_per_px[0] / mm, mm_per_px[1] / mm
    middle = (size - 1) / 2
    return np.array([[sx, 0, middle - sx * centre[0]], [0, sy, middle - sy * centre[1]]], np.float64)


def warped(image: np.ndarray, matrix: np.ndarray, size: int = CROP_PX, labels: bool = False) -> np.ndarray:
    """The square that `placed` describes; black outside the image. labels: class numbers, never mixed."""
    how = cv2.INTER_NEAREST if labels else cv2.INTER_LINEAR
    return cv2.warpAffine(np.ascontiguousarray(image), matrix, (size, size), flags=how)
