"""How faithful the explanations of the ECG classes are, on validation records: the figures of the model card.

    python -m benchmarks.ecg_faithfulness --data DIR [--per-class 20] [--seed 0] [--card]

Positive findings of the shipped classifier, as stored and as a 3x4 page with lead II below shows them. Stated are the
share of findings whose class score falls further without the most attributed tenth of the samples than without a random
tenth (Grad-CAM), and the rank correlation of their maps with those of networks whose weights were shuffled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from benchmarks.card_section import put_on_card
from engine import models
from engine.ecg.classifier import classify, measured_logits
from engine.ecg.delineate import delineate
from engine.ecg.leads import CLASSES
from engine.ecg.signal import EcgSignal
from engine.models import LoadedModel
from explain.ecg import WEIGHT, class_maps, deletion_curve, subject
from explain.faithfulness import randomised, rank_correlation
from training.ecg_evidence import printed as printed_leads
from training.ecg_records import EcgRecords, at_500_hz, read_records

RANDOM_NETWORKS = 3
HEADING = "How faithful its explanations are"
ON_CARD = """Positive findings on validation patients, a few of each class. The Grad-CAM map of a finding is held to be faithful
where the class's probability falls further without the most attributed tenth of the samples than, on average, without a
tenth in as many pieces elsewhere. The last column is the rank correlation with maps of networks whose weights were
shuffled. Measured by `python -m benchmarks.ecg_faithfulness --data DIR --card`."""


@dataclass(frozen=True)
class Checked:
    """One positive finding: `arrangement` is `12 leads` or `printed 3x4`, `correlations` one per random network."""

    code: str
    arrangement: str
    passed: bool
    correlations: tuple[float, ...]


def check(model: LoadedModel, records: EcgRecords, per_class: int, seed: int = 0) -> Iterator[Checked]:
    """Up to `per_class` positive findings of each class and arrangement, in random order of the records."""
    others = [replace(model, module=randomised(model.module, seed + k)) for k in range(RANDOM_NETWORKS)]
    order = np.random.default_rng(seed).permutation(len(records))
    for arrangement, arranged in (("12 leads", stored), ("printed 3x4", printed)):
        left = dict.fromkeys(CLASSES, per_class)
        for row in order:
            signal = arranged(records, row)
            measured = measured_logits(delineate(signal), model)
            columns = [
                k for k, label in enumerate(classify(signal, measured, model)) if label.positive and left[label.code]
            ]
            if not columns:
                continue
            maps = class_maps(subject(model, signal, measured))
            shuffled = [class_maps(subject(other, signal, measured)) for other in others]
            for k in columns:
                left[CLASSES[k]] -= 1
                curve = deletion_curve(subject(model, signal, measured), k, maps[k])
                yield Checked(
                    CLASSES[k], arrangement, curve.passed, tuple(rank_correlation(maps[k], s[k]) for s in shuffled)
                )


def stored(records: EcgRecords, row: int) -> EcgSignal:
    """A record as the engine reads it from a file, all leads."""
    return _signal(at_500_hz(records, row))


def printed(records: EcgRecords, row: int) -> EcgSignal:
    """What a page of four columns of three leads, with lead II below, shows of a record."""
    return _signal(printed_leads(at_500_hz(records, row)))


def _signal(samples_mv: np.ndarray) -> EcgSignal:
    return EcgSignal(samples_mv, np.isfinite(samples_mv).astype(np.float32))


def table(checked: list[Checked]) -> str:
    """Markdown: a row per class and arrangement, and of each arrangement as a whole."""
    lines = [
        "| findings | n | top tenth beats random | 95 % interval | correlation with random weights, mean ± SD |",
        "| --- | --- | --- | --- | --- |",
    ]
    for arrangement in dict.fromkeys(c.arrangement for c in checked):
        for code in ("all", *CLASSES):
            rows = [c for c in checked if c.arrangement == arrangement and code in ("all", c.code)]
            if rows:
                lines.append(f"| {code}, {arrangement} | {_row(rows)} |")
    return "\n".join(lines)


def _row(rows: list[Checked]) -> str:
    hits = sum(c.passed for c in rows)
    interval = binomtest(hits, len(rows)).proportion_ci(method="wilson")
    correlations = np.array([c.correlations for c in rows])
    return (
        f"{len(rows)} | {hits} ({100 * hits / len(rows):.0f} %) | {100 * interval.low:.0f} to {100 * interval.high:.0f} % | "
        f"{correlations.mean():+.2f} ± {correlations.std():.2f}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ecg_faithfulness", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder that `python -m training ecg` takes")
    parser.add_argument("--per-class", type=int, default=20, help="findings per class and arrangement, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--card", action="store_true", help="put the table on the weight's card, too")
    asked = parser.parse_args(arguments)
    records = read_records(asked.data)
    records = records.take(np.flatnonzero(records.split == "valid"))
    found = list(check(models.store("cpu").get(WEIGHT), records, asked.per_class, asked.seed))
    print(table(found))
    if asked.card:
        put_on_card(WEIGHT, HEADING, f"{ON_CARD}\n\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
