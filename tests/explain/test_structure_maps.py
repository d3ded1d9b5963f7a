"""Captum's maps of one structure, on small networks whose answer is known; nothing is left behind."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.models import LoadedModel
from engine.progress import silent
from engine.unet import UNet
from engine.weights import Weight
from explain import structure_maps
from explain.structure_maps import grad_cam, input_shares


def loaded(module):
    return LoadedModel(Weight("small", "", "", "", "", "", ""), module.eval().requires_grad_(False), "cpu")


class Bright(nn.Module):
    """Class 1 where it is bright: its logit is the grey level, weighted twice as much on the left."""

    def forward(self, x):
        weight = torch.where(torch.arange(x.shape[3]) < x.shape[3] // 2, 2.0, 1.0)
        return torch.cat([torch.full_like(x, 0.3), x * weight], 1)


def test_shares_are_grey_times_weight_where_the_structure_is_drawn(monkeypatch):
    monkeypatch.setattr(structure_maps, "SMOOTH", 1e-3)
    squares = np.zeros((1, 8, 8), np.uint8)
    squares[0, 2:4] = 255
    squares[0, 4:6] = 51  # too dark on either side: not drawn
    found = input_shares(squares, loaded(Bright()), 1, silent)
    np.testing.assert_allclose(found[0, 2, :4], 2, atol=1e-5)
    np.testing.assert_allclose(found[0, 2, 4:], 1, atol=1e-5)
    assert (found[0, 6] == 0).all()


def test_a_single_speckle_is_spread():
    squares = np.zeros((1, 16, 16), np.uint8)
    squares[0, 8, 4] = 255
    found = input_shares(squares, loaded(Bright()), 1, silent)[0]
    assert 0 < found[8, 6] < found[8, 4] < 1


@pytest.mark.parametrize("method", [grad_cam, input_shares])
def test_maps_have_the_squares_shape_and_leave_nothing_behind(method):
    torch.manual_seed(0)
    model = loaded(UNet(1, 3, (4, 6, 8)))
    squares = np.random.default_rng(0).integers(0, 255, (3, 16, 16), dtype=np.uint8)
    found = method(squares, model, 1, silent)
    assert found.shape == (3, 16, 16)
    assert (found >= 0).all()
    assert not any(module._forward_hooks or module._backward_hooks for module in model.module.modules())
    assert all(weight.grad is None for weight in model.module.parameters())


def test_a_structure_that_is_drawn_nowhere_rests_on_nothing():
    squares = np.zeros((1, 8, 8), np.uint8)
    assert (input_shares(squares, loaded(Bright()), 1, silent) == 0).all()
