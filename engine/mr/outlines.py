"""Outlines of the ventricles as closed curves through a few points, and the labels that such curves stand for."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from engine.mr.segmentation import CAVITY, MYOCARDIUM, RIGHT

CURVES = ("cavity", "epicardium", "right")  # rim of the LV cavity, outside of the LV wall, rim of the RV cavity
POINTS = {"cavity": 14, "epicardium": 16, "right": 20}
BETWEEN = 8  # steps of the curve from one point to the next
LEAST_PX = 8  # smaller spots have no outline


def outlines(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Labels (H, W) -> curve -> (n, 2) x, y px of its points, evenly along the rim; no entry for what the slice lacks."""
    masks = {
        "cavity": labels == CAVITY,
        "epicardium": (labels == CAVITY) | (labels == MYOCARDIUM),
        "right": labels == RIGHT,
    }
    found = {}
    for name, mask in masks.items():
        if mask.sum() >= LEAST_PX and (name != "epicardium" or (labels == MYOCARDIUM).any()):
            found[name] = _points(mask, POINTS[name])
    return found


def labels_of(curves: Mapping[str, np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8 labels inside the curves; the cavity goes before the wall, the LV before the RV."""
    answer = np.zeros(shape, np.uint8)
    for name, label in (("right", RIGHT), ("epicardium", MYOCARDIUM), ("cavity", CAVITY)):
        if name in curves:
            answer[inside(closed(np.asarray(curves[name], float)), shape)] = label
    return answer


def closed(points: np.ndarray) -> np.ndarray:
    """(n, 2) -> (n * BETWEEN, 2): the closed Catmull-Rom curve through the points (Catmull and Rom 1974)."""
    before, after, beyond = np.roll(points, 1, 0), np.roll(points, -1, 0), np.roll(points, -2, 0)
    t = (np.arange(BETWEEN) / BETWEEN)[None, :, None]
    p0, p1, p2, p3 = (p[:, None] for p in (before, points, after, beyond))
    curve = (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3) / 2
    return curve.reshape(-1, 2)


def _points(mask: np.ndarray, count: int) -> np.ndarray:
    """Evenly along the outer rim of the largest spot, drawn where the mask is half there, between the pixels."""
    zoom = 4
    large = cv2.resize(mask.astype(np.float32), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
    rims, _ = cv2.findContours((large > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rim = (max(rims, key=cv2.contourArea)[:, 0] + 0.5) / zoom - 0.5
    steps = np.hypot(*np.diff(np.vstack([rim, rim[:1]]), axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    places = np.linspace(0, along[-1], count, endpoint=False)
    round_ = np.vstack([rim, rim[:1]])
    return np.stack([np.interp(places, along, round_[:, k]) for k in (0, 1)], 1)


def inside(curve: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: pixels whose centre lies inside a closed line (n, 2) of x, y px, by the even-odd rule."""
    answer = np.zeros(shape, bool)
    columns = np.arange(shape[1])
    ends = np.roll(curve, -1, 0)
    top, bottom = max(0, int(np.floor(curve[:, 1].min()))), min(shape[0] - 1, int(np.ceil(curve[:, 1].max())))
    for row in range(top, bottom + 1):
        crossing = (curve[:, 1] > row) != (ends[:, 1] > row)
        (x0, y0), (x1, y1) = curve[crossing].T, ends[crossing].T
        at = x0 + (row - y0) * (x1 - x0) / (y1 - y0)
        answer[row] = (at[:, None] > columns).sum(0) % 2 == 1
    return answer
