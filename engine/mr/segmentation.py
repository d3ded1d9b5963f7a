"""LV cavity, LV myocardium and RV cavity in every slice and phase of a short-axis cine.

Papillary muscles and trabeculae count to the cavity, as in the contours that the network learnt from.
The heart is found first, by a network that sees a slice between its neighbours. Then two others, which see the whole stack,
read every picture in one window around it, at one size of pixel: the first as it was scanned and turned upright; the second
upright, beside the same slice at end-diastole and end-systole, which the first look has shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from engine import devices
from engine.errors import RefusedStudy
from engine.mr.cine import Cine
from engine.mr.scale import CROP_PX, MM_PER_PX, normalised, placed, warped
from engine.progress import Progress, silent

if TYPE_CHECKING:
    from engine.models import LoadedModel

WEIGHT = "cardiac-mr-segmentation"
STACK_WEIGHT = "cardiac-mr-stack"
BEAT_WEIGHT = "cardiac-mr-beat"
STRUCTURES = ("background", "LV cavity", "LV myocardium", "RV cavity")
CAVITY, MYOCARDIUM, RIGHT = 1, 2, 3
FIELD_MM = 350.0  # usual field of view along the longer side, where the pixel size is unknown
SIZES_TRIED = (0.75, 0.9, 1.0, 1.15, 1.35)  # times that, where the pixel size is unknown
COARSEST = 16  # the network's input sides are multiples of this
BATCH = 24
LOCALISED_ON = 3  # slices
MOST_WIDE_PX = 400  # of the first look at the whole field
OFF_CENTRE = 0.2  # of the field's longer side: how far from its middle a heart usually lies (standard deviation)
UPRIGHT = (
    191.0  # degrees, counter-clockwise from the right as seen: where the RV's middle lies from the LV's, ACDC's median
)
SCANNED_SHARE = 0.25  # of the look at the heart as it was scanned in the mean of three looks
BEAT_SHARE = 2 / 3  # of the beat's network in the mean of the two at the heart turned upright
NEIGHBOUR = 0.15  # share of the phase before and after in a phase's probabilities
SMOOTHED_FROM = 8  # phases: fewer are too far apart in time
RIGHT_READILY = 2.0  # times its probability: at the base, where it is all or nothing, the RV is else drawn too seldom
INWARD_MM = (
    6.0  # a right ventricle moves inward from end-diastole, give or take this: 99.5 % of what ACDC's outlines hold
)
MIN_CAVITY_MM2 = 40.0  # smaller spots are dropped
ALONE = 0.35  # share of the largest spot that a second one in the slice needs to stay
WALLED = 0.45  # of the cavity's rim that touches myocardium; less is no ventricle


@dataclass(frozen=True)
class Segmentation:
    """labels: (phase, slice, H, W) uint8 on the cine's own pixels: 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity.

    confidence: (phase, slice, CROP_PX, CROP_PX) float16, probability of the most probable class in the network's window.
    matrix: 2x3, takes (x, y) of a picture into that window. mm_per_px: the size used; guessed where `guessed`.
    wide: 0..1, share of the second cohort's way to draw the cavity, see `as_outlined`.
    """

    labels: np.ndarray
    confidence: np.ndarray
    matrix: np.ndarray
    mm_per_px: tuple[float, float]
    guessed: bool
    wide: float = 0.0


@dataclass(frozen=True)
class Readers:
    """The networks that read a cine: heart of WEIGHT, stack of STACK_WEIGHT, beat of BEAT_WEIGHT."""

    heart: LoadedModel
    stack: LoadedModel
    beat: LoadedModel


def segment(cine: Cine, readers: Readers, progress: Progress = silent) -> Segmentation:
    """Every picture of the cine.

    Raises:
        RefusedStudy: `no_ventricle` where no left ventricle in short axis is found.
    """
    progress(0.02, "Looking for the heart")
    images = np.stack([normalised(cine.images[:, k]) for k in range(cine.slices)], 1)
    mm, centre = _found(images, cine.mm_per_px, readers.heart)
    matrix = placed(images[0, 0], mm, centre)
    progress(0.1, "Drawing the ventricles")
    cohort = _cohort(images, matrix, readers.heart)
    shares = _windows(images, matrix, readers, cohort, progress)
    if cine.phases >= SMOOTHED_FROM:
        shares = (1 - 2 * NEIGHBOUR) * shares + NEIGHBOUR * (np.roll(shares, 1, 0) + np.roll(shares, -1, 0))
    shares[:, :, RIGHT] *= RIGHT_READILY
    shares /= shares.sum(2, keepdims=True)
    shares = within_end_diastole(shares)
    progress(0.85, "Checking the outlines against one another")
    labels = cleaned(shares.argmax(2).astype(np.uint8), MM_PER_PX)
    shares *= np.where(labels[:, :, None] == shares.argmax(2)[:, :, None], 1, 0.5)  # what was dropped is unsure
    whole = _on_pixels(shares, labels, matrix, images.shape[2:])
    wide = 1 / (1 + math.exp(-cohort))
    return Segmentation(whole, shares.max(2).astype(np.float16), matrix, mm, cine.mm_per_px is None, wide)


def between(pictures: np.ndarray) -> np.ndarray:
    """(slice, H, W) -> (slice, 3, H, W): each slice between its neighbours, black where there is none."""
    black = np.zeros_like(pictures[:1])
    padded = np.concatenate([black, pictures, black])
    return np.stack([padded[:-2], pictures, padded[2:]], 1)


def beside(pictures: np.ndarray, end_diastole: np.ndarray | None, end_systole: np.ndarray | None) -> np.ndarray:
    """(slice, H, W) -> (slice, 5, H, W): as `between`, then the same slices at the ends of the beat, black where unknown."""
    ends = [np.zeros_like(pictures) if end is None else end for end in (end_diastole, end_systole)]
    return np.concatenate([between(pictures), np.stack(ends, 1)], 1)


def alone(pictures: np.ndarray) -> np.ndarray:
    """(N, H, W) -> (N, 3, H, W): pictures whose neighbours are not known."""
    black = np.zeros_like(pictures)
    return np.stack([black, pictures, black], 1)


def as_outlined(outputs: Tensor, cohort: Tensor) -> Tensor:
    """(N, 6, H, W) outputs of the network -> (N, 4, H, W) probabilities of STRUCTURES.

    Two cohorts taught it, which draw the cavity differently: one close to the blood, the other around all papillary
    muscles and a little into the wall. cohort: (N,) log odds that the outlines should be the second's.
    """
    shares, wide = outputs[:, :4].softmax(1), outputs[:, 4].sigmoid()
    second = cohort.sigmoid()[:, None, None]
    cavity = (1 - second) * shares[:, CAVITY] + second * wide
    rest = (1 - cavity) / (1 - shares[:, CAVITY]).clamp_min(1e-6)
    mixed = shares * rest[:, None]
    mixed[:, CAVITY] = cavity
    return mixed / mixed.sum(1, keepdim=True)


def forward(pictures: np.ndarray, model: LoadedModel, cohort: float | None = None) -> tuple[np.ndarray, float]:
    """(N, 3, H, W) normalised, of `between` or `alone` -> (N, 4, H, W) float32 probabilities; sides multiples of COARSEST.

    cohort: whose outlines, see `as_outlined`; None: what the pictures together look like. Also returns what was taken.
    """
    parts = np.array_split(pictures, max(1, -(-len(pictures) // BATCH)))
    outputs = torch.cat([_outputs(part, model) for part in parts])
    odds = outputs[:, 5].mean() if cohort is None else torch.tensor(cohort)
    return as_outlined(outputs, odds.expand(len(outputs))).numpy(), float(odds)


def forward_stack(stack: np.ndarray, model: LoadedModel, cohort: float) -> np.ndarray:
    """(slices, channels, H, W) of one stack, of `between` or `beside` -> (slices, 4, H, W) float32 probabilities.

    Each slice is read by all.
    """
    outputs = _outputs(stack, model)
    return as_outlined(outputs, torch.tensor(cohort).expand(len(outputs))).numpy()


def _outputs(pictures: np.ndarray, model: LoadedModel) -> Tensor:
    with model.lock, torch.no_grad(), devices.autocast(model.device):
        x = torch.from_numpy(np.ascontiguousarray(pictures)).to(model.device)
        outputs: Tensor = model.module(x.contiguous(memory_format=torch.channels_last))
        return outputs.float().cpu()


# --- where the heart is -------------------------------------------------------------------------------------------


def _found(
    images: np.ndarray, mm_per_px: tuple[float, float] | None, model: LoadedModel
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Size of a pixel (guessed where unknown) and x, y px of the heart."""
    slices = sorted({round(k) for k in np.linspace(0, images.shape[1] - 1, LOCALISED_ON + 2)[1:-1]})
    some = images[0, slices]
    if mm_per_px is not None:
        seen = _look(some, mm_per_px, model)
        return mm_per_px, _heart(*seen, some.shape[1:])
    usual = FIELD_MM / max(some.shape[1:])
    looks = [((usual * factor,) * 2, _look(some, (usual * factor,) * 2, model)) for factor in SIZES_TRIED]
    best = max(looks, key=lambda look: _certainty(look[1][0], look[1][1], some.shape[1:]))
    return best[0], _heart(*best[1], some.shape[1:])


