"""Finds when a drawing is that of a parasternal long axis: a logistic rule on the drawing's features, from left-out clips.

Nothing that a network learnt from is judged by it here: every clip, parasternal or not, is drawn by the network that it was
left out of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.echo_plax.segmentation import floor, look
from engine.echo_plax.view import FEATURES, features, is_strip
from engine.errors import RefusedStudy
from engine.models import LoadedModel
from training.echo_plax_data import open_clip

RIDGE = 0.3  # of the standardised weights: few clips stand behind them
STEPS = 50  # of Newton's method


@dataclass(frozen=True)
class Seen:
    """name: of the clip or still. features: (frames, 8), or none where intake refused it. long_axis: what it is."""

    name: str
    long_axis: bool
    features: np.ndarray | None


@dataclass(frozen=True)
class Rule:
    """The logit is features @ weights + bias; taken from `threshold` on (a probability)."""

    weights: tuple[float, ...]
    bias: float
    threshold: float = 0.5

    def probability(self, seen: Seen) -> float:
        """0..1; 0 where intake refused it."""
        if seen.features is None:
            return 0.0
        return float(1 / (1 + np.exp(-(seen.features.mean(0) @ np.array(self.weights) + self.bias))))


def see(file: Path, long_axis: bool, model: LoadedModel) -> Seen:
    """A clip or still as the app first looks at it."""
    try:
        _, opening, _ = open_clip(file)
    except RefusedStudy:
        return Seen(file.stem, long_axis, None)
    drawn = look(opening, model)
    if is_strip(drawn, floor(model)):
        return Seen(file.stem, long_axis, None)
    return Seen(file.stem, long_axis, np.stack([features(shares) for shares in drawn.shares]))


def fitted(seen: Sequence[Seen]) -> Rule:
    """Ridge logistic regression on single frames; clips, and both kinds, weigh the same."""
    known = [one for one in seen if one.features is not None]
    x = np.concatenate([one.features for one in known if one.features is not None])
    y = np.concatenate([np.full(len(one.features), one.long_axis) for one in known if one.features is not None])
    weight = np.concatenate(
        [np.full(len(one.features), 1 / len(one.features)) for one in known if one.features is not None]
    )
    for kind in (False, True):
        weight[y == kind] *= 20 / weight[y == kind].sum()
    mean, spread = x.mean(0), x.std(0) + 0.05
    z = np.concatenate([(x - mean) / spread, np.ones((len(x), 1))], axis=1)
    penalty = np.diag([RIDGE] * len(FEATURES) + [1e-6])
    beta = np.zeros(z.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-z @ beta))
        gradient = z.T @ (weight * (y - p)) - penalty @ beta
        beta = beta + np.linalg.solve(z.T @ (z * (weight * p * (1 - p))[:, None]) + penalty, gradient)
    weights = beta[:-1] / spread
    return Rule(tuple(round(float(w), 4) for w in weights), round(float(beta[-1] - weights @ mean), 4))


def left_out(seen: Sequence[Seen]) -> list[tuple[Seen, bool]]:
    """Each clip with whether a rule fitted on the others takes it."""
    found = []
    for k, one in enumerate(seen):
        rule = fitted([*seen[:k], *seen[k + 1 :]])
        found.append((one, rule.probability(one) >= rule.threshold))
    return found
