"""The user's own U-Net in place of ours: the whole picture, squashed to 384 x 384, grey 0..255 as it is, seven classes.

What Raventan's `echo-plax-segmentation` publishes weights of; they are not ours and not shipped. Its classes are in our
order: background, left ventricle, septum, left atrium, right ventricle, outer wall, aorta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import WeightError
from engine.keras_graph import KerasNet
from engine.keras_model import load_model
from engine.progress import Progress

KIND = "own-plax-network"
SIDE = 384  # px
CLASSES = 7
PROBE = 64  # px of the picture that a loaded network is tried on
FULL_SCALE = 255.0
LEAST_SHARE = 1e-6  # so that the logarithm of a probability exists


class SeedNet(nn.Module):
    """(B, 1, S, S) grey 0..1 -> (B, 7, S, S) logits whose softmax is what the Keras network says. In float32, frame by frame."""

    def __init__(self, network: KerasNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            shares = torch.cat([self.network(FULL_SCALE * frame) for frame in x.float().split(1)])
        return torch.log(shares.clamp(min=LEAST_SHARE))


@dataclass(frozen=True)
class Squashed:
    """The whole frame, its sides not in proportion, in a square of SIDE."""

    side: int = SIDE

    def shrink(self, grey: np.ndarray) -> np.ndarray:
        """(H, W) uint8 -> (side, side) uint8."""
        how = cv2.INTER_AREA if min(grey.shape) > self.side else cv2.INTER_LINEAR
        return cv2.resize(grey, (self.side, self.side), interpolation=how)

    def enlarge(self, shares: np.ndarray, frame_shape: tuple[int, int]) -> np.ndarray:
        """(K, side, side) probabilities -> (H, W) uint8: the likeliest class of each frame pixel."""
        height, width = frame_shape
        full = [
            cv2.resize(share.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) for share in shares
        ]
        return np.stack(full).argmax(0).astype(np.uint8)

    def spread(self, values: np.ndarray, frame_shape: tuple[int, int], outside: float = 0.0) -> np.ndarray:
        """(side, side) numbers -> (H, W) float32 on the frame's own pixels; nothing of the frame is outside."""
        height, width = frame_shape
        return cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def load(data: bytes) -> SeedNet:
    """The network of a whole Keras model (`.h5`). Nothing in the file is executed.

    Raises:
        WeightError: if the file is no such network.
    """
    network, (height, width, channels) = load_model(data)
    if channels != 1 or {height, width} - {SIDE, None}:
        raise WeightError(
            f"Expected a network that takes {SIDE} x {SIDE} grey pixels, this one takes {height} x {width} x {channels}; "
            "choose the parasternal U-Net's file."
        )
    found = SeedNet(network).eval()
    try:
        with torch.inference_mode():
            shape = tuple(found(torch.zeros(1, 1, PROBE, PROBE)).shape)
    except RuntimeError as error:
        raise WeightError(
            "The network's layers do not fit each other; save the model again with model.save."
        ) from error
    if shape != (1, CLASSES, PROBE, PROBE):
        raise WeightError(
            f"Expected {CLASSES} classes per pixel (background and six structures), the network gives shape {shape[1:]}."
        )
    return found


def squares_of(frames: Iterator[np.ndarray], place: Squashed, progress: Progress) -> np.ndarray:
    """(T, SIDE, SIDE) uint8 grey of all (H, W, 3) uint8 frames, nothing blanked: what the network was taught on."""
    found = []
    for k, frame in enumerate(frames):
        if k % 16 == 0:
            progress(0.5, f"Reading frame {k + 1} for your network")
        found.append(place.shrink(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)))
    return np.stack(found)
