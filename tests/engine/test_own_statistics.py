import pytest
import torch
from torch import nn

from engine.own_statistics import OwnStatistics, learnt_alone
from engine.unet import UNet

BRIGHT, PLAIN = 3.0, 1.0


def layer(own: float) -> OwnStatistics:
    found = OwnStatistics(1, own).eval()
    found.running_mean.fill_(PLAIN)
    found.running_var.fill_(4.0)
    return found


def picture(mean: float, deviation: float) -> torch.Tensor:
    return mean + deviation * torch.tensor([[-1.0, 1.0], [1.0, -1.0]])[None, None]


def test_none_of_its_own_is_batch_norm():
    plain = nn.BatchNorm2d(1).eval()
    plain.load_state_dict(layer(0.0).state_dict())
    assert torch.allclose(layer(0.0)(picture(BRIGHT, 2.0)), plain(picture(BRIGHT, 2.0)), atol=1e-5)


def test_a_brighter_picture_is_met_by_the_share():
    assert layer(0.5)(picture(BRIGHT, 2.0)).mean().item() == pytest.approx((BRIGHT - 2.0) / 2.0, abs=1e-4)
    assert layer(1.0)(picture(BRIGHT, 2.0)).mean().item() == pytest.approx(0.0, abs=1e-4)


def test_a_picture_does_not_depend_on_those_beside_it():
    both = torch.cat([picture(BRIGHT, 2.0), picture(-7.0, 5.0)])
    assert torch.allclose(layer(0.3)(both)[:1], layer(0.3)(picture(BRIGHT, 2.0)), atol=1e-6)


def test_learning_follows_the_batch_as_batch_norm_does():
    batch = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    ours, plain = OwnStatistics(3, 0.0), nn.BatchNorm2d(3)
    assert torch.allclose(ours(batch), plain(batch), atol=1e-5)
    assert torch.allclose(ours.running_mean, plain.running_mean, atol=1e-6)


def test_a_flat_picture_gives_numbers_and_gradients():
    flat = torch.zeros(1, 1, 4, 4, requires_grad=True)
    given = layer(1.0)(flat)
    given.sum().backward()
    assert torch.isfinite(given).all()
    assert torch.isfinite(flat.grad).all()


def test_weights_learnt_without_it_fit_a_network_with_it():
    plain = UNet(1, 2, (4, 8)).eval()
    own = UNet(1, 2, (4, 8), own=0.5).eval()
    own.load_state_dict(plain.state_dict())
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    assert not torch.allclose(own(x), plain(x))


def test_with_and_without_gradients_it_gives_the_same():
    with torch.no_grad():
        bare = layer(0.5)(picture(BRIGHT, 2.0))
    assert torch.allclose(bare, layer(0.5)(picture(BRIGHT, 2.0)))


def test_learnt_statistics_alone_draw_as_the_network_without_its_own_on_the_same_weights():
    own, plain = UNet(1, 2, (4, 8), own=0.5).eval(), UNet(1, 2, (4, 8)).eval()
    plain.load_state_dict(own.state_dict())
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    before = own(x)
    alone = learnt_alone(own)
    assert torch.allclose(alone(x), plain(x))
    assert torch.equal(own(x), before)
    assert next(alone.parameters()) is next(own.parameters())
