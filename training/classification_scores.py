"""How well labels with unknowns are met: AUROC, average precision, F1, calibration error, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

BINS = 10
DRAWS = 1000


def auroc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve, ties count half; NaN unless both outcomes occur."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    return float((rankdata(score)[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the precision-recall curve; NaN without a positive."""
    if not truth.any():
        return float("nan")
    hits = truth[np.argsort(-score, kind="stable")]
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def f1(truth: np.ndarray, said: np.ndarray) -> float:
    """Harmonic mean of sensitivity and positive predictive value; 0 where nothing is right."""
    return float(2 * (truth & said).sum() / max(truth.sum() + said.sum(), 1))


def calibration_error(truth: np.ndarray, probability: np.ndarray) -> float:
    """Expected calibration error: mean distance of stated and observed share over BINS equal bins, weighted by their size."""
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = [abs(float(truth[bins == b].sum() - probability[bins == b].sum())) for b in range(BINS)]
    return sum(gaps) / max(len(truth), 1)


def interval(
    measure: Callable[[np.ndarray], float], groups: np.ndarray, seed: int = 0, draws: int = DRAWS
) -> tuple[float, float]:
    """95 % bootstrap interval of `measure(rows)` with whole groups (patients) drawn; rows index the records."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    found = []
    for _ in range(draws):
        rows = np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])
        found.append(measure(rows))
    return float(np.nanquantile(found, 0.025)), float(np.nanquantile(found, 0.975))
