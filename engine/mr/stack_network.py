"""A network for a whole stack of short-axis slices: each is read as a picture, its coarse features together with those beside.

At the base a slice holds a ventricle or an atrium, at the apex blood or fat: a reader tells by the slices around it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.unet import UNet

WIDTHS = (24, 48, 96, 160, 224)
LEVELS = (4, 4, 3, 2)  # of resolution, coarsest 4: where slices learn from those beside them, in this order


class StackNet(nn.Module):
    """(N, inputs, H, W) slices, one stack after another -> (N, outputs, H, W) logits; H and W multiples of 16."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.slices = UNet(inputs, outputs, WIDTHS)
        self.through = nn.ModuleList([ThroughPlane(WIDTHS[level]) for level in LEVELS])

    def forward(self, x: Tensor, stacks: tuple[int, ...] | None = None) -> Tensor:
        """stacks: slices of each stack, together N; None: all are one stack."""
        first = _first_of(stacks or (len(x),), x.device)
        features = self.slices.encode(x)
        for level, block in zip(LEVELS, self.through, strict=True):
            features[level] = block(features[level], first)
        return self.slices.decode(features)


class ThroughPlane(nn.Module):
    """Adds to a slice's features what they mean beside those of the slice before and after; nothing before it has learnt."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.join = nn.Conv2d(3 * channels, channels // 2, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels // 2)
        self.give = nn.Conv2d(channels // 2, channels, 1)
        nn.init.zeros_(self.give.weight)
        assert self.give.bias is not None
        nn.init.zeros_(self.give.bias)

    def forward(self, features: Tensor, first: Tensor) -> Tensor:
        """features: (N, channels, h, w); first: (N,) bool, where a stack begins. Beyond a stack's ends is nothing, 0."""
        nothing = torch.zeros_like(features[:1])
        last = first.roll(-1)
        before = torch.cat([nothing, features[:-1]]) * ~first[:, None, None, None]
        after = torch.cat([features[1:], nothing]) * ~last[:, None, None, None]
        joined: Tensor = functional.relu(self.norm(self.join(torch.cat([before, features, after], 1))))
        given: Tensor = self.give(joined)
        return features + given


def _first_of(stacks: tuple[int, ...], device: torch.device) -> Tensor:
    """(N,) bool: where a stack begins."""
    first = torch.zeros(sum(stacks), dtype=torch.bool, device=device)
    at = 0
    for length in stacks:
        first[at] = True
        at += length
    return first
