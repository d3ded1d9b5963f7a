"""The deletion curve and the randomisation check, on scores that are known."""

import numpy as np
import pytest
import torch
from torch import nn

from explain.faithfulness import FRACTIONS, TENTH, deletion, random_pieces, randomised, rank_correlation


def importance() -> np.ndarray:
    """(2, 100): of 200 samples, ten in a row in the first lead matter."""
    weights = np.zeros((2, 100))
    weights[0, 40:50] = 1
    return weights


def score(removed: np.ndarray) -> np.ndarray:
    """The share of the important samples that is left."""
    return 1 - (removed * importance()).sum((1, 2)) / 10


def test_a_true_attribution_passes_and_its_curve_falls_at_once():
    curve = deletion("AF", score, importance() + np.linspace(0, 0.1, 100))
    assert curve.label == "AF"
    assert curve.fractions.tolist() == list(FRACTIONS)
    assert curve.attributed[0] == curve.random[0] == 1
    assert curve.attributed[1:] == pytest.approx(0)  # a twentieth of 200 samples are the ten that matter
    assert curve.passed


def test_an_attribution_of_the_wrong_place_fails():
    assert not deletion("AF", score, np.flip(importance(), axis=0)).passed


def test_an_inverted_attribution_fails():
    curve = deletion("AF", score, -importance())
    assert curve.attributed[-1] == 1
    assert not curve.passed


def test_what_is_not_there_is_never_removed():
    attribution = importance()
    attribution[1, :60] = np.nan
    removals = []

    def watched(removed: np.ndarray) -> np.ndarray:
        removals.append(removed)
        return score(removed)

    deletion("AF", watched, attribution)
    removed = np.concatenate(removals)
    assert not removed[:, 1, :60].any()
    tenth = 1 + FRACTIONS[1:].index(TENTH)
    assert removed.sum((1, 2)).max() == round(FRACTIONS[-1] * 140)
    assert (removed.sum((1, 2)) == round(FRACTIONS[tenth] * 140)).any()


def test_random_pieces_have_the_same_lengths_and_no_favourite_place():
    removed = np.zeros(60, bool)
    removed[[3, 10, 11, 12, 13, 59]] = True
    rng = np.random.default_rng(1)
    draws = np.array([random_pieces(removed, rng) for _ in range(4000)])
    assert (draws.sum(1) == 6).all()
    edges = [np.flatnonzero(np.diff(np.concatenate([[0], d, [0]]))) for d in draws.astype(int)]
    assert all((e[1::2] - e[::2]).max() >= 4 for e in edges)  # the long piece stays in one piece
    inner = draws.mean(0)[4:-4]
    assert inner.min() > 0.07
    assert inner.max() < 0.14


def test_random_pieces_of_nothing_and_of_everything():
    rng = np.random.default_rng(0)
    assert not random_pieces(np.zeros(5, bool), rng).any()
    assert random_pieces(np.ones(5, bool), rng).all()


def test_randomised_keeps_the_values_and_the_original():
    network = nn.Linear(20, 5)
    before = network.weight.detach().clone()
    other = randomised(network, seed=3)
    assert torch.equal(network.weight, before)
    assert not torch.equal(other.weight, before)
    assert torch.equal(other.weight.flatten().sort().values, before.flatten().sort().values)
    assert torch.equal(randomised(network, seed=3).weight, other.weight)


def test_rank_correlation():
    rising = np.array([1.0, 2.0, 3.0, np.nan])
    assert rank_correlation(rising, np.array([10.0, 20.0, 500.0, 1.0])) == pytest.approx(1)
    assert rank_correlation(rising, -rising) == pytest.approx(-1)
    assert rank_correlation(rising, np.zeros(4)) == 0
    assert rank_correlation(rising, np.full(4, np.nan)) == 0