def _look(some: np.ndarray, mm: tuple[float, float], model: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, 4, h, w) of whole pictures, and the 2x3 matrix that brought them there."""
    height, width = some.shape[1:]
    size = min(MOST_WIDE_PX, int(np.ceil(max(height * mm[0], width * mm[1]) / MM_PER_PX / COARSEST)) * COARSEST)
    size = max(size, CROP_PX)
    matrix = placed(some[0], mm, ((width - 1) / 2, (height - 1) / 2), size)
    return forward(alone(np.stack([warped(picture, matrix, size) for picture in some])), model)[0], matrix


def _certainty(shares: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> float:
    """How surely a size of pixel lets the network see a ventricle: mean probability where it sees one, times its wall."""
    left = _left(shares, matrix, shape)
    if left is None:
        return 0.0
    ventricle = (shares[:, CAVITY] + shares[:, MYOCARDIUM])[:, left]
    seen = shares.argmax(1)[:, left]
    here = (seen == CAVITY) | (seen == MYOCARDIUM)
    if here.sum() < 30 or not (seen == MYOCARDIUM).any():
        return 0.0
    return float(shares.max(1)[:, left][here].mean() * min(1.0, ventricle.sum() / 600))


def _left(shares: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """(h, w) bool: the spot that is the left ventricle in all slices together, None where there is none.

    The largest, but a scan is planned on the heart: what lies far from the field's middle counts little.
    """
    ventricle = (shares[:, CAVITY] + shares[:, MYOCARDIUM]).mean(0)
    spots, numbers = cv2.connectedComponents((ventricle > 0.3).astype(np.uint8))
    if spots < 2:
        return None
    field_px = max(shape) * float(matrix[0, 0])
    middle = matrix @ np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2, 1.0])
    rows, columns = np.mgrid[: ventricle.shape[0], : ventricle.shape[1]]
    weight = []
    for spot in (numbers == k for k in range(1, spots)):
        away = np.hypot(columns[spot].mean() - middle[0], rows[spot].mean() - middle[1]) / field_px
        weight.append(float(ventricle[spot].sum() * np.exp(-0.5 * (away / OFF_CENTRE) ** 2)))
    return numbers == 1 + int(np.argmax(weight))


def _heart(shares: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> tuple[float, float]:
    """x, y px of the middle of what was seen over all slices together. Raises RefusedStudy where nothing was."""
    left = _left(shares, matrix, shape)
    if left is None:
        raise RefusedStudy(
            "no_ventricle",
            "Expected a short-axis cine, but no left ventricle was found in its middle slices; choose the short-axis series.",
        )
    near = cv2.dilate(left.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    heart = (1 - shares[:, 0].mean(0)) * near
    rows, columns = np.mgrid[: heart.shape[0], : heart.shape[1]]
    place = np.array([(heart * columns).sum(), (heart * rows).sum()]) / heart.sum()
    x, y = cv2.invertAffineTransform(matrix) @ np.array([*place, 1.0])
    return float(np.clip(x, 0, shape[1] - 1)), float(np.clip(y, 0, shape[0] - 1))


# --- every picture ------------------------------------------------------------------------------------------------


def _cohort(images: np.ndarray, matrix: np.ndarray, model: LoadedModel) -> float:
    """Whose outlines the first phase looks like: one answer for the whole study, so that its volumes are of one kind."""
    return forward(between(np.stack([warped(picture, matrix) for picture in images[0]])), model)[1]


def _windows(images: np.ndarray, matrix: np.ndarray, readers: Readers, cohort: float, progress: Progress) -> np.ndarray:
    """(phase, slice, 4, CROP_PX, CROP_PX) probabilities in the window of `matrix`: as scanned, and, where an RV is seen,
    the mean of that and of two looks at the heart turned upright, one of them beside either end of its beat."""
    shares = np.empty((*images.shape[:2], len(STRUCTURES), CROP_PX, CROP_PX), np.float32)
    for k, phase in enumerate(images):
        progress(0.1 + 0.3 * k / len(images), f"Drawing the ventricles, phase {k + 1} of {len(images)}")
        shares[k] = forward_stack(between(_window(phase, matrix)), readers.stack, cohort)
    turn = turn_upright(shares)
    if turn is None:
        return shares
    turned, back = turn @ np.vstack([matrix, [0, 0, 1]]), cv2.invertAffineTransform(turn)
    ends = [None if phase is None else _window(images[phase], turned) for phase in ends_of_beat(shares)]
    shares *= SCANNED_SHARE
    for k, phase in enumerate(images):
        progress(0.4 + 0.35 * k / len(images), f"Drawing the ventricles upright, phase {k + 1} of {len(images)}")
        seen = _window(phase, turned)
        upright = (1 - BEAT_SHARE) * forward_stack(between(seen), readers.stack, cohort)
        upright += BEAT_SHARE * forward_stack(beside(seen, *ends), readers.beat, cohort)
        shares[k] += (1 - SCANNED_SHARE) * np.stack([_moved(share, back, CROP_PX, CROP_PX) for share in upright])
    return shares


def _window(phase: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(slice, H, W) -> (slice, CROP_PX, CROP_PX)."""
    return np.stack([warped(picture, matrix) for picture in phase])


