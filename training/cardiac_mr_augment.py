"""Another scanner, another patient, another position: what the few short-axis slices at hand do not show."""

from __future__ import annotations

import cv2
import numpy as np

from engine.mr.scale import BRIGHTEST, CROP_PX, placed, warped
from training.cardiac_mr_data import Slice


def drawn(slice_: Slice, rng: np.random.Generator, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(CROP_PX, CROP_PX) float32 image and uint8 mask of one slice, changed at random.

    strength: 1 for the full spread; 0 for the heart in the middle, as it was scanned.
    """
    matrix = _geometry(slice_, rng, strength)
    image = warped(slice_.image, matrix)
    mask = warped(slice_.mask, matrix, labels=True)
    if rng.random() < 0.5 * strength:
        image, mask = _bent(image, mask, rng)
    return _greys(image, rng, strength), mask


def _geometry(slice_: Slice, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Turn, size, stretch, mirror and place; one in six looks at another part of the chest."""
    size_mm = slice_.mm_per_px * np.exp(strength * rng.normal(0, 0.10 if not slice_.cavity_only else 0.14))
    stretch = np.exp(strength * rng.normal(0, 0.05))
    centre = np.array(slice_.centre) + strength * rng.normal(0, 12, 2) / slice_.mm_per_px
    if rng.random() < 0.16 * strength:
        height, width = slice_.image.shape
        centre = rng.uniform((0.2 * width, 0.2 * height), (0.8 * width, 0.8 * height))
    matrix = placed(slice_.image, (size_mm * stretch, size_mm / stretch), (float(centre[0]), float(centre[1])))
    angle = strength * (rng.normal(0, 20) if rng.random() < 0.75 else rng.uniform(-180, 180))
    turn = np.vstack([cv2.getRotationMatrix2D(((CROP_PX - 1) / 2,) * 2, angle, 1.0), [0, 0, 1]])
    if rng.random() < 0.15 * strength:
        turn = np.array([[-1, 0, CROP_PX - 1], [0, 1, 0], [0, 0, 1]]) @ turn
    return (turn @ np.vstack([matrix, [0, 0, 1]]))[:2]


def _bent(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A smooth displacement of a few pixels: other shapes of the same heart."""
    field = rng.normal(0, 1, (2, CROP_PX, CROP_PX)).astype(np.float32)
    reach = rng.uniform(7, 16)
    field = np.stack([cv2.GaussianBlur(part, (0, 0), reach) for part in field])
    field *= rng.uniform(0.5, 2.5) / field.std()
    rows, columns = np.mgrid[:CROP_PX, :CROP_PX].astype(np.float32)
    x, y = columns + field[0], rows + field[1]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR), cv2.remap(mask, x, y, cv2.INTER_NEAREST)


def _greys(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Gain, gamma, coil shading, coarser scans, ghosts of breathing and noise."""
    image = np.clip(image, 0, None) ** np.exp(strength * rng.normal(0, 0.3))
    image = image * np.exp(strength * rng.normal(0, 0.2)) + strength * rng.normal(0, 0.05)
    if rng.random() < 0.5 * strength:
        rows, columns = np.mgrid[-1 : 1 : CROP_PX * 1j, -1 : 1 : CROP_PX * 1j]
        tilt = rng.normal(0, 0.35, 3)
        image = image * np.clip(1 + tilt[0] * rows + tilt[1] * columns + tilt[2] * rows * columns, 0.2, 2)
    if rng.random() < 0.35 * strength:
        small = int(CROP_PX * rng.uniform(0.5, 0.9))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (CROP_PX, CROP_PX))
    if rng.random() < 0.15 * strength:
        image = image + rng.uniform(0.05, 0.2) * np.roll(image, int(rng.integers(-25, 26)), int(rng.integers(2)))
    if rng.random() < 0.25 * strength:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.5 * strength:
        image = image + rng.normal(0, rng.uniform(0.01, 0.10), image.shape)
    return np.clip(image, 0, BRIGHTEST).astype(np.float32)
