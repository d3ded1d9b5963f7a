"""`python -m engine TASK INPUT [INPUT ...] --out DIR [--explain] [--device auto|cpu|cuda]` (contract)."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from engine import NOTICE, models
from engine.analysis import Analysis
from engine.errors import EngineError
from engine.registry import TASKS, Task, task
from engine.study import read_path

READ, BAD = 0, 2


def main(arguments: list[str] | None = None) -> int:
    """Analyses every input; returns the exit status: 0 if each was answered or refused, 2 on bad usage or unreadable input."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=f"A second opinion on cardiac data. {NOTICE}")
    parser.add_argument("task", choices=sorted(TASKS), help="the question to ask")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="a file, zip or folder: one study each")
    parser.add_argument("--out", type=Path, required=True, help="results go to OUT/<input's stem>/")
    parser.add_argument("--explain", action="store_true", help="also write explanation.npz")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="a task's own option, e.g. speed_mm_s=50")
    asked = parser.parse_args(arguments)
    try:
        chosen = task(asked.task)
        options = chosen.options(dict(_pair(o) for o in asked.option))
        store = models.store(asked.device)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD
    status = READ
    for path in asked.inputs:
        try:
            _answer(chosen, path, options, store, asked.out / _stem(path), asked.explain)
        except (EngineError, OSError, MemoryError) as error:
            print(f"{path}: {_sentence(error)}", file=sys.stderr)
            status = BAD
        except Exception as error:  # a defect of ours must not cost the other inputs; its kind is named, not its content
            print(f"{path}: this input could not be analysed ({type(error).__name__}); please report it.", file=sys.stderr)
            status = BAD
    return status


def _answer(chosen: Task, path: Path, options: object, store: models.ModelStore, out: Path, explained: bool) -> None:
    analysis = chosen.analyse(read_path(path), options, store)
    if explained:
        analysis = _explained(analysis, store)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in analysis.artefacts.items():
        (out / name).write_bytes(content)
    (out / "finding.json").write_text(analysis.finding.to_json(), encoding="utf-8")


def _explained(analysis: Analysis, store: models.ModelStore) -> Analysis:
    """The analysis with its explanation among the artefacts; a refused one as it is."""
    from explain.explanation import explain

    explanation = explain(analysis, store)
    if explanation is None:
        return analysis
    finding = replace(analysis.finding, artefacts=analysis.finding.artefacts | {"explanation": "explanation.npz"})
    return replace(analysis, finding=finding, artefacts=analysis.artefacts | {"explanation.npz": explanation.to_npz()})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise EngineError(f"Expected an option as NAME=VALUE, got {text!r}.")
    return name, value


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _sentence(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "The input needs more memory than there is; send a smaller part of it."
    return str(error)
