"""Explanations of cardiac MR: which slices count, and maps that leave nothing behind."""

import numpy as np
import pytest
import torch

from engine.mr.views import SIZE, ViewNet
from explain.mr import slice_influence, view_maps
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
