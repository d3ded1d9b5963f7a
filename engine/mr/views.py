"""Which view a cardiac MR picture shows, and where apex and mitral valve are on a long-axis view: one small network.

A U-Net reads the whole picture. What it sees at its coarsest decides the view; heat maps at its finest give the points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engine.mr.scale import normalised
from engine.unet import UNet

if TYPE_CHECKING:
    from engine.models import LoadedModel

WEIGHT = "cardiac-mr-views"
SIZE = 96  # px of the square that the picture is fitted into
VIEWS = ("VIEW_SAX", "VIEW_2CH", "VIEW_3CH", "VIEW_4CH", "VIEW_AXIAL", "VIEW_CORONAL", "VIEW_SAGITTAL")
OTHER = "OTHER"
CLASSES = (*VIEWS, OTHER)
VIEW_NAMES = {
    "VIEW_SAX": "Short axis",
    "VIEW_2CH": "Two-chamber",
    "VIEW_3CH": "Three-chamber",
    "VIEW_4CH": "Four-chamber",
    "VIEW_AXIAL": "Axial scout",
    "VIEW_CORONAL": "Coronal scout",
    "VIEW_SAGITTAL": "Sagittal scout",
}
POINTS = {  # names of the three points by view: apex, and the mitral points, the septal or anterior one first
    "VIEW_2CH": ("apex", "mitral_anterior", "mitral_inferior"),
    "VIEW_3CH": ("apex", "mitral_anteroseptal", "mitral_inferolateral"),
    "VIEW_4CH": ("apex", "mitral_septal", "mitral_lateral"),
}
LOOKS = (1.0, 1.2)  # zooms at which the view is looked for
BATCH = 64
WINDOW = 4  # px around a heat map's peak: its mass is the confidence, its mean the place
CLOSE_UP = 2.4  # sides of the second look, in lengths of the ventricle


class ViewNet(nn.Module):
    """(B, 1, SIZE, SIZE) -> view logits (B, 8) in the order of CLASSES, and heat map logits (B, 3, SIZE, SIZE).

    coarse: the layer whose (B, widths[-1], 6, 6) output decides the view; for Grad-CAM.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        self.unet = UNet(1, 3, tuple(widths))
        self.coarse = nn.Identity()
        self.view = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * widths[-1], len(CLASSES)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.unet.encode(x)
        return self._view(features[-1]), self.unet.decode(features)

    def views(self, x: Tensor) -> Tensor:
        """The view logits (B, 8) alone."""
        return self._view(self.unet.encode(x)[-1])

    def _view(self, coarsest: Tensor) -> Tensor:
        seen = self.coarse(coarsest)
        return self.view(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1))


@dataclass(frozen=True)
class Point:
    """x, y in px of the picture (pixel centres are whole numbers); confidence: 0 to 1."""

    x: float
    y: float
    confidence: float


def letterbox(shape: tuple[int, int]) -> np.ndarray:
    """2x3 matrix that takes (x, y) of a picture of this (H, W) into the square of SIZE, its longer side filling it."""
    height, width = shape
    scale = SIZE / max(height, width)
    return np.array(
        [
            [scale, 0, (SIZE - scale * width) / 2 + scale / 2 - 0.5],
            [0, scale, (SIZE - scale * height) / 2 + scale / 2 - 0.5],
        ]
    )


def fitted(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE) float32 of a normalised picture (H, W); smoothed first where it becomes smaller."""
    shrink = 1 / np.hypot(matrix[0, 0], matrix[1, 0])
    if shrink > 1.2:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * shrink)
    return cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)


def view_probabilities(pictures: list[np.ndarray], model: LoadedModel) -> np.ndarray:
    """(N, 8) probabilities of CLASSES for pictures (H, W) of any grey range, calibrated by the weight's temperature.

    The mean of a look at the whole and one at its middle: a heart may be small in a wide field.
    """
    plain = [normalised(p) for p in pictures]
    x = np.stack([fitted(p, _zoomed(letterbox(p.shape[:2]), zoom)) for zoom in LOOKS for p in plain])[:, None]
    with model.lock, torch.no_grad():
        logits = torch.cat(
            [model.module.views(part.to(model.device)).float().cpu() for part in torch.from_numpy(x).split(BATCH)]
        )
    shares = (logits / float(model.weight.operating["temperature"])).softmax(1)
    return shares.reshape(len(LOOKS), len(pictures), -1).mean(0).numpy()


def _zoomed(matrix: np.ndarray, zoom: float) -> np.ndarray:
    """A 2x3 matrix into the square, closer to its middle."""
    closer = zoom * matrix
    closer[:, 2] += (1 - zoom) * (SIZE - 1) / 2
    return closer


def long_axis_points(picture: np.ndarray, model: LoadedModel) -> list[Point]:
    """Apex and both mitral points of a long-axis picture (H, W): a look at the whole, then one at the ventricle."""
    picture = normalised(picture)
    first = _look(picture, letterbox(picture.shape[:2]), model)
    apex, mitral = np.array([first[0].x, first[0].y]), np.mean([[p.x, p.y] for p in first[1:]], 0)
    length = float(np.hypot(*(apex - mitral)))
    if not 0.08 * max(picture.shape) < length:
        return first
    scale = min(SIZE / (CLOSE_UP * length), 3.0)
    middle = (apex + mitral) / 2
    close = np.array([[scale, 0, SIZE / 2 - scale * middle[0]], [0, scale, SIZE / 2 - scale * middle[1]]])
    second = _look(picture, close, model)
    return [b if b.confidence >= 0.5 * a.confidence else a for a, b in zip(first, second, strict=True)]


def _look(picture: np.ndarray, matrix: np.ndarray, model: LoadedModel) -> list[Point]:
    x = torch.from_numpy(fitted(picture, matrix)[None, None])
    with model.lock, torch.no_grad():
        heat = model.module(x.to(model.device))[1][0].float().cpu()
    shares = heat.flatten(1).softmax(1).reshape(heat.shape).numpy()
    back = cv2.invertAffineTransform(matrix)
    points = []
    for share in shares:
        x_px, y_px, confidence = peak(share)
        x_in, y_in = back @ np.array([x_px, y_px, 1.0])
        points.append(Point(float(x_in), float(y_in), confidence))
    return points


def peak(share: np.ndarray) -> tuple[float, float, float]:
    """x, y (px, between pixels) and mass of the highest place of a map (H, W) that adds up to 1."""
    smooth = cv2.GaussianBlur(share, (0, 0), 1.0)
    row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
    rows, columns = np.mgrid[: share.shape[0], : share.shape[1]]
    near = share * ((abs(rows - row) <= WINDOW) & (abs(columns - column) <= WINDOW))
    mass = float(near.sum())
    if mass <= 0:
        return float(column), float(row), 0.0
    return float((near * columns).sum() / mass), float((near * rows).sum() / mass), min(mass, 1.0)