def ends_of_beat(shares: np.ndarray) -> tuple[int, int | None]:
    """The phases in which the left cavity is fullest and emptiest; no second where there is but one phase.

    shares: (phase, slice, 4, H, W) probabilities of STRUCTURES.
    """
    filled = shares[:, :, CAVITY].sum((1, 2, 3))
    return int(filled.argmax()), int(filled.argmin()) if len(filled) > 1 else None


def turn_upright(shares: np.ndarray) -> np.ndarray | None:
    """2x3 matrix that turns the window until the RV lies UPRIGHT of the LV; None where no RV, or no LV, is drawn.

    shares: (phase, slice, 4, H, W) probabilities of STRUCTURES.
    """
    drawn = shares.argmax(2)
    left, right = (drawn == CAVITY) | (drawn == MYOCARDIUM), drawn == RIGHT
    if not (left.any() and right.any()):
        return None
    middle = (shares.shape[-1] - 1) / 2
    matrix: np.ndarray = cv2.getRotationMatrix2D((middle, middle), degrees_upright(left, right), 1.0)
    return matrix


def degrees_upright(left: np.ndarray, right: np.ndarray) -> float:
    """By how many degrees counter-clockwise the heart has to be turned. left, right: (..., H, W) bool, the ventricles."""
    (y, x), (right_y, right_x) = (np.argwhere(mask)[:, -2:].mean(0) for mask in (left, right))
    return UPRIGHT - math.degrees(math.atan2(y - right_y, right_x - x))


