"""`python -m training calcium-sparks`: trains the spark readers on simulated recordings and publishes them.

Simulated recordings are drawn from fixed seeds and kept as features, so a run that was stopped goes on where it was.
`--annotated DIR` adds a user's own recordings to the training: every folder in DIR holds one recording's frames and a CSV
`x,y,tIni,tFin` (or `.mat` with `xytspark`). What the candidates' matched filter alone reaches is measured beside, and
so is a network for the outlines, which is not shipped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.models import store
from engine.sparks.features import CELL_FEATURES, EVENT_FEATURES
from engine.sparks.readers import EventReader, FrameReader
from engine.sparks.task import EVENTS, FRAMES, LINES
from training import sparks_readers as readers
from training.classification_scores import auroc, interval
from training.publish import publish
from training.sparks_card import events_card, frames_card, lines_card
from training.sparks_examples import Example, annotated_examples, load_or_draw
from training.sparks_pixels import STEPS, Overlap, best_level, overlaps, train_pixels
from training.sparks_readers import SPARK, best_threshold, count, event_logits, total

COMMAND = "python -m training calcium-sparks"
MEMBERS = 4  # networks whose probabilities the reader of cells averages
OUTLINED = 240  # recordings whose sparks the network for the outlines learns from
PROBABILITIES = np.linspace(0.05, 0.95, 91)
RESPONSES = np.linspace(-1.0, 4.0, 101)  # of the matched filter, as features hold them
Figure = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Judge:
    """An event reader with what was chosen for it on validation recordings."""

    reader: EventReader
    temperature: float
    threshold: float = 0.5

    def probabilities(self, example: Example) -> np.ndarray:
        """(N,) of being a spark."""
        logits = event_logits(self.reader, example) / self.temperature
        return np.exp(logits[:, SPARK] - np.logaddexp.reduce(logits, axis=1))


@dataclass(frozen=True)
class Judges:
    """cells: of frames over time. lines: of line scans."""

    cells: Judge
    lines: Judge

    def of(self, example: Example) -> Judge:
        return self.lines if example.line_scan else self.cells


def main(argv: list[str]) -> int:
    asked = _arguments(argv)
    torch.set_num_threads(asked.threads)
    cells, lines = _Drawn(asked.run / "examples", False), _Drawn(asked.run / "examples-line", True)
    if asked.only == "figures":
        _measure_again(asked, cells, lines)
        return 0
    if asked.only != "readers":
        _try_pixels(asked, cells)
    if asked.only != "pixels":
        _train_readers(asked, cells, lines)
    return 0


@dataclass(frozen=True)
class _Drawn:
    """Examples of cells or of line scans, drawn into a folder when they are first asked for."""

    folder: Path
    line_scan: bool

    def get(self, split: str, number: int) -> list[Example]:
        return [load_or_draw(self.folder, split, k, self.line_scan) for k in range(number)]


def _train_readers(asked: argparse.Namespace, cells: _Drawn, lines: _Drawn) -> None:
    """The readers of events and of frames, from the candidates of simulated recordings.

    The reader of cells learns from cells alone, that of line scans, of which less is known, from both.
    """
    train = cells.get("train", asked.train) + lines.get("train", asked.train // 2)
    for folder in asked.annotated:
        train += annotated_examples(folder)
    held = cells.get("validation", asked.held), lines.get("validation", asked.held // 4)
    of_cells = [e for e in train if not e.line_scan]
    judges = Judges(
        choose(readers.train_events(of_cells, len(CELL_FEATURES), MEMBERS, asked.seed), held[0], held[0]),
        choose(readers.train_events(train, len(EVENT_FEATURES), 1, asked.seed), held[0], held[1]),
    )
    _measure(asked, cells, lines, judges, _frames(judges, train, held[0]), (len(of_cells), len(train)))


def _measure_again(asked: argparse.Namespace, cells: _Drawn, lines: _Drawn) -> None:
    """The shipped readers' figures, with what is found in a recording today; their numbers stay as they were learnt."""
    shipped = store("cpu")
    events, of_lines, frames = (shipped.get(name) for name in (EVENTS, LINES, FRAMES))
    judges = Judges(
        *(
            Judge(m.module, float(m.weight.operating["temperature"]), float(m.weight.operating["threshold"]))
            for m in (events, of_lines)
        )
    )
    trained_on = asked.train, asked.train + asked.train // 2
    _measure(asked, cells, lines, judges, (frames.module, dict(frames.weight.operating)), trained_on, again=True)


