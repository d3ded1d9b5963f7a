"""`python -m training ecg --data DIR`: the nine-class ECG classifier, from labelled records to the shipped weight.

Three networks, each trained on two thirds of the patients, and the additive curves on the measured beats. Calibration and
operating points are chosen on what each network says of the third that it never saw (hospitals other than PTB-XL and
Brugada-HUCA lie whole in one third, so these are judged by networks that know nothing of the hospital). The `valid`
split takes no part in any of this: the card's figures are measured on it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine import models
from engine.ecg.classifier import EcgClassifier, Operating
from engine.ecg.leads import CLASSES
from engine.ecg.measured import AdditiveEvidence
from training import ecg_evidence, plots
from training.ecg_augment import as_printed, as_stored
from training.ecg_card import card, tables
from training.ecg_network import Schedule, predict, train
from training.ecg_operating import Judged, choose
from training.ecg_records import EcgRecords, read_records
from training.ecg_scores import Outcome, measure
from training.publish import publish

NAME = "ecg-classifier"
COMMAND = "python -m training ecg --data DIR"
EVALUATION = COMMAND + " --evaluate"
SPREAD_SOURCES = ("PTB-XL", "brugada_huca")  # the sources that are divided by patient; any other lies whole in one fold
STD, STE = CLASSES.index("STD"), CLASSES.index("STE")


@dataclass(frozen=True)
class Views:
    """Logits (2, n, 9) of the same records in full and as a 3x4 page prints them."""

    network: np.ndarray
    beats: np.ndarray


def main(argv: list[str]) -> int:
    """Trains, judges and publishes; goes on where an interrupted run stopped."""
    asked = _arguments(argv)
    torch.set_num_threads(asked.threads)
    run = asked.run
    run.mkdir(parents=True, exist_ok=True)
    records = read_records(asked.data, run / "records.npz")
    if asked.evaluate:
        return _evaluate(records, run)
    numbers = ecg_evidence.measure_all(records, run / "measured.npy", _log)
    rows = np.flatnonzero(records.split == "train")
    known = records.take(rows)
    fold = folds(known, asked.members)
    classes = np.isin(CLASSES, asked.classes or CLASSES)
    schedule = Schedule(epochs=asked.epochs, seed=asked.seed)
    members = [_member(known, fold, k, schedule, run, classes) for k in range(asked.members)]
    seen = _out_of_fold(members, known, fold, numbers[:, rows])
    labels = usable_labels(known)
    operating = choose(Judged(seen.network, seen.beats, labels))
    model = ensemble(members, ecg_evidence.fit(*both_views(numbers[:, rows], labels)))
    held = np.flatnonzero(records.split == "valid")
    outcome = judge(model, operating, records.take(held), numbers[:, held])
    _pictures(outcome, run)
    figures = measure(outcome)
    (run / "figures.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
    of_choice = measure(_outcome(seen, operating, known))
    _log(json.dumps({"held out": _macro(figures), "out of fold": _macro(of_choice)}, indent=1))
    if not asked.dry_run:
        if not classes.all():
            _log("Not published: a shipped weight answers all nine classes.")
            return 0
        made = card(model, operating, figures, of_choice, records, COMMAND, EVALUATION)
        _log(f"published {publish(NAME, model.state_dict(), made)}")
    return 0


def _evaluate(records: EcgRecords, run: Path) -> int:
    """Judges the shipped weight on the `valid` split, prints the card's tables and changes no weight."""
    model = models.store("cpu").get(NAME)
    held = records.take(np.flatnonzero(records.split == "valid"))
    numbers = ecg_evidence.measure_all(held, run / "measured-valid.npy", _log)
    outcome = judge(model.module, Operating.of(model.weight), held, numbers)
    _pictures(outcome, run)
    _log(tables(measure(outcome)))
    return 0


