"""Grad-CAM on networks small enough to compute by hand."""

import pytest
import torch
from torch import Tensor, nn

from explain.grad_cam import grad_cam


class Weighted(nn.Module):
    """(B, 2, 3) signals of two leads, doubled by the one-channel layer `features`; one logit: mean over time, leads weighted."""

    def __init__(self, *lead_weights: float) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.features.weight, 2.0)
        self.lead_weights = torch.tensor(lead_weights)
        self.fail = False

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x[:, None])  # (B, 1, 2, 3)
        if self.fail:
            raise RuntimeError("broken on purpose")
        logit = (features.mean(-1) * self.lead_weights).sum((1, 2))
        return torch.stack([logit, -logit], dim=1)


SIGNAL = torch.tensor([[[1.0, 2.0, 3.0], [1.0, 0.0, -1.0]]])
ALL_GIVEN = torch.ones(1, 2, 3)


def test_map_is_mean_gradient_times_activation_with_relu():
    network = Weighted(3.0, 6.0)
    maps = grad_cam(network, network.features, SIGNAL, ALL_GIVEN, [0])
    # gradient of the logit at a feature: lead weight / 3 samples; activation: twice the signal
    assert torch.allclose(maps[0, 0], torch.tensor([[2.0, 4.0, 6.0], [4.0, 0.0, 0.0]]))


def test_opposed_leads_do_not_cancel():
    """With one weight for both leads the mean gradient would be 0 and the map empty."""
    network = Weighted(3.0, -3.0)
    maps = grad_cam(network, network.features, SIGNAL, ALL_GIVEN, [0, 1])
    assert torch.allclose(maps[0, 0], torch.tensor([[2.0, 4.0, 6.0], [0.0, 0.0, 2.0]]))
    assert torch.allclose(maps[1, 0], torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]]))


def test_a_lead_given_for_a_part_is_averaged_over_that_part_only():
    class OneSample(Weighted):
        def forward(self, x: Tensor) -> Tensor:
            return self.features(x[:, None])[:, :, 0, 0]

    network = OneSample(1.0, 1.0)
    given = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])
    maps = grad_cam(network, network.features, SIGNAL, given, [0])
    assert maps[0, 0, 0, 0] == pytest.approx(2.0)  # gradient 1 over one given sample, not 1/3 over three
    assert torch.isnan(maps[0, 0, 0, 1:]).all()
    assert torch.equal(maps[0, 0, 1], torch.zeros(3))


def test_several_classes_and_records_keep_their_places():
    network = Weighted(3.0, 6.0)
    x = torch.cat([SIGNAL, -SIGNAL])
    maps = grad_cam(network, network.features, x, ALL_GIVEN.repeat(2, 1, 1), [1, 0])
    assert maps.shape == (2, 2, 2, 3)
    assert torch.allclose(maps[1, 0], torch.tensor([[2.0, 4.0, 6.0], [4.0, 0.0, 0.0]]))
    assert torch.allclose(maps[0, 1], maps[1, 0])  # minus the logit of minus the signal


@pytest.mark.parametrize("fail", [False, True])
def test_nothing_is_left_behind(fail):
    network = Weighted(1.0, 1.0)
    network.fail = fail
    x = SIGNAL.clone()
    if fail:
        with pytest.raises(RuntimeError, match="on purpose"):
            grad_cam(network, network.features, x, ALL_GIVEN, [0])
    else:
        grad_cam(network, network.features, x, ALL_GIVEN, [0])
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
    assert all(p.grad is None for p in network.parameters())
    assert x.grad is None
    assert not x.requires_grad


def test_works_where_gradients_are_switched_off():
    network = Weighted(3.0, 6.0)
    with torch.no_grad():
        maps = grad_cam(network, network.features, SIGNAL, ALL_GIVEN, [0])
    assert maps[0, 0, 0, 2] == pytest.approx(6.0)
