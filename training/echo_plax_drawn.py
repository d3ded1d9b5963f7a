"""More frames for `echo-plax` to learn from: those of the same clips that nobody traced, drawn by a network that learnt them.

Each frame is drawn as it is and turned, larger and smaller, and the mean is taken. Where that mean is not sure, or left a
stray piece, the pixel is left open. A network of a fold draws the clips that it learnt from and no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from engine.echo.letterbox import Letterbox
from engine.echo.recording import blanked
from engine.echo_plax.anatomy import tidy
from engine.echo_plax.segmentation import SIDE, seen_square
from training.echo_plax_data import BASE, Traced, clip_file, open_clip
from training.echo_plax_segmentation import UNSURE

PER_CLIP = 30  # frames, spread evenly
VIEWS = ((1.0, 0), (0.85, 0), (1.15, 0), (1.0, -8), (1.0, 8))  # scale, turn in degrees
SURE = 0.7  # mean probability below which a pixel is left open


def read_drawn(data: Path, clips: Iterable[str], network: nn.Module) -> list[Traced]:
    """Frames of the clips with the network's masks; network: (B, 1, SIDE, SIDE) grey 0..1 -> (B, 7, SIDE, SIDE) logits."""
    found = []
    for clip in clips:
        _, opening, frames = open_clip(clip_file(data, clip))
        box = Letterbox(*opening.sector.box, BASE)
        every = [box.shrink(blanked(frame, opening.sector)) for frame in frames]
        seen = seen_square(opening.sector, box)
        for k in np.unique(np.linspace(0, len(every) - 1, min(PER_CLIP, len(every))).round().astype(int)):
            found.append(Traced(clip, int(k), every[k], drawn(every[k], network), seen))
    return found


def drawn(square: np.ndarray, network: nn.Module) -> np.ndarray:
    """(BASE, BASE) uint8 grey -> (BASE, BASE) uint8 classes, UNSURE where the network is not sure."""
    views = [_view(*view) for view in VIEWS]
    seen = np.stack([cv2.warpAffine(cv2.GaussianBlur(square, (0, 0), 0.6), view, (SIDE, SIDE)) for view in views])
    with torch.inference_mode():
        shares = network(torch.from_numpy(seen[:, None].astype(np.float32) / 255)).softmax(1).numpy()
    mean = np.mean([_back(share, view) for share, view in zip(shares, views, strict=True)], axis=0)
    best = mean.argmax(2).astype(np.uint8)
    whole = tidy(best)
    return np.where((whole != best) | (mean.max(2) < SURE), UNSURE, whole).astype(np.uint8)


def _view(scale: float, degrees: float) -> np.ndarray:
    """(2, 3): from the kept square to the network's, turned and scaled about the middle."""
    matrix = cv2.getRotationMatrix2D(((BASE - 1) / 2, (BASE - 1) / 2), degrees, scale * SIDE / BASE)
    return matrix + np.array([[0, 0, 1], [0, 0, 1]]) * (SIDE - BASE) / 2


def _back(shares: np.ndarray, view: np.ndarray) -> np.ndarray:
    """(7, SIDE, SIDE) -> (BASE, BASE, 7); what the view did not show is background."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack(
        [
            cv2.warpAffine(share, view, (BASE, BASE), flags=how, borderValue=float(k == 0))
            for k, share in enumerate(shares)
        ],
        axis=2,
    )
