"""Grad-CAM over space and time of a network that sees clips (Selvaraju 2017, doi:10.1109/ICCV.2017.74)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.models import LoadedModel
from engine.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor


def clip_maps(x: Tensor, model: LoadedModel, progress: Progress) -> np.ndarray:
    """What raises the number that a torchvision video network says of each clip.

    x: (n, 3, T, H, W). Returns (n, T, H, W) float32, 0 or more. The layer is the last but one block: (T / 4, H / 8, W / 8)
    for `r2plus1d_18`; the last block is half as fine.
    """
    import torch
    from captum.attr import LayerAttribution, LayerGradCam

    found = []
    with model.lock:
        cam = LayerGradCam(lambda clip: model.module(clip)[:, 0], model.module.layer3)
        for k in range(len(x)):
            progress(k / len(x), f"Asking your video network why, clip {k + 1} of {len(x)}")
            clip = x[k : k + 1].to(model.device).clone().requires_grad_(True)
            with torch.enable_grad():
                maps = cam.attribute(clip, relu_attributions=True)
            full = LayerAttribution.interpolate(maps.detach(), tuple(x.shape[2:]), "trilinear")
            found.append(full[0, 0].float().cpu().numpy())
    return np.stack(found)
