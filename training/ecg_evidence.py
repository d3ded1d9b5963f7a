"""Fits the additive half of the ECG classifier: a curve per measured number and class, most of them flat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from engine.ecg.delineate import delineate
from engine.ecg.leads import LEADS
from engine.ecg.measured import FEATURES, AdditiveEvidence, measured
from engine.ecg.signal import EcgSignal
from training.ecg_records import EcgRecords, at_500_hz

KNOTS = (0.005, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.995)  # quantiles of the given values
SPARSE = 1.0  # weight of the curves' total variation: leaves most of them flat
SMOOTH = 0.2  # weight of their squares
STEPS = 400


def measure_all(records: EcgRecords, cache: Path, log: Callable[[str], None]) -> np.ndarray:
    """(2, n, F) the measured numbers of every record in full and as a 3x4 page prints it; kept in `cache` between runs."""
    if cache.is_file():
        return np.load(cache)
    found = np.full((2, len(records), len(FEATURES)), np.nan, np.float32)
    for k in range(len(records)):
        leads = at_500_hz(records, k)
        for view, shown in enumerate((leads, printed(leads))):
            found[view, k] = measured(delineate(EcgSignal(shown, np.isfinite(shown).astype(np.float32))))
        if k % 200 == 199:
            log(f"measured {k + 1} of {len(records)} records")
    np.save(cache, found)
    return found


def printed(leads_mv: np.ndarray) -> np.ndarray:
    """(T, 12) with NaN where a 3x4 page with lead II as rhythm strip does not show a lead."""
    shown = np.full_like(leads_mv, np.nan)
    quarter = len(leads_mv) // 4
    for column in range(4):
        part = slice(column * quarter, (column + 1) * quarter)
        shown[part, 3 * column : 3 * column + 3] = leads_mv[part, 3 * column : 3 * column + 3]
    shown[:, LEADS.index("II")] = leads_mv[:, LEADS.index("II")]
    return shown


def fit(numbers: np.ndarray, labels: np.ndarray) -> AdditiveEvidence:
    """Curves by logistic regression with an L1 and a small L2 penalty.

    numbers: (n, F), NaN where not measured. labels: (n, 9), NaN where unknown.
    """
    model = AdditiveEvidence()
    model.knots = torch.from_numpy(_knots(numbers))
    with torch.no_grad():
        given = torch.from_numpy(np.isfinite(numbers))
        steps = model.steps(torch.from_numpy(numbers)) * given[:, :, None]
    inputs = torch.cat([steps.flatten(1), (~given).float()], 1)
    target = torch.from_numpy(labels)
    known = torch.isfinite(target)
    target = torch.nan_to_num(target)
    weight = torch.zeros(inputs.shape[1], labels.shape[1], requires_grad=True)
    base = torch.full((labels.shape[1],), -3.0, requires_grad=True)
    optimiser = torch.optim.Adam([weight, base], 0.03)
    cooling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        loss = functional.binary_cross_entropy_with_logits(inputs @ weight + base, target, reduction="none")
        total = (loss * known).sum() + SPARSE * weight.abs().sum() + SMOOTH * weight.square().sum()
        optimiser.zero_grad()
        (total / len(inputs)).backward()
        optimiser.step()
        cooling.step()
    features, pieces = steps.shape[1:]
    found = weight.detach()
    model.rise = found[: features * pieces].reshape(features, pieces, -1).clone()
    model.missing = found[features * pieces :].clone()
    model.base = base.detach().clone()
    return model


def predict(model: AdditiveEvidence, numbers: np.ndarray) -> np.ndarray:
    """(..., F) -> (..., 9) logits."""
    with torch.no_grad():
        flat = torch.from_numpy(numbers.reshape(-1, numbers.shape[-1]))
        return model(flat).numpy().reshape(*numbers.shape[:-1], -1)


def _knots(numbers: np.ndarray) -> np.ndarray:
    """(F, K) increasing. A number that hardly varies gets steps of equal size."""
    knots = np.zeros((numbers.shape[1], len(KNOTS)), np.float32)
    for k, column in enumerate(numbers.T):
        values = column[np.isfinite(column)]
        knots[k] = np.quantile(values, KNOTS) if len(values) else 0
        smallest = max(float(np.ptp(knots[k])), 1e-3) * 1e-3
        for at in range(1, len(KNOTS)):
            knots[k, at] = max(knots[k, at], knots[k, at - 1] + smallest)
    return knots.astype(np.float16).astype(np.float32)  # as they are shipped
