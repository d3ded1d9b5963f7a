"""`python -m engine TASK INPUT [INPUT ...] --out DIR [--explain] [--device auto|cpu|cuda]` (contract)."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from engine import NOTICE, models
from engine.errors import EngineError
from engine.registry import TASKS, task
from engine.study import read_path
from service.answer import answer

READ, BAD = 0, 2


def main(arguments: list[str] | None = None) -> int:
    """Analyses every input.

    Returns the exit status: 0 if each was answered or refused, 2 on bad usage or an input that cannot be read.
    """
    asked = _parser().parse_args(arguments)
    try:
        chosen = task(asked.task)
        store = models.store(asked.device)
        fields = dict(_pair(text) for text in asked.option)
        for path in asked.network:
            fields |= chosen.lend(_checkpoint(path), store)
        options = chosen.options(fields)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD
    status = READ
    shared = {stem for stem, count in Counter(map(_stem, asked.inputs)).items() if count > 1}
    for path in asked.inputs:
        try:
            if _stem(path) in shared:
                raise EngineError(
                    "Another input has the same name, so that one result would replace the other; rename it."
                )
            answered = answer(chosen, read_path(path, chosen.in_pieces), options, store, asked.explain)
            _write(answered.files(), asked.out / _stem(path))
        except (EngineError, OSError, MemoryError) as error:
            print(f"{path}: {_sentence(error)}", file=sys.stderr)
            status = BAD
        except Exception as error:  # a defect of ours must not cost the other inputs; only its kind is named
            print(
                f"{path}: this input could not be analysed ({type(error).__name__}); please report it.", file=sys.stderr
            )
            status = BAD
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description=f"A second opinion on cardiac data. {NOTICE}")
    parser.add_argument("task", choices=sorted(TASKS), help="the question to ask")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="a file, zip or folder: one study each")
    parser.add_argument("--out", type=Path, required=True, help="results go to OUT/<input's stem>/")
    parser.add_argument("--explain", action="store_true", help="also write explanation.npz")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a task's own option, e.g. speed_mm_s=50"
    )
    parser.add_argument(
        "--network", action="append", default=[], type=Path, metavar="FILE",
        help="a network of your own to ask: one of EchoNet-Dynamic's .pt files, or of Deepcardio's Keras .h5 files",
    )  # fmt: skip
    return parser


def _checkpoint(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EngineError(f"{path} could not be read ({error.strerror}).") from error


def _write(files: dict[str, bytes], folder: Path) -> None:
    """finding.json comes last: where it is, the study is done."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


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
    if isinstance(error, OSError):
        return f"The input could not be read, or its results not be written ({error.strerror or error})."
    return str(error)
