"""Apex and mitral points for training: from contours of the LV cavity, and from one patient's cines by geometry."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

CONTOUR_POINTS = 96
BASE = range(6, 40)  # points of the contour that the straight base may span
MIN_AREA_PX = 150
SURE_OF_SIDES = 0.3  # of the base's length; how much lower the septal end has to lie


def points_of_contour(mask: np.ndarray) -> np.ndarray | None:
    """(3, 2) x, y of apex, septal and lateral mitral point from a four-chamber LV cavity (H, W), nan where unsure.

    The base is the longest straight run of the contour across the cavity's axis, the apex the contour's farthest point
    from its middle. Which end is septal is taken from how the Data Science Bowl's frames lie as this set stores them:
    the septum below. None where there is no cavity.
    """
    found, _ = cv2.findContours((mask > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(found, key=cv2.contourArea)[:, 0].astype(float) if found else np.zeros((0, 2))
    if len(outline) < 40 or (mask > 0).sum() < MIN_AREA_PX:
        return None
    points = outline[np.linspace(0, len(outline), CONTOUR_POINTS, endpoint=False).astype(int)]
    points = (np.roll(points, 1, 0) + 2 * points + np.roll(points, -1, 0)) / 4
    axis = np.linalg.eigh(np.cov(np.argwhere(mask > 0)[:, ::-1].T))[1][:, -1]
    best: tuple[float, np.ndarray] | None = None
    for span in BASE:
        runs = points[(np.arange(CONTOUR_POINTS)[:, None] + np.arange(span + 1)) % CONTOUR_POINTS]  # (start, point, 2)
        score, apex = _as_base(runs, points, axis)
        k = int(score.argmax())
        if np.isfinite(score[k]) and (best is None or score[k] > best[0]):
            best = float(score[k]), np.stack([apex[k], runs[k, 0], runs[k, -1]])
    if best is None:
        return None
    apex, one, other = best[1]
    septal, lateral = (one, other) if one[1] > other[1] else (other, one)
    if septal[1] - lateral[1] < SURE_OF_SIDES * np.hypot(*(septal - lateral)):
        septal = lateral = np.full(2, np.nan)
    return np.stack([apex, septal, lateral])


def _as_base(runs: np.ndarray, points: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How well each run of the contour would do as the base (-inf: not at all), and the apex (N, 2) it would have."""
    chord = runs[:, -1] - runs[:, 0]
    length = np.maximum(np.hypot(*chord.T), 1e-6)
    away = runs - runs[:, :1]
    bend = np.abs(away[..., 0] * chord[:, None, 1] - away[..., 1] * chord[:, None, 0]).max(1) / length
    middle = (runs[:, 0] + runs[:, -1]) / 2
    apex = points[np.linalg.norm(points[None] - middle[:, None], axis=2).argmax(1)]
    reach = apex - middle
    along = np.abs(chord @ axis) / length
    aslant = np.abs((reach * chord).sum(1)) / (np.maximum(np.linalg.norm(reach, axis=1), 1e-6) * length)
    score = length - 6 * bend - 60 * np.maximum(0.0, along - 0.3)
    return np.where((along < 0.7) & (aslant < 0.6), score, -np.inf), apex


def points_of_cines(folder: Path) -> dict[str, np.ndarray]:
    """View (2CH, 3CH, 4CH) -> (T, 3, 2) x, y of apex and mitral points, the septal or anterior one first.

    Only the four-chamber cine has its apex marked; in the others it is where the same point of space meets their plane.
    The first mitral point is the one nearer to the tricuspid (4CH) or aortic valve (3CH), or the more anterior (2CH).
    """
    marked: dict[tuple[str, int, str], list[list[float]]] = {}
    with (folder / "landmarks.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["view"], int(row["phase"]), row["landmark"]
            marked.setdefault(key, []).append([float(row["x_px"]), float(row["y_px"])])
    planes = {view: _plane(folder / f"cine_{view}.npz") for view in ("2CH", "3CH", "4CH")}
    answer = {}
    for view, plane in planes.items():
        phases = []
        for phase in range(25):
            apex = _into(plane, _space(planes["4CH"], np.array(marked["4CH", phase, "APEX_POINT"][0])))
            one, other = np.array(marked[view, phase, "MITRAL_VALVE"])
            if view == "2CH":
                swapped = _space(plane, one)[1] > _space(plane, other)[1]  # y of DICOM runs to the back
            else:
                valve = np.mean(marked[view, phase, "TRICUSPID_VALVE" if view == "4CH" else "AORTA_VALVE"], 0)
                swapped = np.hypot(*(one - valve)) > np.hypot(*(other - valve))
            phases.append([apex, other, one] if swapped else [apex, one, other])
        answer[view] = np.array(phases)
    return answer


def _plane(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as cine:
        return {
            "along": cine["image_orientation"].reshape(2, 3),
            "origin": cine["image_position"],
            "mm": cine["spacing_mm"],
        }


def _space(plane: dict[str, np.ndarray], point: np.ndarray) -> np.ndarray:
    """x, y of an image -> patient coordinates in mm (DICOM PS3.3 C.7.6.2.1.1)."""
    return plane["origin"] + (point * plane["mm"][::-1]) @ plane["along"]


def _into(plane: dict[str, np.ndarray], place: np.ndarray) -> np.ndarray:
    """Patient coordinates in mm -> x, y of the nearest point of the image."""
    return (plane["along"] @ (place - plane["origin"])) / plane["mm"][::-1]
