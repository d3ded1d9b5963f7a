"""How well pictures of ECGs are read: signal-to-noise ratio and lead identity, against the signals that were printed.

    python -m benchmarks.ecg_digitisation --data DIR      every picture in DIR with its truth beside it, as .csv.gz or .csv
    python -m benchmarks.ecg_digitisation --drawn 50      pages of simulated ECGs, drawn here: clean, and as phone photos
    ... --card                                            puts the table on the weight's card, too

The truth has the columns time_s,I,II,...,V6 in mV at 500 Hz, empty where the page does not print a lead.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.card_section import put_on_card
from engine import models
from engine.ecg.leads import LEADS, RATE_HZ
from engine.errors import UnreadableInput
from engine.registry import task
from engine.study import Study, read_bytes, read_path

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".pdf")
WORST_DB, BEST_DB = -10.0, 30.0  # bounds of one record's ratio, so that none decides the mean
RECORD_SHIFT = RATE_HZ // 2  # where the page's time 0 lies is a matter of taste: half a second
LEAD_SHIFT = RATE_HZ // 50  # a lead may start 20 ms beside the others
CLOSE_CALL = 0.02  # of correlation: leads printed alike are not told apart by it
DRAWS = 1000  # of the bootstrap
WEIGHT = "ecg-page"
HEADING = "How pages are read"
ON_CARD = """Pictures of pages with a known signal: signal-to-noise ratio over all printed samples of all leads, each record
laid on its truth by one shift; share of leads that are like their own truth and no other. 95 % bootstrap intervals."""


@dataclass(frozen=True)
class Case:
    """One picture, and what was printed on it: (T, 12) mV at 500 Hz, NaN where a lead is not printed."""

    group: str
    study: Study
    printed_mv: np.ndarray


@dataclass(frozen=True)
class Reading:
    """How one picture was read. snr_db: WORST_DB where it was refused. right_leads: share of the printed leads."""

    group: str
    snr_db: float
    right_leads: float
    seconds: float
    refused: bool = False


def read(case: Case, store: models.ModelStore) -> Reading:
    """Digitises one picture and compares it with what was printed."""
    started = time.perf_counter()
    try:
        analysis = task("ecg").analyse(case.study, store=store)
    except UnreadableInput:
        return Reading(case.group, WORST_DB, 0.0, time.perf_counter() - started, True)
    seconds = time.perf_counter() - started
    if analysis.finding.refusal:
        return Reading(case.group, WORST_DB, 0.0, seconds, True)
    placed = align(case.printed_mv, analysis.evidence.signal.samples_mv)
    return Reading(case.group, snr_db(case.printed_mv, placed), right_leads(case.printed_mv, placed), seconds)


def align(printed_mv: np.ndarray, read_mv: np.ndarray) -> np.ndarray:
    """(T, 12): the reading laid on the printed signal's time axis, medians removed, 0 where nothing was read.

    One shift for the record and a small further one per lead: those of the least squared error.
    """
    truth, shown = centred(printed_mv), np.isfinite(printed_mv)
    reach = RECORD_SHIFT + LEAD_SHIFT
    padded = np.zeros((len(truth) + 2 * reach, len(LEADS)))
    length = min(len(read_mv), len(truth) + reach)
    padded[reach : reach + length] = centred(read_mv)[:length]
    errors = np.stack([_errors(truth[:, k], shown[:, k], padded[:, k]) for k in range(len(LEADS))])
    record = LEAD_SHIFT + int(np.argmin(errors[:, LEAD_SHIFT : 2 * reach + 1 - LEAD_SHIFT].sum(axis=0)))
    placed = np.zeros_like(truth)
    for k in range(len(LEADS)):
        near = slice(record - LEAD_SHIFT, record + LEAD_SHIFT + 1)
        start = near.start + int(np.argmin(errors[k, near]))
        placed[:, k] = np.where(shown[:, k], padded[start : start + len(truth), k], 0.0)
    return placed


def _errors(truth: np.ndarray, shown: np.ndarray, padded: np.ndarray) -> np.ndarray:
    """Squared error of one lead at every shift, up to a constant."""
    return np.correlate(padded**2, shown.astype(float), "valid") - 2 * np.correlate(padded, truth, "valid")


def centred(samples_mv: np.ndarray) -> np.ndarray:
    """Each lead without its median, 0 where it is not given."""
    given = np.isfinite(samples_mv)
    middle = [np.median(samples_mv[given[:, k], k]) if given[:, k].any() else 0.0 for k in range(samples_mv.shape[1])]
    return np.where(given, samples_mv - np.array(middle), 0.0)


def snr_db(printed_mv: np.ndarray, placed_mv: np.ndarray) -> float:
    """Power of what was printed over power of the error, over all printed samples of all leads, dB."""
    truth = centred(printed_mv)
    noise = float(((truth - placed_mv) ** 2).sum())
    return float(np.clip(10 * np.log10((truth**2).sum() / max(noise, 1e-12)), WORST_DB, BEST_DB))


def right_leads(printed_mv: np.ndarray, placed_mv: np.ndarray) -> float:
    """Share of the printed leads whose reading is as like to their own truth as to any other printed at that time."""
    truth, shown = centred(printed_mv), np.isfinite(printed_mv)
    right = []
    for k in np.flatnonzero(shown.any(axis=0)):
        own = _likeness(truth[shown[:, k], k], placed_mv[shown[:, k], k])
        both = ((j, shown[:, j] & shown[:, k]) for j in range(len(LEADS)) if j != k)
        others = [_likeness(truth[t, j], placed_mv[t, k]) for j, t in both if t.sum() > RATE_HZ]
        right.append(own >= max(others, default=-1.0) - CLOSE_CALL and own > 0)
    return float(np.mean(right))


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def folder_cases(folder: Path) -> Iterator[Case]:
    """Every picture under the folder that has its truth beside it; the group is the picture's folder."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES):
        truths = [path.with_suffix(ending) for ending in (".csv.gz", ".csv") if path.with_suffix(ending).is_file()]
        if truths:
            yield Case(path.parent.name, read_path(path), read_truth(truths[0]))


