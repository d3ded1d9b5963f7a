"""Many studies, one table: `python -m service.cohort TASK FOLDER --out table.csv`.

Every file, zip or sub-folder of FOLDER is one study and one row; what cannot be read is a row with its reason.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterable
from pathlib import Path

from engine import NOTICE, models
from engine.errors import EngineError
from engine.finding import Finding
from engine.registry import TASKS, task
from engine.study import read_path

FIRST = ("study", "status", "reason", "input_sha256", "software", "notice")

Row = dict[str, str]


def main(arguments: list[str] | None = None) -> int:
    """Writes the table; returns 0 if every study was answered or refused, 2 on bad usage or unreadable studies."""
    asked = _parser().parse_args(arguments)
    if not asked.folder.is_dir():
        print(f"error: expected a folder of studies, there is none at {asked.folder}.", file=sys.stderr)
        return 2
    studies = sorted(path for path in asked.folder.iterdir() if not path.name.startswith("."))
    try:
        chosen, store = task(asked.task), models.store(asked.device)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows = []
    for number, path in enumerate(studies, 1):
        print(f"{number} of {len(studies)}", file=sys.stderr)
        try:
            rows.append(row(path.name, chosen.analyse(read_path(path, chosen.in_pieces), store=store).finding))
        except (EngineError, OSError, MemoryError) as error:
            rows.append({"study": path.name, "status": "unreadable", "reason": str(error) or type(error).__name__})
        except Exception as error:  # a defect of ours must not cost the other studies; only its kind is named
            rows.append({"study": path.name, "status": "failed", "reason": type(error).__name__})
    asked.out.write_text(table(rows), encoding="utf-8", newline="")
    return 2 if any(entry["status"] in ("unreadable", "failed") for entry in rows) else 0


def row(study: str, finding: Finding) -> Row:
    """One finding as a flat row: `<label> probability`, `<label> positive`, `<measurement> [<unit>]`, `quality <check>`.

    Of a measurement that was made at several places, the first one counts, as the finding lists it.
    """
    cells = {
        "study": study,
        "status": finding.status,
        "reason": finding.refusal.message if finding.refusal else "",
        "input_sha256": finding.provenance.input_sha256,
        "software": finding.provenance.software,
        "notice": NOTICE,
    }
    for label in finding.labels:
        cells[f"{label.code} probability"] = f"{label.probability:.4f}"
        cells[f"{label.code} positive"] = str(int(label.positive))
    for measurement in finding.measurements:
        cells.setdefault(f"{measurement.code} [{measurement.unit}]", f"{measurement.value:g}")
    for check in finding.quality:
        cells[f"quality {check.code}"] = f"{check.value:g}"
    return cells


def table(rows: Iterable[Row]) -> str:
    """The rows as CSV; the columns are those of all rows, empty where a row has none."""
    rows = list(rows)
    columns = list(dict.fromkeys([*FIRST, *(name for cells in rows for name in cells)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in cells.items()} for cells in rows)
    return text.getvalue()


def _cell(text: str) -> str:
    """The text, harmless in a spreadsheet: a file's name may begin like a formula."""
    return f"'{text}" if text[:1] in "=+@\t\r" or (text[:1] == "-" and not _is_number(text)) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service.cohort", description=f"Many studies, one table. {NOTICE}")
    parser.add_argument("task", choices=sorted(TASKS), help="the question to ask of each study")
    parser.add_argument("folder", type=Path, help="every file, zip or sub-folder in it is one study")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    return parser


if __name__ == "__main__":
    sys.exit(main())
