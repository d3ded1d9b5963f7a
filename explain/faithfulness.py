"""Whether an attribution says what the network looks at: the deletion curve, and the check with randomised weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from explain.explanation import Faithfulness

if TYPE_CHECKING:
    from torch import nn

TENTH = 0.1
FRACTIONS = (0.0, 0.05, TENTH, 0.2, 0.3)  # of the input, removed
DRAWS = 5  # random removals per fraction


def deletion(
    label: str, score: Callable[[np.ndarray], np.ndarray], attribution: np.ndarray, draws: int = DRAWS, seed: int = 0
) -> Faithfulness:
    """How a class's score falls when the most attributed share of the input is removed, beside random shares.

    The random shares are made of as many pieces of the same lengths at other places: removing single samples here and
    there would be another kind of damage (deletion curve: Petsiuk 2018, arXiv:1806.07421).

    score: (B, ...) bool, what to remove -> (B,) class score. attribution: (...), the last axis runs in time; NaN where
    there is nothing to remove.
    """
    rng = np.random.default_rng(seed)
    there = np.isfinite(attribution)
    by_rank = np.argsort(-attribution[there], kind="stable")
    removals = [np.zeros_like(there)]
    for fraction in FRACTIONS[1:]:
        top = np.zeros(len(by_rank), bool)
        top[by_rank[: round(fraction * len(by_rank))]] = True
        removals += [_placed(there, pieces) for pieces in (top, *(random_pieces(top, rng) for _ in range(draws)))]
    scores = score(np.stack(removals))
    curves = scores[1:].reshape(len(FRACTIONS) - 1, 1 + draws)
    attributed = np.concatenate([scores[:1], curves[:, 0]])
    random = np.concatenate([scores[:1], curves[:, 1:].mean(axis=1)])
    tenth = FRACTIONS.index(TENTH)
    return Faithfulness(label, np.array(FRACTIONS), attributed, random, bool(attributed[tenth] < random[tenth]))


def random_pieces(removed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) bool with as many True in as many pieces of the same lengths as `removed`, every arrangement equally likely.

    Two pieces may touch.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], removed.astype(np.int8), [0]])))
    lengths = rng.permutation(edges[1::2] - edges[::2])
    slots = len(removed) - lengths.sum() + len(lengths)  # a sample that stays, or a piece
    chosen = np.sort(rng.choice(slots, len(lengths), replace=False))
    starts = chosen + np.concatenate([[0], np.cumsum(lengths - 1)[:-1]]) if len(lengths) else chosen
    pieces = np.zeros(len(removed), bool)
    for start, length in zip(starts, lengths, strict=True):
        pieces[start : start + length] = True
    return pieces


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the network that has learned nothing: the values of every weight tensor are shuffled within it.

    The scale of every layer stays, so that the copy's signals neither vanish nor explode (sanity check by model
    parameter randomisation: Adebayo 2018, arXiv:1810.03292).
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    shuffled = copy.deepcopy(network)
    with torch.no_grad():
        for weights in shuffled.parameters():
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.flatten()[order].reshape(weights.shape))
    return shuffled


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two maps where both are finite, -1..1; 0 where either is constant."""
    from scipy.stats import rankdata

    both = np.isfinite(one) & np.isfinite(other)
    ranks = rankdata(one[both]), rankdata(other[both])
    if min(np.ptp(r) if len(r) else 0 for r in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _placed(there: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """The removal of the samples that are there, on the attribution's own axes."""
    whole = np.zeros_like(there)
    whole[there] = removed
    return whole
