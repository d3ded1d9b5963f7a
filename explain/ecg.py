"""Why an ECG got its classes: maps on the axes of signal.csv, a bar per lead, and how faithful they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from engine.analysis import Analysis
from engine.ecg.classifier import STEP, calibrated, measured_shares, over_windows, prepare
from engine.ecg.delineate import Beats
from engine.ecg.leads import CLASSES
from engine.ecg.measured import FEATURES, measured
from engine.ecg.signal import EcgSignal
from engine.errors import EngineError
from engine.models import LoadedModel, ModelStore
from engine.progress import Progress, silent
from explain.explanation import Explanation, Faithfulness
from explain.faithfulness import deletion
from explain.feature_ablation import feature_ablation
from explain.grad_cam import grad_cam
from explain.integrated_gradients import integrated_gradients

WEIGHT = "ecg-classifier"
MAX_WINDOWS = 6  # of 10 s: of a longer record those that speak most for the explained classes are explained
EXAMPLES_AT_ONCE = 12  # windows in memory together
MEASURED_SHOWN = 6  # numbers per class
CELL = 4  # samples of the network per cell of its layer `lead_features`; a cell is centred on its first sample

AXES = {
    "grad_cam": "(class, lead, time): classes Normal AF I-AVB LBBB RBBB PAC PVC STD STE, leads I II III aVR aVL aVF V1 to V6, "
    "time as signal.csv (500 Hz); 0 or more, in logits; NaN where the lead is not printed or not looked at",
    "feature_ablation": "(class, lead), same order: calibrated probability minus that if the network had not seen the lead; "
    "NaN for a lead that is not printed",
    "integrated_gradients": "(class, lead, time), as grad_cam: signed share in the class's logit against a flat line; "
    "NaN for classes that were not explained",
}


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation:
    """The explanation of every positive class, and of the most probable one.

    Arrays: `grad_cam` (9, 12, T) and `feature_ablation` (9, 12) of all classes, `integrated_gradients` (9, 12, T) of the
    explained ones; see AXES. `faithfulness` is the deletion curve of the Grad-CAM map of each explained class.
    These explain the network's half of the answer. The other half, what the measured beats say, is a sum: `details` has
    under `measured`, by class code, the numbers that say most, as (name in engine.ecg.measured.FEATURES, value, share in
    the logit). `details` also has `explained` (class codes) and `integrated_gradients_delta` (by code, in logits).

    Raises:
        Cancelled: if `progress` stopped the work.
    """
    labels = analysis.finding.labels
    top = max(labels, key=lambda label: label.probability)
    return _explain(analysis, store, [label.code for label in labels if label.positive or label is top], progress)


def explain_class(analysis: Analysis, store: ModelStore, code: str, progress: Progress = silent) -> Explanation:
    """The same for one class of the reader's choice, positive or not.

    Raises:
        EngineError: if there is no such class.
    """
    if code not in CLASSES:
        raise EngineError(f"Expected one of the classes {', '.join(CLASSES)}, got {code!r}.")
    return _explain(analysis, store, [code], progress)


@dataclass(frozen=True)
class Subject:
    """What is explained: a signal as a network reads it.

    x: (W, 2, 12, 1000) windows of the signal as `engine.ecg.classifier.prepare` makes them, beginning at its samples
    `starts` (W,). measured_logits: (9,) what the measured beats add to the network's answer; it is held as it is.
    """

    model: LoadedModel
    signal: EcgSignal
    x: Tensor
    starts: np.ndarray
    measured_logits: np.ndarray


def _explain(analysis: Analysis, store: ModelStore, codes: Sequence[str], progress: Progress) -> Explanation:
    columns = [CLASSES.index(code) for code in codes]
    evidence = analysis.evidence
    record = _strongest(subject(store.get(WEIGHT), evidence.signal, evidence.measured_logits), columns)
    progress(0.0, "Looking for what speaks for each class")
    maps = class_maps(record)
    progress(0.2, "Leaving out one lead at a time")
    drops = _feature_ablation(record)
    progress(0.4, "Adding up the share of each sample")
    shares, deltas = _integrated_gradients(record, columns)
    curves: list[Faithfulness] = []
    for k, column in enumerate(columns):
        progress(0.7 + 0.3 * k / len(columns), "Checking the explanation")
        curves.append(deletion_curve(record, column, maps[column]))
    progress(1.0, "Explained")
    arrays = {"grad_cam": maps, "feature_ablation": drops, "integrated_gradients": shares}
    numbers = _measured(record.model, evidence.beats)
    details = {
        "explained": list(codes),
        "integrated_gradients_delta": dict(zip(codes, deltas, strict=True)),
        "measured": {code: numbers[column] for code, column in zip(codes, columns, strict=True)},
    }
    return Explanation(arrays, AXES, tuple(curves), details)


def subject(model: LoadedModel, signal: EcgSignal, measured_logits: np.ndarray) -> Subject:
    """A signal before it is explained. Raises RefusedStudy where there is none to speak of."""
    prepared = prepare(signal)
    return Subject(model, signal, torch.from_numpy(prepared.x).to(model.device), prepared.starts, measured_logits)


def _strongest(record: Subject, columns: Sequence[int]) -> Subject:
    """At most MAX_WINDOWS of the record: those in which one of the classes has its highest logits."""
    if len(record.x) <= MAX_WINDOWS:
        return record
    best = _window_logits(record.model, record.x)[:, columns].amax(1)
    kept = best.topk(MAX_WINDOWS).indices.sort().values.cpu().numpy()
    return replace(record, x=record.x[kept], starts=record.starts[kept])


def _window_logits(model: LoadedModel, x: Tensor) -> Tensor:
    """(W, 2, 12, 1000) -> (W, 9)."""
    with model.lock, torch.no_grad():
        return torch.cat([model.module(part) for part in x.split(EXAMPLES_AT_ONCE)])


def _probabilities(record: Subject, x: Tensor) -> Tensor:
    """Calibrated probabilities of changed copies of the record: (B, W, 2, 12, 1000) -> (B, 9), on the CPU."""
    logits = _window_logits(record.model, x.flatten(0, 1)).float().cpu().numpy().reshape(*x.shape[:2], -1)
    network = np.stack([over_windows(windows) for windows in logits])
    return torch.from_numpy(calibrated(network, record.measured_logits, record.model.weight))


def class_maps(record: Subject) -> np.ndarray:
    """Grad-CAM of every class, (9, 12, T) float32 on the signal's axis; see AXES."""
    network: Any = record.model.module
    given = (avg_pool1d(record.x[:, 1], CELL) >= 0.5).float()  # as the network itself decides what is given
    with record.model.lock:
        windows = [
            grad_cam(network, network.lead_features, x[None], there[None], range(len(CLASSES)))
            for x, there in zip(record.x, given, strict=True)
        ]
    return np.stack([_on_signal(maps, record, CELL * STEP) for maps in torch.cat(windows, dim=1).cpu().numpy()])


