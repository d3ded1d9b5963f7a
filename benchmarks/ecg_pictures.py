"""How many real pictures of ECGs are answered, and whether what was read can be right; no truth is needed.

    python -m benchmarks.ecg_pictures --data DIR [--card]

DIR holds pictures and `index.csv` with the columns file,kind; pictures of the kind `blank paper` are left out, since they
must be refused. Lead II must be the sum of I and III (Einthoven 1912): rms(II - I - III) / rms(II) below 0.25 is held to be
well read. Where `printed_rate.csv` (file,heart_rate) states what the machine printed, the measured rate is compared with it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from benchmarks.card_section import put_on_card
from engine import models
from engine.ecg.physics import lead_laws
from engine.errors import UnreadableInput
from engine.finding import Finding
from engine.registry import task
from engine.study import read_path

WEIGHT = "ecg-page"
BLANK = "blank paper"
WELL_READ = 0.25
RATE_TOLERANCE = 0.1
HEADING = "How real pictures are read"
ON_CARD = """Pictures that nothing was trained on; the steps between network and signal were improved with them in sight, so that
others may be read less well: how curled paper is read was settled on the only curled page among them. Well read:
rms(II - I - III) below 0.25 rms(II). Rate: within 10 % of what is printed beside. Shares with 95 % intervals
(Wilson). `python -m benchmarks.ecg_pictures --data DIR --card`"""


@dataclass(frozen=True)
class Picture:
    """One picture; `printed_rate` in beats per minute, None where none is known."""

    path: Path
    kind: str
    printed_rate: float | None


@dataclass(frozen=True)
class Reading:
    """`einthoven`: nan where refused, or where the leads were not printed together. `rate_right`: None where not known."""

    kind: str
    answered: bool
    einthoven: float = float("nan")
    rate_right: bool | None = None

    @property
    def well_read(self) -> bool:
        """Answered, and lead II is the sum of I and III but for a quarter of its size."""
        return self.answered and self.einthoven < WELL_READ


def pictures(folder: Path) -> Iterator[Picture]:
    """The pictures that `index.csv` lists, blank paper left out."""
    rates = _rows(folder / "printed_rate.csv")
    printed = {row["file"]: float(row["heart_rate"]) for row in rates}
    for row in _rows(folder / "index.csv"):
        if row["kind"] != BLANK:
            yield Picture(folder / row["file"], row["kind"], printed.get(row["file"]))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(picture: Picture, store: models.ModelStore) -> Reading:
    """Has the task answer one picture."""
    try:
        analysis = task("ecg").analyse(read_path(picture.path), store=store)
    except UnreadableInput:
        return Reading(picture.kind, False)
    if analysis.finding.refusal:
        return Reading(picture.kind, False)
    einthoven = lead_laws(analysis.evidence.signal.samples_mv).einthoven
    return Reading(picture.kind, True, einthoven, compare_rate(analysis.finding, picture.printed_rate))


def compare_rate(finding: Finding, printed: float | None) -> bool | None:
    """Whether the measured heart rate is the printed one; None where none is printed, False where none was measured."""
    if printed is None:
        return None
    rate = finding.measurement("heart_rate")
    return rate is not None and abs(rate.value / printed - 1) <= RATE_TOLERANCE


def table(readings: list[Reading]) -> str:
    """Markdown: a row per kind of picture, and one of all."""
    lines = [
        "| pictures | n | answered | well read | rate as printed | rms(II - I - III) / rms(II), median |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    kinds = dict.fromkeys(r.kind for r in readings)
    for name, rows in [*((kind, [r for r in readings if r.kind == kind]) for kind in kinds), ("all", readings)]:
        known = [r.rate_right for r in rows if r.rate_right is not None]
        laws = [r.einthoven for r in rows if np.isfinite(r.einthoven)]
        lines.append(
            f"| {name} | {len(rows)} | {_share([r.answered for r in rows])} | {_share([r.well_read for r in rows])} "
            f"| {_share(known) if known else '-'} | {f'{np.median(laws):.2f}' if laws else '-'} |"
        )
    return "\n".join(lines)


def _share(right: list[bool]) -> str:
    interval = binomtest(sum(right), len(right)).proportion_ci(method="wilson")
    return f"{sum(right)} of {len(right)} ({100 * interval.low:.0f} to {100 * interval.high:.0f} %)"


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; returns 2 if there is nothing to read."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ecg_pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of pictures with index.csv")
    parser.add_argument("--card", action="store_true", help="put the table on the weight's card, too")
    asked = parser.parse_args(arguments)
    store = models.store()
    readings = [read(picture, store) for picture in pictures(asked.data)]
    if not readings:
        print("error: this folder has no index.csv that lists pictures (columns file,kind).", file=sys.stderr)
        return 2
    print(table(readings))
    if asked.card:
        put_on_card(WEIGHT, HEADING, f"{ON_CARD}\n\n{table(readings)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
