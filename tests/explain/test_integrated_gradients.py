"""Integrated Gradients on networks whose shares can be computed by hand."""

import pytest
import torch
from torch import Tensor, nn

from explain.integrated_gradients import integrated_gradients

GENERATOR = torch.Generator().manual_seed(0)
WEIGHTS = torch.randn(2, 12, 5, generator=GENERATOR)


class Linear(nn.Module):
    """(B, 2, 12, 5) -> (B, 2): weights times signal where the mask is 1."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("blt,klt->bk", x[:, 0] * x[:, 1], WEIGHTS)


class Square(nn.Module):
    """(B, 2, 12, 5) -> (B, 1): the sum of squares; the shares are the squares."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        if x[:, 1].min() < 0:
            raise RuntimeError("broken on purpose")
        return self.scale * x[:, 0].square().sum((1, 2))[:, None]


def record(windows: int = 1) -> Tensor:
    x = torch.randn(windows, 2, 12, 5, generator=GENERATOR)
    x[:, 1] = 1
    return x


def test_linear_network_gives_weight_times_input():
    x = record(windows=2)
    x[0, 1, 3] = 0
    shares, delta = integrated_gradients(Linear(), x, [1, 0], steps=2)
    assert shares.shape == (2, 2, 12, 5)
    expected = WEIGHTS[[1, 0], None] * (x[:, 0] * x[:, 1])
    assert torch.allclose(shares, expected, atol=1e-5)
    assert torch.allclose(delta, torch.zeros(2, 2), atol=1e-4)


def test_shares_add_up_to_the_logit():
    x = record()
    shares, delta = integrated_gradients(Square(), x, [0], steps=8)
    assert torch.allclose(shares[0, 0], x[0, 0].square(), atol=1e-4)
    assert shares.sum() - Square()(x).item() == pytest.approx(delta.item(), abs=1e-3)


def test_nothing_is_left_behind():
    network, x = Square(), record()
    integrated_gradients(network, x, [0], steps=2)
    assert network.scale.grad is None
    assert not x.requires_grad
    x[:, 1] = -1
    with pytest.raises(RuntimeError, match="on purpose"):
        integrated_gradients(network, x, [0], steps=2)
    assert network.scale.grad is None
    assert not network._forward_hooks
    assert not network._backward_hooks