def read_truth(path: Path) -> np.ndarray:
    """(T, 12) mV of a truth file, NaN where a lead is not printed."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    return np.array([[float(row[lead] or "nan") for lead in LEADS] for row in rows])


def drawn_cases(count: int, seed: int) -> Iterator[Case]:
    """Pages of simulated ECGs: clean ones, and as many phone photos."""
    from PIL import Image

    from training.ecg_page import phone_style, plain_style, render
    from training.ecg_simulator import random_profile, simulate

    for group in ("drawn clean", "drawn photo"):
        for number in range(count):
            rng = np.random.default_rng((seed, number))
            style = plain_style() if group == "drawn clean" else phone_style(plain_style(), rng)
            page = render(simulate(random_profile(rng), 10, rng), style, rng)
            printed = np.full((10 * RATE_HZ, len(LEADS)), np.nan)
            for lead in page.leads:
                printed[lead.start : lead.start + len(lead.values_mv), LEADS.index(lead.lead)] = lead.values_mv
            buffer = io.BytesIO()
            Image.fromarray(page.image).save(buffer, "PNG")
            yield Case(group, read_bytes("page.png", buffer.getvalue()), printed)


def table(readings: list[Reading], seed: int = 0) -> str:
    """Markdown: a row per group, medians with their 95 % bootstrap interval."""
    lines = [
        "| pictures | n | SNR, median dB | 95 % interval | right leads | refused | seconds, median |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for group in dict.fromkeys(r.group for r in readings):
        rows = [r for r in readings if r.group == group]
        ratios = np.array([r.snr_db for r in rows])
        draws = np.random.default_rng(seed).choice(ratios, (DRAWS, len(ratios)))
        low, high = np.quantile(np.median(draws, axis=1), (0.025, 0.975))
        lines.append(
            f"| {group} | {len(rows)} | {np.median(ratios):.1f} | {low:.1f} to {high:.1f} "
            f"| {100 * np.mean([r.right_leads for r in rows]):.1f} % | {sum(r.refused for r in rows)} "
            f"| {np.median([r.seconds for r in rows]):.1f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns 2 if there is nothing to read."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ecg_digitisation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="a folder of pictures with their truth beside them")
    source.add_argument("--drawn", type=int, metavar="N", help="draw N clean pages and N photos instead")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn pages")
    parser.add_argument("--card", action="store_true", help="put the table on the weight's card, too")
    asked = parser.parse_args(arguments)
    cases = folder_cases(asked.data) if asked.data else drawn_cases(asked.drawn, asked.seed)
    store = models.store()
    readings = [read(case, store) for case in cases]
    if not readings:
        print("error: there is no picture with a .csv.gz or .csv beside it in this folder.", file=sys.stderr)
        return 2
    print(table(readings))
    if asked.card:
        given = "--data DIR" if asked.data else f"--drawn {asked.drawn} --seed {asked.seed}"
        command = f"`python -m benchmarks.ecg_digitisation {given} --card`"
        put_on_card(WEIGHT, HEADING, f"{ON_CARD} {command}\n\n{table(readings)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