def folds(records: EcgRecords, count: int, seed: int = 0) -> np.ndarray:
    """(n,) fold 0..count-1 of each record, by patient.

    Patients of the spread sources are dealt out by their rarest class, source by source; the other sources go whole into
    one fold each, the largest first.
    """
    fold = np.full(len(records), -1)
    if set(SPREAD_SOURCES) & set(records.source):
        others = Counter(records.source[~np.isin(records.source, SPREAD_SOURCES)].tolist())
        for k, (source, _) in enumerate(others.most_common()):
            fold[records.source == source] = k % count
    labels = np.nan_to_num(records.labels)
    rarest_first = labels.sum(axis=0).argsort()
    rank = np.array([next((i for i, c in enumerate(rarest_first) if row[c]), len(CLASSES)) for row in labels])
    spread = np.flatnonzero(fold < 0)
    patients = np.random.default_rng(seed).permutation(np.unique(records.patient[spread]))
    kind: dict[str, tuple[int, bool]] = {}
    for patient in patients:
        own = spread[records.patient[spread] == patient]
        kind[patient] = int(rank[own].min()), records.source[own[0]] == SPREAD_SOURCES[0]
    for at, patient in enumerate(sorted(patients, key=lambda p: kind[p])):
        fold[spread[records.patient[spread] == patient]] = at % count
    return fold


def usable_labels(records: EcgRecords) -> np.ndarray:
    """(n, 9) labels; ST labels of records whose mV are not their own become unknown."""
    labels = records.labels.copy()
    labels[np.ix_(~records.amplitude_true, np.array([STD, STE]))] = np.nan
    return labels


def both_views(numbers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2, n, F) and (n, 9) as 2 n rows."""
    return numbers.reshape(-1, numbers.shape[-1]), np.concatenate([labels, labels])


def ensemble(members: list[EcgClassifier], evidence: AdditiveEvidence) -> EcgClassifier:
    """One classifier of several of one member each, with the curves on the measured beats; rounded as it is shipped."""
    together = EcgClassifier(members=len(members))
    for k, member in enumerate(members):
        together.encoders[k] = member.encoders[0]
        together.fusions[k] = member.fusions[0]
        together.rhythms[k] = member.rhythms[0]
    together.measured = evidence
    return together.half().float().eval()


def judge(model: EcgClassifier, operating: Operating, records: EcgRecords, numbers: np.ndarray) -> Outcome:
    """What a model says of records, in full and as printed."""
    x = as_stored(records, np.arange(len(records)))
    network = np.stack([predict(model, x), predict(model, as_printed(x))])
    return _outcome(Views(network, ecg_evidence.predict(model.measured, numbers)), operating, records)


def _outcome(seen: Views, operating: Operating, records: EcgRecords) -> Outcome:
    probability = operating.probabilities(seen.network, seen.beats)
    return Outcome(
        probability, probability >= operating.threshold, usable_labels(records),
        records.patient, records.source, records.age, records.sex,
    )  # fmt: skip


def _member(
    records: EcgRecords, fold: np.ndarray, k: int, schedule: Schedule, run: Path, classes: np.ndarray
) -> EcgClassifier:
    own = Schedule(**{**vars(schedule), "seed": schedule.seed + k})
    return train(records.take(np.flatnonzero(fold != k)), own, run / f"member{k}", classes, _log)


def _out_of_fold(members: list[EcgClassifier], records: EcgRecords, fold: np.ndarray, numbers: np.ndarray) -> Views:
    network = np.zeros((2, len(records), len(CLASSES)), np.float32)
    beats = np.zeros_like(network)
    labels = usable_labels(records)
    for k, member in enumerate(members):
        away, own = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        x = as_stored(records, own)
        network[0, own], network[1, own] = predict(member, x), predict(member, as_printed(x))
        curves = ecg_evidence.fit(*both_views(numbers[:, away], labels[away]))
        beats[:, own] = ecg_evidence.predict(curves, numbers[:, own])
        _log(f"fold {k}: {len(own)} records judged by a network that never saw them")
    return Views(network, beats)


def _pictures(outcome: Outcome, run: Path) -> None:
    for view, name in enumerate(("full", "printed")):
        plots.reliability(outcome.labels, outcome.probability[view], CLASSES, run / f"reliability-{name}.png")
        plots.roc(outcome.labels, outcome.probability[view], CLASSES, run / f"roc-{name}.png")


def _macro(figures: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {view: figures[view]["macro"] for view in ("full", "printed")}


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m training ecg", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="index12.csv with its shards, or WFDB records")
    parser.add_argument("--run", type=Path, default=Path("runs") / NAME, help="checkpoints, figures and pictures")
    parser.add_argument("--classes", nargs="+", choices=CLASSES, help="train these only (nothing is published)")
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=Schedule.epochs)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--evaluate", action="store_true", help="judge the shipped weight on the `valid` split; no training"
    )
    parser.add_argument("--dry-run", action="store_true", help="judge, but leave weights/ as it is")
    return parser.parse_args(argv)


def _log(line: str) -> None:
    print(line, flush=True)