def _feature_ablation(record: Subject) -> np.ndarray:
    """(9, 12) in calibrated probability."""
    with record.model.lock:
        drops = feature_ablation(lambda x: _probabilities(record, x), record.x).cpu().numpy()
    given = np.isfinite(record.signal.samples_mv).any(axis=0)
    return np.where(given, drops, np.nan).astype(np.float32)


def _integrated_gradients(record: Subject, columns: Sequence[int]) -> tuple[np.ndarray, list[float]]:
    """(9, 12, T) on the signal's axis, NaN for other classes; and each class's delta of the worst window."""
    with record.model.lock:
        shares, deltas = integrated_gradients(record.model.module, record.x, columns)
    maps = np.full((len(CLASSES), *record.signal.samples_mv.T.shape), np.nan, np.float32)
    for column, windows in zip(columns, shares.cpu().numpy(), strict=True):
        maps[column] = _on_signal(windows / STEP, record, STEP)  # so that the samples still add up to the logit
    return maps, [float(d) for d in deltas.abs().amax(1).cpu()]


def _measured(model: LoadedModel, beats: Beats) -> list[list[tuple[str, float, float]]]:
    """Of each class, the measured numbers with the largest shares in its logit: (name, value or NaN, share)."""
    values, shares = measured(beats), measured_shares(beats, model)
    order = np.argsort(-np.abs(shares), axis=0)[:MEASURED_SHOWN]
    return [
        [(FEATURES[f], float(values[f]), float(shares[f, column])) for f in order[:, column] if shares[f, column]]
        for column in range(len(CLASSES))
    ]


def _on_signal(windows: np.ndarray, record: Subject, step: int) -> np.ndarray:
    """(W, 12, n), of which column k belongs to signal sample start + k * step, as (12, T): the mean where windows overlap.

    NaN where the signal is not given or no window reaches.
    """
    length = len(record.signal.samples_mv)
    total, count = np.zeros((2, windows.shape[1], length), np.float32)
    for window, start in zip(np.nan_to_num(windows), record.starts, strict=True):
        stop = min(start + windows.shape[-1] * step, length)
        at = (np.arange(start, stop) - start) / step
        columns = np.arange(windows.shape[-1])
        total[:, start:stop] += np.stack([np.interp(at, columns, lead) for lead in window])
        count[:, start:stop] += 1
    seen = (count > 0) & np.isfinite(record.signal.samples_mv.T)
    return np.where(seen, total / np.maximum(count, 1), np.nan).astype(np.float32)


def deletion_curve(record: Subject, column: int, attribution: np.ndarray) -> Faithfulness:
    """Whether one class's map (12, T) is faithful: its calibrated probability while samples are taken away (not given)."""
    at_network_rate = attribution[:, ::STEP]

    def score(removed: np.ndarray) -> np.ndarray:
        return _probabilities(record, _without(record, removed))[:, column].numpy()

    return deletion(CLASSES[column], score, at_network_rate)


def _without(record: Subject, removed: np.ndarray) -> Tensor:
    """The record's windows with what is removed no longer given: (B, 12, n) bool at 100 Hz -> (B, W, 2, 12, 1000)."""
    reach = int(record.starts.max()) // STEP + record.x.shape[-1]
    gone = torch.from_numpy(np.pad(removed, ((0, 0), (0, 0), (0, max(reach - removed.shape[-1], 0)))))
    windows = [gone[:, :, start : start + record.x.shape[-1]] for start in record.starts // STEP]
    kept = ~torch.stack(windows, dim=1)[:, :, None]  # (B, W, 1, 12, 1000)
    return record.x * kept.to(record.x.device)
