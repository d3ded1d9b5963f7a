"""Other machines, other patients, other diseases: what training does to an apical frame and its mask at random.

One hospital's pictures stand behind the training. What differs elsewhere is put in here: where the heart lies, how coarse
and how bright the picture is, black blood instead of grey, a dark effusion around the heart.
"""

from __future__ import annotations

import cv2
import numpy as np

CAVITY, MYOCARDIUM, ATRIUM = 1, 2, 3
BLOOD_SPREAD = 0.5  # standard deviation of the logarithm of a cavity's brightness, against as it was recorded
WALL_SPREAD = 0.25
HIGHEST_FLOOR = 0.25  # share of the picture's bright grey (98th percentile) that a machine may show as black
EFFUSION_PX = (3, 28)  # width of the rim of fluid, in a square of 128 px
HAZE = 0.35  # of the picture's bright grey: fluid seen through noise is not black


def augment(
    image: np.ndarray,
    mask: np.ndarray,
    rng: np.random.Generator,
    strength: float = 1.0,
    far: float = 0.0,
    strange: float = 0.0,
    side: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) uint8 frame and mask -> (side, side) float32 0..1 and mask: another machine, patient and position.

    strength: 1 for the full spread of geometry and gain, and of how often the picture is made worse; 0 for none.
    far: share of the pictures where the heart is as small and as far from the middle as on machines set to a great depth.
    strange: share of the pictures whose blood and walls are of another brightness; half as many get an effusion, and as
    many a hard reject. side: px of the outcome, S if None; from a larger S nothing is resampled twice.
    """
    side = side or len(image)
    image, mask, strength = _placed(image, mask, rng, strength, far, side)
    if strange and rng.random() < strange:
        image = recoloured(image, mask, rng)
    if strange and rng.random() < strange / 2:
        image = with_effusion(image, mask, rng)
    if rng.random() < 0.4 * strength:  # a coarser machine
        small = int(side * rng.uniform(0.45, 0.9))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    image = np.clip(image, 0, 1) ** np.exp(strength * rng.normal(0, 0.35)) * np.exp(strength * rng.normal(0, 0.25))
    if rng.random() < 0.5 * strength:  # depth gain and lateral drop-out
        rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        image = image * np.clip(1 + rng.normal(0, 0.3) * rows + rng.normal(0, 0.3) * columns, 0.1, 2)
    if rng.random() < 0.5 * strength:
        speckle = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), rng.uniform(0.4, 1.5))
        image = image * (1 + rng.uniform(0, 0.4) * speckle / speckle.std())
    if rng.random() < 0.3 * strength:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.5))
    if strange and rng.random() < strange:
        image = above_floor(image, rng.uniform(0, HIGHEST_FLOOR) * float(np.percentile(image, 98)))
    return np.clip(image, 0, 1).astype(np.float32), mask


def _placed(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, strength: float, far: float, side: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """The frame (float32 0..1) and mask turned, scaled and shifted, at `side` px; the strength for what follows."""
    turn, zoom = strength * rng.normal(0, 9), np.exp(strength * rng.normal(0, 0.15))
    stretch, shift = np.exp(strength * rng.normal(0, 0.07)), strength * rng.uniform(-0.10, 0.10, 2) * side
    if rng.random() < far:
        zoom, shift = np.exp(rng.uniform(-0.75, 0.0)), rng.uniform(-0.2, 0.2, 2) * side
        strength = 1.0
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, zoom)
    matrix[0] *= stretch
    matrix[:, 2] = matrix[:, 2] + shift
    if side != len(image):
        matrix = matrix @ _shrinking(len(image), side)
    moved = cv2.warpAffine(np.ascontiguousarray(image), matrix, (side, side), flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_NEAREST)
    return moved.astype(np.float32) / 255, mask, strength


def _shrinking(before: int, after: int) -> np.ndarray:
    """(3, 3) that takes the pixel centres of one square to those of another size."""
    scale = after / before
    return np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]])


def recoloured(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blood and wall brighter or darker than recorded, each for itself; the borders stay as soft as they are."""
    blood, wall = np.exp(rng.normal(-0.2, BLOOD_SPREAD)), np.exp(rng.normal(0, WALL_SPREAD))
    gains = np.array([1.0, blood, wall, blood * np.exp(rng.normal(0, 0.2))], np.float32)
    return image * cv2.GaussianBlur(gains[mask], (0, 0), 1.0)


def above_floor(image: np.ndarray, floor: float) -> np.ndarray:
    """What is darker than `floor` is black, the rest is spread over 0..1: a machine with a hard reject."""
    return np.clip(image - floor, 0, None) / (1 - floor)


def with_effusion(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fluid around the heart: black or hazy, wide on one side and narrow on the other, with an uneven outer edge."""
    heart = _whole_heart(mask, rng)
    if heart is None:
        return image
    away = cv2.distanceTransform(1 - heart, cv2.DIST_L2, 5)
    rows, columns = np.nonzero(heart)
    y, x = np.mgrid[: len(image), : len(image)]
    towards = np.arctan2(y - rows.mean(), x - columns.mean()) - rng.uniform(-np.pi, np.pi)
    uneven, haze = (
        cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), s) * s for s in (8.0, 0.8)
    )
    width = rng.uniform(*EFFUSION_PX) * (0.6 + 0.4 * np.cos(towards)) * (1 + 0.2 * uneven)
    wall = rng.uniform(0.5, 4)  # px of the outermost wall that stay bright
    inside = 1 / (1 + np.exp(np.clip(away - width, -20, 20))) * (1 - np.exp(-((away / wall) ** 2)))
    inside = (inside * (cv2.GaussianBlur(image, (0, 0), 3) > 0.03)).astype(np.float32)  # none outside the sector
    fluid = rng.uniform(0, HAZE) * rng.integers(0, 2) * float(np.percentile(image, 98)) * np.clip(1 + haze, 0, None)
    return image * (1 - inside) + inside * fluid


def _whole_heart(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """(S, S) uint8: the drawn left heart and, at a guess, the right heart beside it; None without a drawn heart."""
    drawn = (mask > 0).astype(np.uint8)
    if not drawn.any():
        return None
    columns = np.flatnonzero(drawn.any(0))
    beside = round(rng.uniform(0.3, 0.7) * (columns[-1] - columns[0] + 1))
    both = drawn | np.roll(drawn, -beside, axis=1) * (np.arange(drawn.shape[1]) < drawn.shape[1] - beside)
    outlines, _ = cv2.findContours(both.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.fillConvexPoly(np.zeros_like(drawn), cv2.convexHull(np.concatenate(outlines)), 1)
