"""The figures of the ECG classifier's card, each with n, positives and a 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.ecg.leads import CLASSES
from training.classification_scores import auroc, average_precision, calibration_error, f1, interval

VIEWS = ("full", "printed")
MIN_POSITIVES = 5  # of a class that enters a macro figure
AGES = ((0, 45), (45, 65), (65, 75), (75, 120))
Figures = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Outcome:
    """What was said of n records and what is true: probability and said (2, n, 9), in full and as printed; labels (n, 9)."""

    probability: np.ndarray
    said: np.ndarray
    labels: np.ndarray
    patient: np.ndarray
    source: np.ndarray
    age: np.ndarray
    sex: np.ndarray


def measure(outcome: Outcome) -> Figures:
    """view -> class or group -> figure. Macro figures are over the classes with MIN_POSITIVES positives.

    Groups: `sex F`, `age 45-65`, `source PTB-XL`, each with the macro-F1 of the classes that it has enough of.
    """
    return {name: _of_view(outcome, view) for view, name in enumerate(VIEWS)}


def macro_f1(labels: np.ndarray, said: np.ndarray) -> float:
    """Mean F1 of the classes with MIN_POSITIVES positives in labels (n, 9); NaN without any."""
    found = [
        f1(labels[known, k] == 1, said[known, k])
        for k, known in enumerate(np.isfinite(labels).T)
        if (labels[:, k] == 1).sum() >= MIN_POSITIVES
    ]
    return float(np.mean(found)) if found else float("nan")


def _of_view(outcome: Outcome, view: int) -> dict[str, dict[str, float]]:
    said, probability = outcome.said[view], outcome.probability[view]
    found = {name: _of_class(outcome, said[:, k], probability[:, k], k) for k, name in enumerate(CLASSES)}
    counted = [name for k, name in enumerate(CLASSES) if (outcome.labels[:, k] == 1).sum() >= MIN_POSITIVES]
    low, high = interval(lambda rows: _macro_of(outcome.labels[rows], said[rows], counted), outcome.patient)
    found["macro"] = {
        "n": len(said),
        "classes": len(counted),
        "f1": macro_f1(outcome.labels, said),
        "f1_low": low,
        "f1_high": high,
        **{m: float(np.mean([found[name][m] for name in counted])) for m in ("auroc", "auprc", "ece")},
    }
    return found | _groups(outcome, said)


def _macro_of(labels: np.ndarray, said: np.ndarray, counted: list[str]) -> float:
    columns = [CLASSES.index(name) for name in counted]
    known = np.isfinite(labels[:, columns])
    truth, yes = (labels[:, columns] == 1) & known, said[:, columns] & known
    return float((2 * (truth & yes).sum(0) / np.maximum(truth.sum(0) + yes.sum(0), 1)).mean())


def _of_class(outcome: Outcome, said: np.ndarray, probability: np.ndarray, k: int) -> dict[str, float]:
    known = np.isfinite(outcome.labels[:, k])
    truth, said, probability = outcome.labels[known, k] == 1, said[known], probability[known]
    low, high = interval(lambda rows: f1(truth[rows], said[rows]), outcome.patient[known], draws=300)
    return {
        "n": int(known.sum()),
        "positives": int(truth.sum()),
        "f1": f1(truth, said),
        "f1_low": low,
        "f1_high": high,
        "sensitivity": float(said[truth].mean()) if truth.any() else float("nan"),
        "specificity": float((~said[~truth]).mean()) if (~truth).any() else float("nan"),
        "auroc": auroc(truth, probability),
        "auprc": average_precision(truth, probability),
        "ece": calibration_error(truth, probability),
    }


def _groups(outcome: Outcome, said: np.ndarray) -> dict[str, dict[str, float]]:
    masks = {f"sex {sex}": outcome.sex == sex for sex in ("F", "M")}
    masks |= {f"age {low}-{high}": (outcome.age >= low) & (outcome.age < high) for low, high in AGES}
    masks |= {f"source {source}": outcome.source == source for source in sorted(set(outcome.source))}
    found = {}
    for name, rows in masks.items():
        if not rows.any():
            continue
        labels = outcome.labels[rows]
        classes = int(((labels == 1).sum(axis=0) >= MIN_POSITIVES).sum())
        found[name] = {"n": int(rows.sum()), "classes": classes, "f1": macro_f1(labels, said[rows])}
    return found
