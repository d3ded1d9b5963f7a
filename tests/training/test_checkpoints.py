"""A training that was broken off goes on as if it had not been."""

import copy

import pytest
import torch
from torch import nn

from training.checkpoints import begun, cosine, keep, step, taken_up


def learning():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    return begun(network, torch.optim.AdamW(network.parameters(), 0.1), 0.5)


def loss_of(learner, k):
    x = torch.arange(8.0).view(4, 2) + k
    return ((learner.network(x) - 1) ** 2).mean()


def test_a_training_taken_up_goes_on_as_one_that_was_not_broken_off(tmp_path):
    whole, first = learning(), learning()
    assert taken_up(first, tmp_path / "runs") == 0
    losses = [step(whole, loss_of(whole, k)) for k in range(4)]
    assert [step(first, loss_of(first, k)) for k in range(2)] == losses[:2]
    keep(first, 6, tmp_path / "runs")
    second = learning()
    assert taken_up(second, tmp_path / "runs") == 7
    assert [step(second, loss_of(second, k)) for k in (2, 3)] == losses[2:]
    for one, other in zip(whole.average.state_dict().values(), second.average.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_the_average_follows_the_weights_and_starts_where_they_are_after_a_step():
    learner = learning()
    step(learner, loss_of(learner, 0))
    after_one = copy.deepcopy(learner.network.state_dict())
    assert learner.average.module.state_dict()["0.weight"].tolist() == after_one["0.weight"].tolist()
    step(learner, loss_of(learner, 1))
    expected = (after_one["0.weight"] + learner.network.state_dict()["0.weight"]) / 2
    assert learner.average.module.state_dict()["0.weight"].numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_a_wild_gradient_is_cut():
    network = nn.Linear(1, 1, bias=False)
    learner = begun(network, torch.optim.SGD(network.parameters(), 1.0), 0.5)
    before = network.weight.item()
    assert step(learner, 1e6 * network.weight.sum()) == pytest.approx(1e6 * before)
    assert before - network.weight.item() == pytest.approx(5.0, rel=1e-3)


def test_a_course_of_the_learning_rate_falls_to_nothing():
    assert [cosine(done) for done in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5, 0.0])
