"""Another scanner, another patient, another position: what the few short-axis slices at hand do not show."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import cv2
import numpy as np

from engine.mr.scale import BRIGHTEST, CROP_PX, MM_PER_PX, placed, warped
from engine.mr.segmentation import CAVITY, MYOCARDIUM, RIGHT, alone, between, degrees_upright
from training.cardiac_mr_data import Slice

_Shown = TypeVar("_Shown")  # a slice, or a slice at two phases

ALONE = 0.2  # chance that a slice is seen without any neighbour
LOST = 0.1  # chance that one more neighbour is missing
MIRRORED = 0.05  # chance of a mirror image: left and right ventricle change sides, which pictures hardly ever do
SHORT = 0.15  # chance that a stack is seen without one or two slices of an end
GAP = 0.05  # chance that a slice within is missing
TURNED = 12.0  # degrees, standard deviation: how far from upright a heart is that was turned by what was drawn of it
UNKNOWN = 0.12  # chance that end-diastole, or end-systole, is not known of a stack
BREATH_MM = 2.0  # neighbouring slices lie apart by another breath-hold


def drawn(
    slice_: Slice, rng: np.random.Generator, strength: float = 1.0, neighbours: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """(3, CROP_PX, CROP_PX) float32 images and (CROP_PX, CROP_PX) uint8 mask of one slice, changed at random.

    The images are the slice before, this one and the one after, black where there is none. neighbours: False for this one
    alone. strength: 1 for the full spread; 0 for the heart in the middle, as it was scanned.
    """
    matrix = _geometry(slice_, rng, strength)
    beside = [slice_.before, slice_.after]
    if not neighbours or rng.random() < ALONE:
        beside = [None, None]
    beside = [None if rng.random() < LOST else image for image in beside]
    if rng.random() < 0.5:  # a stack may be numbered from either end
        beside.reverse()
    seen = [
        _apart(beside[0], matrix, rng, strength),
        warped(slice_.image, matrix),
        _apart(beside[1], matrix, rng, strength),
    ]
    images, mask = np.stack(seen, 2), warped(slice_.mask, matrix, labels=True)
    if rng.random() < 0.5 * strength:
        images, mask = _follow(images, mask, _bend(rng))
    images = _greys(images, rng, strength)
    images[..., [beside[0] is None, False, beside[1] is None]] = 0
    return np.ascontiguousarray(images.transpose(2, 0, 1)), mask


def drawn_stack(
    stack: list[Slice], rng: np.random.Generator, strength: float = 1.0
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """(N, 3, CROP_PX, CROP_PX) images and (N, CROP_PX, CROP_PX) masks of one patient's slices at one phase, changed alike.

    As the engine shows them: in one window around the heart, each slice between its neighbours. From either end, and at
    times short of some slices. Also returns the slices of each stack: one stack, or N lone pictures with chance ALONE.
    """
    stack = _as_scanned(stack, rng)
    x, y = np.mean([s.centre for s in stack], 0)
    matrix = _geometry(replace(stack[len(stack) // 2], centre=(float(x), float(y))), rng, strength)
    bend = _bend(rng) if rng.random() < 0.5 * strength else None
    images, masks = [], []
    for one in stack:
        moved = _breathed(matrix, rng, strength)
        image, mask = warped(one.image, moved), warped(one.mask, moved, labels=True)
        if bend is not None:
            image, mask = _follow(image, mask, bend)
        images.append(image)
        masks.append(mask)
    grey = _greys(np.stack(images, 2), rng, strength).transpose(2, 0, 1)
    lone = rng.random() < ALONE
    seen = alone(grey) if lone else between(grey)
    return np.ascontiguousarray(seen), np.stack(masks), (1,) * len(stack) if lone else (len(stack),)


def drawn_beat(
    ed: list[Slice], es: list[Slice], systole: bool, rng: np.random.Generator, strength: float = 1.0
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """As `drawn_stack`, of a patient's slices at end-diastole, or end-systole, turned upright: (N, 5, CROP_PX, CROP_PX).

    The last two channels are the same slice at end-diastole and at end-systole, black where that is not known.
    """
    pairs = _as_scanned(list(zip(ed, es, strict=True)), rng)
    shown = [pair[systole] for pair in pairs]
    x, y = np.mean([s.centre for s in shown], 0)
    middle = replace(shown[len(shown) // 2], centre=(float(x), float(y)))
    matrix = _geometry(middle, rng, strength, upright([*ed, *es]))
    bend = _bend(rng) if rng.random() < 0.5 * strength else None
    images, masks = [], []
    for pair in pairs:
        moved = _breathed(matrix, rng, strength)
        both, mask = np.stack([warped(s.image, moved) for s in pair], 2), warped(pair[systole].mask, moved, labels=True)
        if bend is not None:
            both, mask = _follow(both, mask, bend)
        images.append(both)
        masks.append(mask)
    grey = _greys(np.concatenate(images, 2), rng, strength).transpose(2, 0, 1)
    phases = grey.reshape(len(pairs), 2, CROP_PX, CROP_PX)
    lone = rng.random() < ALONE
    seen = (alone if lone else between)(phases[:, int(systole)])
    known = (rng.random(2) >= UNKNOWN)[:, None, None]
    return (
        np.concatenate([seen, phases * known], 1).astype(np.float32),
        np.stack(masks),
        (1,) * len(pairs) if lone else (len(pairs),),
    )


def upright(slices: list[Slice]) -> float:
    """By how many degrees a patient's heart has to be turned, see `degrees_upright`."""
    masks = np.stack([s.mask for s in slices])
    return degrees_upright((masks == CAVITY) | (masks == MYOCARDIUM), masks == RIGHT)


