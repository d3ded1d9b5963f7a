"""Calibration and operating points of the ECG classes, chosen on records that the networks were not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from engine.ecg.classifier import Operating

MIN_POSITIVES = 30  # fewer, and a class's operating point rests on too little: "not validated"
DRAWS = 200  # bootstrap draws that the threshold is the median of
PRIOR_SLOPE = 0.5  # of network and beats alike
PRIOR = 10.0  # how hard the slopes are drawn there
ZONE = 0.6  # logits to either side of the threshold: the abstention zone


@dataclass(frozen=True)
class Judged:
    """Logits of the network and of the measured beats (views, n, 9): the same n records seen in full and as printed.

    labels: (n, 9), NaN where unknown.
    """

    network: np.ndarray
    beats: np.ndarray
    labels: np.ndarray

    def of_class(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(views, m, 2) logits and (m,) bool truth of the records whose label of class k is known."""
        known = np.isfinite(self.labels[:, k])
        return np.stack([self.network[:, known, k], self.beats[:, known, k]], -1), self.labels[known, k] == 1


def choose(judged: Judged, seed: int = 0) -> Operating:
    """Calibration, the threshold of the best mean F1 over the views, and the abstention zone, per class."""
    rng = np.random.default_rng(seed)
    points: list[tuple[float, ...]] = []
    for k in range(judged.labels.shape[1]):
        logits, truth = judged.of_class(k)
        if truth.sum() < 2:
            points.append((1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.0))
            continue
        slopes, offset = platt(logits, truth)
        cut = best_cut(logits @ slopes + offset, truth, rng)
        low, middle, high = (1 / (1 + np.exp(-(cut + d))) for d in (-ZONE, 0, ZONE))
        points.append((*slopes, offset, middle, low, high, float(truth.sum() >= MIN_POSITIVES)))
    slope, measured, offset, threshold, low, high, validated = np.array(points).T
    return Operating(slope, measured, offset, threshold, low, high, validated > 0)


def platt(logits: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """Slopes (2,), not below 0, and offset of the logistic that fits the truth (m,) best on all views (views, m, 2).

    Both slopes are drawn to PRIOR_SLOPE, so that few positives do not set one against the other.
    """
    target = np.broadcast_to(truth, logits.shape[:-1]).astype(float)

    def loss(at: np.ndarray) -> float:
        z = logits @ np.abs(at[:2]) + at[2]
        prior = PRIOR * ((np.abs(at[:2]) - PRIOR_SLOPE) ** 2).sum()
        return float((np.logaddexp(0, z) - target * z).sum() + prior)

    found = minimize(loss, np.array([PRIOR_SLOPE, PRIOR_SLOPE, 0.0]), method="Nelder-Mead", options={"maxiter": 600}).x
    return np.abs(found[:2]), float(found[2])


def best_cut(logits: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> float:
    """The logit, of (views, m), from which on to say yes.

    It is the median, over bootstrap draws of the records, of the cut with the best mean F1 over the views.
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
