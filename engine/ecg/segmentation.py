"""What each pixel of a photographed ECG page is: a small U-Net, and the maps it gives.

The network is our own and was trained on our own renderer's pages only (training/ecg_segmentation.py). U-Net: Ronneberger
2015, doi:10.1007/978-3-319-24574-4_28; sub-pixel output: Shi 2016, doi:10.1109/CVPR.2016.207.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engine import devices

FINE = ("trace", "grid")  # given for every pixel
COARSE = ("lead_name", "other_text", "pulse", "separator")  # given for every second pixel, then interpolated
LAYERS = FINE + COARSE

LONGEST_PX = 1800  # pictures are scaled so that their longer side lies between these two
SHORTEST_LONGEST_PX = 1200
STRIDE = 32  # of the coarsest level: the network's input is padded to whole multiples
TILE_PX, OVERLAP_PX = 1536, 96  # of tiles, when asked for a picture of more than MAX_PX pixels as it is
MAX_PX = 4_000_000


@dataclass(frozen=True)
class PageMaps:
    """Per layer an (H, W) float32 map of probabilities 0..1 on the picture's own pixels.

    trace: ink of the curves, as the share of the pixel that they cover. grid: lines or dots of the paper. lead_name: the
    letters of I, aVR, V1 ... other_text: all other print. pulse: calibration pulses. separator: strokes between columns.
    """

    trace: np.ndarray = field(repr=False)
    grid: np.ndarray = field(repr=False)
    lead_name: np.ndarray = field(repr=False)
    other_text: np.ndarray = field(repr=False)
    pulse: np.ndarray = field(repr=False)
    separator: np.ndarray = field(repr=False)


class PageNet(nn.Module):
    """U-Net at half resolution, whose head gives back full resolution for the thin layers by pixel shuffle.

    channels: of the levels at 1/2, 1/4, 1/8 ... of the input. normalised: with batch normalisation, as it is trained; shipped
    weights have it folded into the convolutions (see `folded`).
    """

    def __init__(self, channels: tuple[int, ...] = (24, 32, 64, 96, 128), normalised: bool = False) -> None:
        super().__init__()
        self.stem = _conv(3, channels[0], 5, 2, normalised)
        self.down = nn.ModuleList(_conv(a, b, 3, 2, normalised) for a, b in pairwise(channels))
        self.encode = nn.ModuleList(_conv(c, c, 3, 1, normalised) for c in channels)
        self.deepen = nn.ModuleList(_conv(c, c, 3, 1, normalised) for c in channels[1:])
        self.lift = nn.ModuleList(_conv(b, a, 1, 1, normalised) for a, b in pairwise(channels))
        self.decode = nn.ModuleList(_conv(c, c, 3, 1, normalised) for c in channels[:-1])
        self.fine = nn.Conv2d(channels[0], 4 * len(FINE), 3, padding=1)
        self.coarse = nn.Sequential(
            _conv(channels[0], channels[0], 3, 1, normalised), nn.Conv2d(channels[0], len(COARSE), 1)
        )

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, 2, H, W) of FINE and (N, 4, H/2, W/2) of COARSE for (N, 3, H, W) in 0..1; H, W multiples of STRIDE."""
        x = self.encode[0](self.stem(2 * picture - 1))  # (N, c0, H/2, W/2)
        skips = [x]
        for down, encode, deepen in zip(self.down, self.encode[1:], self.deepen, strict=True):
            x = down(x)
            x = x + deepen(encode(x))
            skips.append(x)
        for lift, decode, skip in list(zip(self.lift, self.decode, skips, strict=False))[::-1]:
            x = decode(skip + functional.interpolate(lift(x), scale_factor=2, mode="nearest"))
        return functional.pixel_shuffle(self.fine(x), 2), self.coarse(x)


def segment(rgb: np.ndarray, model: nn.Module, device: str, rescale: bool = True) -> PageMaps:
    """The maps of a picture (H, W, 3) uint8.

    rescale: bring the longer side to 1200..1800 px first, as the network saw pages in training, and the maps back to the
    picture's size; False: take the pixels as they are (a rectified page of about 8 px/mm), in tiles if there are many.
    """
    import cv2

    height, width = rgb.shape[:2]
    scale = _working_scale(height, width) if rescale else 1.0
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    maps = _in_tiles(rgb, model, device) if rgb.shape[0] * rgb.shape[1] > MAX_PX else _maps(rgb, model, device)
    if scale != 1.0:
        maps = [
            cv2.resize(m, (width, height), interpolation=cv2.INTER_LINEAR if scale < 1 else cv2.INTER_AREA)
            for m in maps
        ]
    return PageMaps(**dict(zip(LAYERS, maps, strict=True)))


def folded(network: PageNet) -> PageNet:
    """The same network with its batch normalisation folded into the convolutions: what is shipped."""
    plain = copy.deepcopy(network).eval()
    for block in [m for m in plain.modules() if isinstance(m, nn.Sequential)]:
        if isinstance(block[1], nn.BatchNorm2d) and isinstance(block[0], nn.Conv2d):
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return plain


def _conv(inputs: int, outputs: int, size: int, stride: int, normalised: bool) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=not normalised)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs) if normalised else nn.Identity(), nn.ReLU(inplace=True))


def _working_scale(height: int, width: int) -> float:
    longest = max(height, width)
    return min(1.0, LONGEST_PX / longest) if longest >= SHORTEST_LONGEST_PX else SHORTEST_LONGEST_PX / longest


def _maps(rgb: np.ndarray, model: nn.Module, device: str) -> list[np.ndarray]:
    """One (H, W) float32 map per layer; the padding repeats the edge."""
    height, width = rgb.shape[:2]
    padded = np.pad(rgb, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)), mode="edge")
    picture = torch.from_numpy(padded).to(device).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), devices.autocast(device):
        fine, coarse = model(picture.float() / 255)
    coarse = functional.interpolate(coarse.float().sigmoid(), scale_factor=2, mode="bilinear")
    both = torch.cat([fine.float().sigmoid(), coarse], dim=1)[0, :, :height, :width]
    return list(both.cpu().contiguous().numpy())


def _in_tiles(rgb: np.ndarray, model: nn.Module, device: str) -> list[np.ndarray]:
    """The maps of a large picture, put together from overlapping tiles of which the rims are dropped."""
    height, width = rgb.shape[:2]
    result = [np.zeros((height, width), np.float32) for _ in LAYERS]
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            y0, x0 = max(0, top - OVERLAP_PX), max(0, left - OVERLAP_PX)
            y1, x1 = min(height, top + TILE_PX), min(width, left + TILE_PX)
            tile = rgb[y0 : min(height, y1 + OVERLAP_PX), x0 : min(width, x1 + OVERLAP_PX)]
            for whole, part in zip(result, _maps(tile, model, device), strict=True):
                whole[top:y1, left:x1] = part[top - y0 : y1 - y0, left - x0 : x1 - x0]
    return result
