"""Ablation by lead on scores whose answer is known."""

import torch
from torch import Tensor

from explain.feature_ablation import feature_ablation


def record(windows: int = 1) -> Tensor:
    """(W, 2, 12, 4): lead k is the constant k + 1, all leads given."""
    x = torch.ones(windows, 2, 12, 4)
    x[:, 0] = torch.arange(1.0, 13.0)[:, None]
    return x


def test_finds_the_one_lead_that_a_score_looks_at():
    drop = feature_ablation(lambda x: x[:, 0, 0, 7, :].mean(-1)[:, None], record())
    assert drop.shape == (1, 12)
    assert drop[0, 7] == 8.0
    assert drop[0].count_nonzero() == 1


def test_a_linear_score_gives_each_leads_own_part_for_every_class():
    def score(x: Tensor) -> Tensor:
        total = x[:, :, 0].mean(-1).sum((1, 2))
        return torch.stack([total, -2 * total], dim=1)

    drop = feature_ablation(score, record(windows=3))
    assert torch.allclose(drop[0], 3 * torch.arange(1.0, 13.0))
    assert torch.allclose(drop[1], -6 * torch.arange(1.0, 13.0))


def test_the_lead_is_taken_from_the_mask_too():
    seen = []

    def score(x: Tensor) -> Tensor:
        seen.append(x[:, 0, 1, :, 0])
        return x[:, 0, 1].mean((1, 2))[:, None]

    drop = feature_ablation(score, record())
    assert torch.allclose(drop, torch.full((1, 12), 1 / 12))
    masks = torch.cat(seen)[1:]  # the first is the whole record
    assert torch.equal(masks, 1 - torch.eye(12))


def test_a_lead_that_is_not_given_counts_for_nothing():
    x = record()
    x[:, :, 3] = 0
    assert feature_ablation(lambda x: x.sum((1, 2, 3, 4))[:, None], x)[0, 3] == 0
