"""Is it an apical four-chamber view? The heart is laid upright by its drawn left ventricle, then a small network looks.

What tells four chambers from two or three is the right heart beside the septum. Laid upright and to one size, every
four-chamber heart has it at the same place, so that few pictures suffice to learn it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engine.models import LoadedModel

Point = tuple[float, float] | np.ndarray  # (x, y) px
SIDE = 96  # px of the upright picture
APEX, MITRAL = (58.0, 14.0), (58.0, 54.0)  # where the long axis lies in it, (x, y) px


def upright(square: np.ndarray, apex: Point, mitral: Point) -> np.ndarray:
    """(S, S) uint8 frame -> (SIDE, SIDE) uint8: turned and scaled so that its LV axis (x, y in px) lies from APEX to MITRAL."""
    axis = np.subtract(mitral, apex)
    length = max(float(np.hypot(*axis)), 1.0)
    scale, down = (MITRAL[1] - APEX[1]) / length, axis / length
    turn = np.array([[down[1], -down[0]], [down[0], down[1]]]) * scale
    shift = np.array(APEX) - turn @ np.asarray(apex)
    matrix = np.concatenate([turn, shift[:, None]], axis=1)
    return cv2.warpAffine(np.ascontiguousarray(square), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)


class ViewNet(nn.Module):
    """(B, 1, SIDE, SIDE) grey 0..1 -> (B,) logit: four chambers, or anything else."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *widths[:-1]), widths, strict=True):
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
                nn.Conv2d(after, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(widths[-1] * (SIDE // 16) ** 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))[:, 0]


def four_chamber_logit(pictures: Sequence[np.ndarray], model: LoadedModel) -> float:
    """The mean logit over upright frames of one recording."""
    x = torch.from_numpy(np.stack(pictures)[:, None].astype(np.float32) / 255).to(model.device)
    with model.lock, torch.inference_mode():
        return float(model.module(x).float().mean())