def _breathed(matrix: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """The place of a slice among its stack's, each of another breath-hold."""
    moved = matrix.copy()
    moved[:, 2] += strength * rng.normal(0, BREATH_MM / MM_PER_PX / 2**0.5, 2)
    return moved


def _as_scanned(stack: list[_Shown], rng: np.random.Generator) -> list[_Shown]:
    """The slices from either end, at times fewer."""
    stack = stack[:: 1 if rng.random() < 0.5 else -1]
    if rng.random() < SHORT and len(stack) > 4:
        stack = stack[int(rng.integers(1, 3)) :]
    if rng.random() < GAP and len(stack) > 4:
        lost = int(rng.integers(1, len(stack) - 1))
        stack = stack[:lost] + stack[lost + 1 :]
    return stack


def _apart(image: np.ndarray | None, matrix: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """A neighbouring slice, moved a little as by another breath-hold; black where there is none."""
    if image is None:
        return np.zeros((CROP_PX, CROP_PX), np.float32)
    moved = matrix.copy()
    moved[:, 2] += strength * rng.normal(0, BREATH_MM / MM_PER_PX, 2)
    return warped(image, moved)


def _geometry(
    slice_: Slice, rng: np.random.Generator, strength: float, degrees_upright: float | None = None
) -> np.ndarray:
    """Turn, size, stretch, mirror and place; one in six looks at another part of the chest.

    degrees_upright: turns the heart upright, which is then never mirrored; None: any turn from how it was scanned.
    """
    size_mm = slice_.mm_per_px * np.exp(strength * rng.normal(0, 0.10 if not slice_.cavity_only else 0.14))
    stretch = np.exp(strength * rng.normal(0, 0.05))
    centre = np.array(slice_.centre) + strength * rng.normal(0, 12, 2) / slice_.mm_per_px
    if rng.random() < 0.16 * strength:
        height, width = slice_.image.shape
        centre = rng.uniform((0.2 * width, 0.2 * height), (0.8 * width, 0.8 * height))
    matrix = placed(slice_.image, (size_mm * stretch, size_mm / stretch), (float(centre[0]), float(centre[1])))
    if degrees_upright is None:
        angle = strength * (rng.normal(0, 20) if rng.random() < 0.75 else rng.uniform(-180, 180))
    else:
        angle = degrees_upright + strength * rng.normal(0, TURNED)
    turn = np.vstack([cv2.getRotationMatrix2D(((CROP_PX - 1) / 2,) * 2, angle, 1.0), [0, 0, 1]])
    if degrees_upright is None and rng.random() < MIRRORED * strength:
        turn = np.array([[-1, 0, CROP_PX - 1], [0, 1, 0], [0, 0, 1]]) @ turn
    return (turn @ np.vstack([matrix, [0, 0, 1]]))[:2]


def _bend(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel comes from, x and y, in a smooth displacement of a few pixels: other shapes of the same heart."""
    field = rng.normal(0, 1, (2, CROP_PX, CROP_PX)).astype(np.float32)
    reach = rng.uniform(7, 16)
    field = np.stack([cv2.GaussianBlur(part, (0, 0), reach) for part in field])
    field *= rng.uniform(0.5, 2.5) / field.std()
    rows, columns = np.mgrid[:CROP_PX, :CROP_PX].astype(np.float32)
    return columns + field[0], rows + field[1]


def _follow(image: np.ndarray, mask: np.ndarray, bend: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Both bent."""
    x, y = bend
    return cv2.remap(image, x, y, cv2.INTER_LINEAR), cv2.remap(mask, x, y, cv2.INTER_NEAREST)


def _greys(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Of (H, W, N) at once: gain, gamma, coil shading, coarser scans, ghosts of breathing and noise."""
    image = np.clip(image, 0, None) ** np.exp(strength * rng.normal(0, 0.3))
    image = image * np.exp(strength * rng.normal(0, 0.2)) + strength * rng.normal(0, 0.05)
    if rng.random() < 0.5 * strength:
        rows, columns = np.mgrid[-1 : 1 : CROP_PX * 1j, -1 : 1 : CROP_PX * 1j]
        tilt = rng.normal(0, 0.35, 3)
        image = image * np.clip(1 + tilt[0] * rows + tilt[1] * columns + tilt[2] * rows * columns, 0.2, 2)[..., None]
    if rng.random() < 0.35 * strength:
        small = int(CROP_PX * rng.uniform(0.5, 0.9))
        image = np.stack([_coarser(image[..., k], small) for k in range(image.shape[2])], 2)
    if rng.random() < 0.15 * strength:
        image = image + rng.uniform(0.05, 0.2) * np.roll(image, int(rng.integers(-25, 26)), int(rng.integers(2)))
    if rng.random() < 0.25 * strength:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    if rng.random() < 0.5 * strength:
        image = image + rng.normal(0, rng.uniform(0.01, 0.10), image.shape)
    return np.clip(image, 0, BRIGHTEST).astype(np.float32)


def _coarser(picture: np.ndarray, small: int) -> np.ndarray:
    """(H, W) as if scanned at `small` pixels along each side."""
    return cv2.resize(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), (CROP_PX, CROP_PX))
