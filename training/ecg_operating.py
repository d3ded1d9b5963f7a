"""Calibration and operating points of the ECG classes, chosen on records that the networks were not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from engine.ecg.classifier import Operating

MIN_POSITIVES = 30  # fewer, and a class's operating point rests on too little: "not validated"
CUTS = np.linspace(0.05, 0.8, 151)  # probabilities that may become a threshold
TIE = 1e-9  # expected F1 that is as good as the best
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


def choose(judged: Judged) -> Operating:
    """Calibration, the threshold of the best mean F1 over the views, and the abstention zone, per class."""
    points: list[tuple[float, ...]] = []
    for k in range(judged.labels.shape[1]):
        logits, truth = judged.of_class(k)
        if truth.sum() < 2:
            points.append((1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.0))
            continue
        slopes, offset = platt(logits, truth)
        cut = best_cut(expit(logits @ slopes + offset))
        low, high = (float(expit(logit(cut) + d)) for d in (-ZONE, ZONE))
        points.append((*slopes, offset, cut, low, high, float(truth.sum() >= MIN_POSITIVES)))
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


def best_cut(probability: np.ndarray) -> float:
    """The probability from which on to say yes: that of the highest expected F1, if the probabilities (views, m) hold.

    Counting expected rather than observed cases, it moves little with the single cases of a rare class; on two parts of
    the training patients in turn it did better than the cut of the best observed F1 (Lipton 2014, arXiv:1402.1892).
    """
    says = probability[:, :, None] >= CUTS  # (views, m, cuts)
    hits = (probability[:, :, None] * says).sum(axis=1)
    expected_f1 = (2 * hits / (says.sum(axis=1) + probability.sum(axis=1)[:, None])).mean(axis=0)
    return float(np.median(CUTS[expected_f1 >= expected_f1.max() - TIE]))
