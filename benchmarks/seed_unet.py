"""The U-Net that Deepcardio asks about every pixel, in the layers of PyTorch: what ours is timed against.

Separable convolutions with strided shortcuts on the way down, transposed ones with up-sampled shortcuts on the way up, as in
Xception (Chollet 2016, arXiv:1610.02357).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SeedUNet(nn.Module):
    """(B, 3, H, W) -> (B, 2, H, W) softmax; H and W multiples of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.down = nn.ModuleList([_Down(32, 64), _Down(64, 128)])
        self.up = nn.ModuleList([_Up(128, 128), _Up(128, 64), _Up(64, 32)])
        self.head = nn.Conv2d(32, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in (*self.down, *self.up):
            x = block(x)
        return torch.softmax(self.head(x), 1)


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ReLU(), *_separable(inputs, outputs), nn.ReLU(), *_separable(outputs, outputs), nn.MaxPool2d(3, 2, 1)
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.shortcut(x)


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        layers = [
            (nn.ReLU(), nn.ConvTranspose2d(width, outputs, 3, padding=1), nn.BatchNorm2d(outputs))
            for width in (inputs, outputs)
        ]
        self.main = nn.Sequential(*layers[0], *layers[1], nn.Upsample(scale_factor=2))
        self.shortcut = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + self.shortcut(x)


def _separable(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs),
        nn.Conv2d(inputs, outputs, 1),
        nn.BatchNorm2d(outputs),
    )
