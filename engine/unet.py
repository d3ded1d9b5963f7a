"""A small U-Net (Ronneberger 2015) with batch norm and learned up-sampling left out: bilinear, then convolution.

Shared by the tasks that segment pictures of one kind; what differs is channels, widths and classes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.own_statistics import OwnStatistics


class UNet(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W) logits; H and W multiples of 2 ** (len(widths) - 1).

    widths: channels per resolution, from the finest to the coarsest. bottleneck: the layer whose (B, widths[-1], h, w)
    output summarises the picture, e.g. for a view classifier or Grad-CAM. own: share of each picture's own statistics in
    batch norm; weights learnt without it serve as well.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: tuple[int, ...] = (24, 48, 96, 160, 224),
        dropout: float = 0.1,
        own: float = 0.0,
    ) -> None:
        super().__init__()
        self.stem = _double(inputs, widths[0], own)
        self.down = nn.ModuleList([_double(a, b, own) for a, b in pairwise(widths)])
        self.bottleneck = nn.Dropout2d(dropout)
        self.up = nn.ModuleList([_double(a + b, b, own) for b, a in reversed(list(pairwise(widths)))])
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> list[Tensor]:
        """Features per resolution, finest first."""
        features = [self.stem(x)]
        for block in self.down:
            features.append(block(functional.max_pool2d(features[-1], 2)))
        features[-1] = self.bottleneck(features[-1])
        return features

    def decode(self, features: list[Tensor]) -> Tensor:
        """Logits from the features that `encode` gave."""
        y = features[-1]
        for block, skip in zip(self.up, reversed(features[:-1]), strict=True):
            y = functional.interpolate(y, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            y = block(torch.cat([y, skip], 1))
        return self.head(y)


def _double(inputs: int, outputs: int, own: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        _norm(outputs, own),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        _norm(outputs, own),
        nn.ReLU(inplace=True),
    )


def _norm(features: int, own: float) -> nn.BatchNorm2d:
    return OwnStatistics(features, own) if own else nn.BatchNorm2d(features)
