"""What a drawn structure rests on, by Captum: Grad-CAM of a network with layers, input times gradient of any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engine.models import LoadedModel
from engine.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 8  # frames; one where the pictures are large
LARGE = 256  # px
SMOOTH = 3.0  # px of the square, standard deviation
DOING = "Asking the network what each structure rests on"


def grad_cam(squares: np.ndarray, model: LoadedModel, structure: int, progress: Progress) -> np.ndarray:
    """(n, S, S) uint8 frames -> (n, S, S) float32: Captum's LayerGradCam of a structure's summed logit, where it is drawn.

    model: an `engine.unet.UNet`. The layer is the last but one of the decoder (half the square's resolution): later ones only
    repeat the outline, the bottleneck is too coarse to tell a wall from its neighbour. 0 where the structure is not drawn.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    with model.lock:
        cam = LayerGradCam(_score(model, structure), model.module.up[-2])
        return _batched(
            squares,
            model,
            progress,
            lambda x: LayerAttribution.interpolate(
                cam.attribute(x, relu_attributions=True).detach(), squares.shape[1:], "bilinear"
            ),
        )


def input_shares(squares: np.ndarray, model: LoadedModel, structure: int, progress: Progress) -> np.ndarray:
    """(n, S, S) uint8 frames -> (n, S, S) float32, 0 or more: the size of each pixel's share in the same score.

    Captum's InputXGradient (Shrikumar 2016, arXiv:1605.01713), smoothed over SMOOTH px since single pixels of speckle mean
    nothing. It needs no layer, so that any network can be asked.
    """
    import cv2
    from captum.attr import InputXGradient

    with model.lock:
        method = InputXGradient(_score(model, structure))
        found = _batched(squares, model, progress, lambda x: method.attribute(x).detach().abs())
    return np.stack([cv2.GaussianBlur(one, (0, 0), SMOOTH) for one in found])


def _score(model: LoadedModel, structure: int) -> Callable[[Tensor], Tensor]:
    """(B, 1, S, S) -> (B,): the structure's logit, summed where it is drawn."""

    def score(x: Tensor) -> Tensor:
        logits = model.module(x)
        drawn = (logits.argmax(1) == structure).float().detach()
        return (logits[:, structure] * drawn).sum((1, 2))

    return score


def _batched(
    squares: np.ndarray, model: LoadedModel, progress: Progress, attribute: Callable[[Tensor], Tensor]
) -> np.ndarray:
    import torch

    parts = []
    step = BATCH if squares.shape[1] < LARGE else 1
    for at in range(0, len(squares), step):
        progress(at / len(squares), DOING)
        x = torch.from_numpy(squares[at : at + step, None].astype(np.float32) / 255).to(model.device)
        with torch.enable_grad():
            parts.append(attribute(x.requires_grad_(True))[:, 0].float().cpu().numpy())
    return np.concatenate(parts)
