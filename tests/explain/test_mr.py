"""Explanations of cardiac MR: which slices count, and maps that leave nothing behind."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.models import LoadedModel
from engine.mr.cine import Cine
from engine.mr.scale import CROP_PX, placed
from engine.mr.stack_network import StackNet
from engine.mr.views import SIZE, ViewNet
from explain.mr import LAYERS, feature_maps, slice_influence, view_maps
from tests.engine.mr.drawn_mr import ring


def test_the_slice_that_contracts_most_raises_the_ejection_fraction_most():
    full = np.stack([ring(48, 8.0)] * 3)
    empty = np.stack([ring(48, 8.0), ring(48, 3.0), ring(48, 8.0)])
    influence = slice_influence(np.stack([full, empty]), 0, 1)
    area, left = (full[0] == 1).sum(), (empty[1] == 1).sum()
    whole = 100 * (area - left) / (3 * area)
    assert influence == pytest.approx([whole - 100 * (area - left) / (2 * area), whole, influence[0]], abs=1e-9)


def test_without_a_beat_no_slice_has_an_influence():
    labels = np.stack([np.stack([ring(48, 8.0)] * 3)])
    assert np.isnan(slice_influence(labels, 0, 0)).all()


def test_view_maps_are_of_the_networks_square_and_leave_no_hook():
    torch.manual_seed(0)
    network = ViewNet((4, 6, 8, 10, 12)).eval()
    cam, shares = view_maps(network, torch.rand(1, 1, SIZE, SIZE), 2)
    assert cam.shape == shares.shape == (SIZE, SIZE)
    assert (cam >= 0).all()
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
    assert all(weight.grad is None for weight in network.parameters())


def test_each_layer_shows_what_it_makes_of_a_slice_and_the_coarse_ones_of_those_beside():
    torch.manual_seed(0)
    network = StackNet(3, 6).eval()
    for block in network.through:
        torch.nn.init.normal_(block.give.weight)
    model = LoadedModel(SimpleNamespace(name="drawn", operating={}), network, "cpu")
    images = np.random.default_rng(0).random((1, 6, 48, 48)).astype(np.float32)
    other = images.copy()
    other[0, 4] = other[0, 4].T  # slice 2 is shown between 1 and 3
    evidence, changed = (
        SimpleNamespace(
            cine=Cine(stack, (1.5, 1.5), 8.0),
            segmentation=SimpleNamespace(matrix=placed(stack[0, 0], (1.5, 1.5), (24.0, 24.0))),
        )
        for stack in (images, other)
    )
    for layer, size, joined in zip(LAYERS, (1, 2, 4, 8, 16, 1), (False, False, True, True, True, True), strict=True):
        maps = feature_maps(evidence, model, layer, 0, 2)
        assert maps.shape[1:] == (CROP_PX // size,) * 2
        assert (np.diff(maps.std((1, 2))) <= 1e-6).all()
        assert np.array_equal(maps, feature_maps(changed, model, layer, 0, 2)) != joined
    assert not any(module._forward_hooks for module in network.modules())
