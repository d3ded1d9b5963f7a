"""Real hearts of many patients for `echo-plax`: apical frames (CAMUS layout) laid on their side as a long axis lies.

Mirrored about the diagonal, an apical frame has its apex on the left, the septum above and the atrium on the right, which is
bent down to where a long axis has it. There is no aorta, the right ventricle is not labelled, and the apex belongs to either
wall: such pixels carry a code for the classes that they may be, and the training's loss leaves those open.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from engine.echo_ef import volumes
from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, RIGHT_VENTRICLE, SEPTUM, VENTRICLE
from training.echo_plax_data import BASE
from training.echo_segmentation import read_pair

EITHER_WALL, UNKNOWN = 254, 255
OPEN = {EITHER_WALL: (SEPTUM, OUTER_WALL), UNKNOWN: (0, RIGHT_VENTRICLE, AORTA)}  # code -> the classes it may be
APEX, MITRAL = (0.06, 0.55), (0.58, 0.47)  # where the ventricle's axis lies in the square, shares of its side
CAP = 0.12  # of the ventricle's length: muscle beyond it towards the apex is either wall
BEND = 0.9  # px down per px behind the mitral plane


def read_turned(folder: Path, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, BASE, BASE) uint8 frames and masks (classes and codes) of the training patients, `most` spread over them."""
    with (folder / "index.csv").open() as file:
        names = [row["file"] for row in csv.DictReader(file) if row["split"] == "train"]
    chosen = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    found = [turned(*read_pair(folder, names[k])) for k in chosen]
    pairs = [pair for pair in found if pair is not None]
    return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])


def turned(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """An apical frame (H, W) and its mask -> (BASE, BASE) uint8 each; None where no ventricle is labelled."""
    axis = volumes.discs(mask)
    if axis is None:
        return None
    classes = np.full(mask.shape, UNKNOWN, np.uint8)
    classes[mask == volumes.CAVITY], classes[mask == volumes.ATRIUM] = VENTRICLE, ATRIUM
    apex, mitral = np.array(axis.apex), np.array(axis.mitral)
    along = (mitral - apex) / np.hypot(*(mitral - apex))
    lateral = np.array([along[1], -along[0]])  # to the right of the picture: away from the septum
    rows, columns = np.nonzero(mask == volumes.MYOCARDIUM)
    place = np.stack([columns, rows], 1) - apex
    wall = np.where(place @ lateral < 0, SEPTUM, OUTER_WALL)
    wall[place @ along < CAP * np.hypot(*(mitral - apex))] = EITHER_WALL
    classes[rows, columns] = wall
    across, down = _source(apex, along, lateral, float(np.hypot(*(mitral - apex))))
    seen = _sector()
    picture = cv2.remap(image, across, down, cv2.INTER_LINEAR) * seen
    laid = cv2.remap(classes, across, down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=UNKNOWN)
    laid[~seen | ((laid == UNKNOWN) & (picture == 0))] = 0
    return picture, laid


def _source(apex: np.ndarray, along: np.ndarray, lateral: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Where in the apical frame every pixel of the square comes from, (BASE, BASE) float32 column and row."""
    y, x = np.mgrid[0 : 1 : BASE * 1j, 0 : 1 : BASE * 1j]
    to = np.subtract(MITRAL, APEX)
    laid = to / np.hypot(*to)
    y = y - BEND * np.clip(x - MITRAL[0] - 0.03, 0, None)
    u = ((x - APEX[0]) * laid[0] + (y - APEX[1]) * laid[1]) / np.hypot(*to) * length
    v = ((y - APEX[1]) * laid[0] - (x - APEX[0]) * laid[1]) / np.hypot(*to) * length
    place = apex + u[..., None] * along + v[..., None] * lateral
    return place[..., 0].astype(np.float32), place[..., 1].astype(np.float32)


def _sector() -> np.ndarray:
    """(BASE, BASE) bool: a sector seen from above, as a long axis is."""
    y, x = np.mgrid[0 : 1 : BASE * 1j, 0 : 1 : BASE * 1j]
    return (np.abs(np.arctan2(x - 0.5, y + 0.04)) < 0.74) & (np.hypot(x - 0.5, y + 0.04) < 1.0)