def _measure(
    asked: argparse.Namespace,
    cells: _Drawn,
    lines: _Drawn,
    judges: Judges,
    frames: tuple[FrameReader, dict[str, float]],
    trained_on: tuple[int, int],
    again: bool = False,
) -> None:
    """Figures of the readers on unseen recordings; publishes them unless the run is dry.

    frames: the reader of frames and its operating values. trained_on: how many recordings of cells, and how many with line
    scans. again: the readers learnt from an earlier search.
    """
    held = cells.get("validation", asked.held)
    test = cells.get("test", asked.held), lines.get("test", asked.held // 4)
    coarse = cells.get("coarse", 2 * asked.held // 5)
    rival = matched_filter(held)
    figures = {
        EVENTS: event_figures(test[0] + coarse, judges.cells, rival),
        LINES: event_figures(test[1], judges.lines, rival),
        FRAMES: frame_figures(test[0], judges, *frames),
    }
    thresholds = {EVENTS: judges.cells.threshold, LINES: judges.lines.threshold}
    print(json.dumps({"thresholds": thresholds} | figures, indent=1), flush=True)
    if not asked.dry_run:
        tried = json.loads(_tried(asked).read_text(encoding="utf-8")) if _tried(asked).is_file() else None
        n = trained_on[0], asked.held
        card = events_card(judges.cells, figures[EVENTS], n, tried, again, COMMAND)
        publish(EVENTS, judges.cells.reader.state_dict(), card)
        n = trained_on[1], asked.held // 4
        publish(LINES, judges.lines.reader.state_dict(), lines_card(judges.lines, figures[LINES], n, again, COMMAND))
        n = trained_on[1], asked.held
        publish(FRAMES, frames[0].state_dict(), frames_card(frames[1], figures[FRAMES], n, again, COMMAND))


def _try_pixels(asked: argparse.Namespace, cells: _Drawn) -> None:
    """Trains a network for the outlines and measures it beside the fitted shapes; the card of the events tells the outcome.

    What is a spark the shipped event reader says. Nothing is published: the outlines are those of the fits.
    """
    number = min(asked.train, OUTLINED)
    cells.get("train", number)
    network = train_pixels(cells.folder, number, asked.run / "pixels.pt", asked.steps, asked.seed)
    reader = store("cpu").get(EVENTS)
    level = best_level(overlaps("validation", asked.held // 2, reader, network))
    figures = pixel_figures(overlaps("test", asked.held, reader, network), level)
    tried = {"recordings": number, "level": level, "figures": figures}
    _tried(asked).write_text(json.dumps(tried, indent=1), encoding="utf-8")
    print(json.dumps(tried, indent=1), flush=True)


def _tried(asked: argparse.Namespace) -> Path:
    """Where a run keeps what the network for the outlines reached."""
    return asked.run / "pixels.json"


def choose(reader: EventReader, calibrating: Sequence[Example], choosing: Sequence[Example]) -> Judge:
    """Temperature and threshold on validation recordings."""
    kinds = np.concatenate([e.kinds for e in calibrating])
    logits = np.concatenate([event_logits(reader, e) for e in calibrating])
    judge = Judge(reader, readers.temperature_of(logits, kinds))
    if not choosing:
        return judge
    said = [judge.probabilities(e) for e in choosing]
    return Judge(reader, judge.temperature, best_threshold(choosing, said, PROBABILITIES))


def matched_filter(cells: Sequence[Example]) -> Callable[[Example], np.ndarray]:
    """The rival without a network: the matched filter's response at its one best threshold says yes (1) or no (0)."""
    cut = best_threshold(cells, [e.events[:, 0].astype(float) for e in cells], RESPONSES)
    return lambda example: (example.events[:, 0] >= cut).astype(float)


def event_figures(
    examples: Sequence[Example], judge: Judge, rival: Callable[[Example], np.ndarray]
) -> dict[str, Figure]:
    """Event F1 by condition with its interval over recordings, for the reader and for the matched filter."""
    found: dict[str, Figure] = {}
    for condition in dict.fromkeys(str(e.condition) for e in examples):
        some = [e for e in examples if str(e.condition) == condition]
        for name, counts in (
            ("f1", [count(e, judge.probabilities(e), judge.threshold) for e in some]),
            ("matched_filter_f1", [count(e, rival(e), 0.5) for e in some]),
        ):
            if condition == "empty":
                continue
            low, high = interval(lambda rows: total([counts[r] for r in rows]).f1, np.arange(len(some)))  # noqa: B023
            found[f"{condition}_{name}"] = _figure(total(counts).f1, low, high, len(some), condition)
        if condition == "empty":
            extra = total([count(e, judge.probabilities(e), judge.threshold) for e in some]).extra
            found["empty_extra"] = _figure(extra / len(some), None, None, len(some), condition)
    return found


def pixel_figures(found: Sequence[Overlap], level: float) -> dict[str, Figure]:
    """IoU of the sparks' pixels by condition, averaged over recordings, of the network and of the fitted shapes alone."""
    figures: dict[str, Figure] = {}
    for condition in dict.fromkeys(o.condition for o in found):
        some = [o for o in found if o.condition == condition]
        for name, values in (("iou", [o.iou(level) for o in some]), ("fit_iou", [o.iou_fit for o in some])):
            low, high = interval(lambda rows: float(np.mean([values[r] for r in rows])), np.arange(len(some)))  # noqa: B023
            figures[f"{condition}_{name}"] = _figure(float(np.mean(values)), low, high, len(some), condition)
    return figures


def frame_figures(
    examples: Sequence[Example], judges: Judges, reader: FrameReader, operating: dict[str, float]
) -> dict[str, Figure]:
    """How well frames and recordings with a spark are told from those without."""
    read = [readers.read(reader, _described(e, judges)) for e in examples]
    number = np.repeat(np.arange(len(examples)), [len(e.firing) for e in examples])
    logits, firing = np.concatenate([r[0] for r in read]), np.concatenate([e.firing for e in examples])
    whole, fires = np.array([r[2] for r in read]), np.array([bool(e.firing.any()) for e in examples])
    low, high = interval(lambda rows: auroc(firing[rows], logits[rows]), number, draws=200)
    chance = 1 / (1 + np.exp(-(whole + operating["shift"]) / operating["temperature"]))
    right = (chance >= operating["threshold"]) == fires
    low_r, high_r = interval(lambda rows: float(right[rows].mean()), np.arange(len(right)))
    return {
        "frame_auroc": _figure(auroc(firing, logits), low, high, len(firing), "frames of the test recordings"),
        "recording_right": _figure(float(right.mean()), low_r, high_r, len(right), "test recordings"),
    }


def _frames(judges: Judges, train: Sequence[Example], held: Sequence[Example]) -> tuple[FrameReader, dict[str, float]]:
    """The frame reader and its operating values from validation recordings."""
    inputs = [_described(e, judges) for e in train]
    reader = readers.train_frames(inputs, [e.firing for e in train])
    read = [readers.read(reader, _described(e, judges)) for e in held]
    shift, temperature = readers.platt(
        np.array([r[2] for r in read]), np.array([bool(e.firing.any()) for e in held], float)
    )
    _, frame_temperature = readers.platt(np.concatenate([r[0] for r in read]), np.concatenate([e.firing for e in held]))
    return reader, {
        "shift": round(shift, 4),
        "temperature": round(temperature, 4),
        "frame_temperature": round(frame_temperature, 4),
        "threshold": 0.5,
    }


def _described(example: Example, judges: Judges) -> np.ndarray:
    """What the frame reader sees of an example."""
    judge = judges.of(example)
    return readers.described(example, judge.reader, judge.temperature)


def _figure(value: float, low: float | None, high: float | None, n: int, on: str) -> Figure:
    def short(number: float | None) -> float | None:
        return None if number is None or not np.isfinite(number) else round(float(number), 4)

    where = on if on.endswith("recordings") else f"own simulator, unseen {on} recordings"
    return {"value": short(value), "low": short(low), "high": short(high), "n": n, "on": where, "command": COMMAND}


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--train", type=int, default=3000, help="simulated cells to learn from; half as many are line scans"
    )
    parser.add_argument("--held", type=int, default=200, help="simulated cells for choosing, and again for measuring")
    parser.add_argument("--annotated", type=Path, nargs="*", default=[], help="folders of annotated recordings")
    parser.add_argument(
        "--only",
        choices=("readers", "pixels", "figures"),
        help="these alone: the shipped readers, the network tried for outlines, or the shipped readers' figures anew",
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="of the pixel network")
    parser.add_argument("--run", type=Path, default=Path("runs/sparks"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dry-run", action="store_true", help="publish nothing")
    return parser.parse_args(argv)