def within_end_diastole(shares: np.ndarray) -> np.ndarray:
    """(phase, slice, 4, H, W) probabilities without an RV farther than INWARD_MM from where it is at end-diastole.

    Fat beside the septum looks like blood in some phases; a ventricle contracts, and its base descends towards the apex.
    """
    fullest, _ = ends_of_beat(shares)
    right = cleaned(shares[fullest][None].argmax(2).astype(np.uint8), MM_PER_PX)[0] == RIGHT
    reach = 2 * round(INWARD_MM / MM_PER_PX) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    near = np.stack([cv2.dilate(picture.astype(np.uint8), disc) for picture in right])
    kept = shares.copy()
    kept[:, :, RIGHT] *= near
    total: np.ndarray = kept.sum(2, keepdims=True)
    return kept / total


def _moved(share: np.ndarray, matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """(4, h, w) probabilities through a 2x3 matrix; background outside."""
    stacked = np.ascontiguousarray(share.transpose(1, 2, 0))
    moved = cv2.warpAffine(stacked, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(1.0, 0.0, 0.0, 0.0))
    return moved.transpose(2, 0, 1)


def _on_pixels(shares: np.ndarray, labels: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Labels on the cine's own pixels: the borders between classes are drawn there, not in the window."""
    back = cv2.invertAffineTransform(matrix)
    found = np.zeros((*shares.shape[:2], *shape), np.uint8)
    for p, s in np.ndindex(*shares.shape[:2]):
        if labels[p, s].any():
            kept = shares[p, s] * (labels[p, s] != 0)
            kept[0] = np.where(labels[p, s] == 0, 1.0, shares[p, s, 0])
            found[p, s] = _moved(kept, back, *shape[:2]).argmax(0)
    return found


# --- one outline each ---------------------------------------------------------------------------------------------


def cleaned(labels: np.ndarray, mm_per_px: float) -> np.ndarray:
    """(phase, slice, H, W) labels with one ventricle of each side per slice, whole and walled.

    A left cavity has to touch myocardium along WALLED of its rim; spots elsewhere are dropped. Cavity and epicardium are
    convex, so that papillary muscles at the rim count to the cavity too. A right ventricle is one piece through the stack.
    """
    least = MIN_CAVITY_MM2 / mm_per_px**2
    found = labels.copy()
    for phase in found:
        right = phase == RIGHT
        phase[right & ~_one_piece(right)] = 0
        where = _ventricle_column(phase)
        for k, picture in enumerate(phase):
            phase[k] = _one_heart(picture, where, least)
    return found


def _one_piece(stack: np.ndarray) -> np.ndarray:
    """(slice, H, W) bool: the largest piece of a stack, whose outlines overlap from slice to slice, give or take a pixel."""
    grown = np.stack([cv2.dilate(picture.astype(np.uint8), np.ones((3, 3), np.uint8)) for picture in stack])
    numbers, pieces = ndimage.label(grown)
    if pieces < 2:
        return stack
    sizes = np.bincount(numbers[stack], minlength=pieces + 1)
    return stack & (numbers == sizes.argmax())


def _ventricle_column(phase: np.ndarray) -> np.ndarray:
    """(H, W) bool: where the left ventricle is in any slice, one piece, with some room around."""
    seen = ((phase == CAVITY) | (phase == MYOCARDIUM)).sum(0)
    spots, numbers = cv2.connectedComponents((seen > 0).astype(np.uint8))
    if spots < 2:
        return np.zeros(phase.shape[1:], bool)
    largest = max(range(1, spots), key=lambda k: int(seen[numbers == k].sum()))
    return cv2.dilate((numbers == largest).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


def _one_heart(picture: np.ndarray, where: np.ndarray, least: float) -> np.ndarray:
    answer = np.zeros_like(picture)
    wall = _largest((picture == MYOCARDIUM) & where, ALONE)
    cavity = _largest((picture == CAVITY) & where, ALONE)
    if cavity.sum() and not _walled(cavity, wall):
        cavity[:] = False
    right = _largest(_touching(picture == RIGHT, where), ALONE)
    if right.sum() >= least:
        answer[right] = RIGHT
    if wall.sum() + cavity.sum() >= least:
        answer[_filled(wall | cavity) & (answer != RIGHT)] = CAVITY
        answer[wall] = MYOCARDIUM
        if not cavity.any():
            answer[answer == CAVITY] = MYOCARDIUM if wall.sum() else 0
        left = answer == CAVITY
        answer[_hull(left | (answer == MYOCARDIUM)) & (answer == 0)] = MYOCARDIUM
        answer[_hull(left) & (answer == MYOCARDIUM)] = CAVITY
    return answer


def _walled(cavity: np.ndarray, wall: np.ndarray) -> bool:
    rim = (cv2.dilate(cavity.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~cavity
    near = cv2.dilate(wall.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return bool((rim & near).sum() >= WALLED * rim.sum())


def _touching(mask: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The spots of a mask that reach into a place."""
    _, numbers = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(numbers, np.unique(numbers[mask & where]))


def _largest(mask: np.ndarray, share: float) -> np.ndarray:
    """The largest spot, and others of at least `share` of its size."""
    spots, numbers, sizes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if spots < 2:
        return np.zeros_like(mask)
    areas: Any = sizes[1:, cv2.CC_STAT_AREA]
    return np.isin(numbers, 1 + np.flatnonzero(areas >= share * areas.max()))


def _hull(mask: np.ndarray) -> np.ndarray:
    """Its convex hull."""
    rows, columns = np.nonzero(mask)
    canvas = np.zeros(mask.shape, np.uint8)
    if len(rows):
        cv2.fillConvexPoly(canvas, cv2.convexHull(np.stack([columns, rows], 1).astype(np.int32)), 1)
    return canvas > 0


def _filled(mask: np.ndarray) -> np.ndarray:
    """Without holes."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, -1)
    return canvas > 0
