"""The peer's U-Net as we time it."""

import pytest
import torch

from benchmarks.seed_unet import SeedUNet
from engine.sparks.keras_networks import unet
from tests.engine.sparks.keras_files import random_arrays


def test_it_says_of_every_pixel_how_likely_it_sparks():
    with torch.no_grad():
        said = SeedUNet().eval()(torch.zeros(2, 3, 40, 64))
    assert said.shape == (2, 2, 40, 64)
    assert said.sum(1).numpy() == pytest.approx(1.0, abs=1e-5)


def test_it_is_as_deep_and_wide_as_the_one_that_users_load():
    kinds = [layer.kind for layer in unet().layers]
    theirs = sum(a.size for n, arrays in random_arrays(unet(), 3).items() for a in arrays if kinds[n] != "norm")
    layers = [m for m in SeedUNet().modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))]
    ours = sum(p.numel() for layer in layers for p in layer.parameters())
    assert ours == pytest.approx(theirs, rel=1e-3)  # ours has a bias after the depthwise part as well
