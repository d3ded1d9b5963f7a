"""Calibration and operating points of the ECG classes, chosen on records that the networks were not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from engine.ecg.classifier import Operating

MIN_POSITIVES = 30  # fewer, and a class's operating point rests on too little: "not validated"
DRAWS = 200  # bootstrap draws that the threshold is the median of
PRIOR = 1.0  # pseudo-counts that pull Platt's slope to 1
ZONE = 0.6  # logits to either side of the threshold: the abstention zone


@dataclass(frozen=True)
class Judged:
    """Logits (views, n, 9) of the same n records seen in full and as printed, and their labels (n, 9), NaN where unknown."""

    logits: np.ndarray
    labels: np.ndarray

    def of_class(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(views, m) logits and (m,) bool truth of the records whose label of class k is known."""
        known = np.isfinite(self.labels[:, k])
        return self.logits[:, known, k], self.labels[known, k] == 1


def choose(judged: Judged, seed: int = 0) -> Operating:
    """Platt's calibration, the threshold of the best mean F1 over the views, and the abstention zone, per class."""
    rng = np.random.default_rng(seed)
    points: list[tuple[float, ...]] = []
    for k in range(judged.labels.shape[1]):
        logits, truth = judged.of_class(k)
        if truth.sum() < 2:
            points.append((1.0, 0.0, 0.5, 0.5, 0.5, 0.0))
            continue
        slope, offset = platt(logits, truth)
        cut = slope * best_cut(logits, truth, rng) + offset
        low, middle, high = (1 / (1 + np.exp(-(cut + d))) for d in (-ZONE, 0, ZONE))
        points.append((slope, offset, middle, low, high, float(truth.sum() >= MIN_POSITIVES)))
    slope, offset, threshold, low, high, validated = np.array(points).T
    return Operating(slope, offset, threshold, low, high, validated > 0)


def platt(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """(slope, offset) of the logistic that fits the truth (m,) best on every view (views, m); the slope is drawn to 1."""
    target = np.broadcast_to(truth, logits.shape).astype(float)

    def loss(at: np.ndarray) -> float:
        z = at[0] * logits + at[1]
        return float((np.logaddexp(0, z) - target * z).sum() + PRIOR * (at[0] - 1) ** 2)

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return max(float(found[0]), 0.05), float(found[1])


def best_cut(logits: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> float:
    """The logit from which on to say yes: the median, over bootstrap draws of the records, of the cut with the best mean F1.

    The median over draws moves less with single cases than the best cut of the one sample at hand.
    """
    grid = np.quantile(logits[:, truth], np.linspace(0, 1, 60))
    says = logits[:, :, None] >= grid  # (views, m, cuts)
    right, wrong = says & truth[:, None], says & ~truth[:, None]
    cuts = []
    for _ in range(DRAWS):
        times = rng.multinomial(len(truth), np.full(len(truth), 1 / len(truth)))
        hits, false = np.tensordot(times, right, (0, 1)), np.tensordot(times, wrong, (0, 1))
        f1 = 2 * hits / np.maximum(hits + false + times[truth].sum(), 1)
        cuts.append(grid[f1.mean(axis=0).argmax()])
    return float(np.median(cuts))
