"""Slices of a stack learn from one another, and from no other stack."""

import pytest
import torch

from engine.mr.stack_network import StackNet, ThroughPlane


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = StackNet(3, 6).eval()
    for block in made.through:
        torch.nn.init.normal_(block.give.weight, std=5.0)
    return made


def slices(number):
    return torch.rand(number, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_before_it_has_learnt_it_reads_slices_one_by_one():
    untaught = StackNet(3, 6).eval()
    x = slices(4)
    assert torch.equal(untaught(x), untaught.slices(x))


@torch.no_grad()
def test_a_slice_tells_the_others_of_its_stack_and_no_other_stack(network):
    x = slices(7)
    changed = x.clone()
    changed[1] += 1
    apart = (network(x, (4, 3)) - network(changed, (4, 3))).abs().amax((1, 2, 3))
    assert (apart[:4] > 1e-6).all()
    assert (apart[4:] == 0).all()
    assert torch.allclose(network(x, (4, 3))[4:], network(x[4:]), atol=1e-5)


@torch.no_grad()
def test_beyond_the_ends_of_a_stack_is_nothing():
    torch.manual_seed(0)
    block = ThroughPlane(4).eval()
    torch.nn.init.normal_(block.give.weight)
    features = torch.rand(1, 4, 5, 5)
    between_nothing = torch.cat([torch.zeros_like(features), features, torch.zeros_like(features)])
    lone = block(features, torch.tensor([True]))
    amid = block(between_nothing, torch.tensor([True, False, False]))
    assert torch.allclose(lone[0], amid[1], atol=1e-6)
