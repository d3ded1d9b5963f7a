"""`python -m training echo-plax --data DIR [--traced DIR]`: the network of `echo-plax`, measured on left-out clips, its card.

Every clip is left out once: the clips are split into folds, a network learns from the others and draws the left-out ones by
the app's own steps. Each learns twice: from traced, carried and made pictures, then on, with other hearts made of them, the
sector's edge shown, and frames that it has drawn itself. Temperature and view rule are fitted on the left-out clips. The
shipped network learns from all clips whose terms allow it; clips that must not be learnt from measure it. Resumable:
finished and begun trainings in RUNS are taken up.
"""

from __future__ import annotations

import argparse
import copy
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.echo_plax.segmentation import WEIGHT
from engine.models import LoadedModel
from engine.unet import UNet
from engine.weights import Weight
from training import echo_plax_segmentation as segmentation
from training.echo_plax_augment import Style
from training.echo_plax_card import Measured, card
from training.echo_plax_data import CLIPS, MEASURED, clip_file, read_traced
from training.echo_plax_drawn import read_drawn
from training.echo_plax_others import CLIPS as OTHERS
from training.echo_plax_others import apical_files, apical_of, read_others
from training.echo_plax_printed import FILE as PRINTED
from training.echo_plax_printed import agreement
from training.echo_plax_scores import ClipScore, calibration_gap, score, temperature
from training.echo_plax_turned import read_turned
from training.echo_plax_view import Seen, fitted, left_out, see
from training.publish import publish

COMMAND = "python -m training echo-plax --data DIR --traced DIR"
FOLDS = (("test1", "pocus1", "pocus4"), ("test2", "pocus2"), ("litfl1", "pocus3"))
OTHER_FOLDS = (
    OTHERS[0:2],
    OTHERS[3:5],
    OTHERS[2:6:3],
)  # of other views, left out with them; one is of litfl1's patient
FIRST = segmentation.Course(800, 1e-3, ((0.5, 96), (0.8, 128), (1.0, 160)), simulated=2)
SECOND = segmentation.Course(
    650, 5e-4, ((0.7, 128), (1.0, 160)), simulated=1, drawn=0.2, style=Style(floor=16, varied=True)
)
SHIPPED_STEPS = (1700, 850)  # of the two courses; the folds' are shorter
SIMULATED, TURNED = 160, 200  # pictures
APICAL = 20  # validation patients' frames that the view rule sees
OPERATING = {"least_confidence": 0.5, "floor": SECOND.style.floor}
OWN = 1 / 3  # share of each picture's own statistics when the network draws (`engine.own_statistics`)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training echo-plax", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="plax, echo_views and the sets of other pictures")
    parser.add_argument(
        "--traced", type=Path, action="append", default=[], help="more traced frames, CLIP_FFF_mask.png"
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs/echo-plax"),
        help="the first course; the second's folders end in -second",
    )
    parser.add_argument("--only", type=int, help="train one fold and stop; -1: the shipped network")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    torch.set_num_threads(asked.threads)
    if asked.only is not None:
        trained(asked.data, asked.traced, asked.runs, asked.only)
        return 0
    networks = [trained(asked.data, asked.traced, asked.runs, k) for k in range(len(FOLDS))]
    shipped = trained(asked.data, asked.traced, asked.runs, -1)
    found, network = measured(asked.data, networks, shipped)
    found = replace(found, courses=by_course(asked.data, asked.runs))
    text = card(found, COMMAND)
    print(text.text)
    print(publish(WEIGHT, network.state_dict(), text))
    return 0


def trained(data: Path, traced: Sequence[Path], runs: Path, fold: int) -> torch.nn.Module:
    """The network of one fold, the mean of its weights after either course; -1: of all clips."""
    own = runs / (f"fold{fold}" if fold >= 0 else "all")
    first, second = (FIRST, SECOND) if fold >= 0 else (
        replace(FIRST, steps=SHIPPED_STEPS[0]), replace(SECOND, steps=SHIPPED_STEPS[1])
    )  # fmt: skip
    further = own.with_name(own.name + "-second")
    begun, done = segmentation.finished(own, first.steps), segmentation.finished(further, second.steps)
    if begun is not None and done is not None:
        return segmentation.mean_of(begun, done)
    clips = [clip for clip in CLIPS if fold < 0 or clip not in FOLDS[fold]]
    examples = examples_of(data, traced, clips, OTHER_FOLDS[fold] if fold >= 0 else ())
    begun = begun or segmentation.train(examples, first, own)
    examples = replace(examples, drawn=read_drawn(data, clips, begun))
    return segmentation.mean_of(begun, segmentation.train(examples, second, further, copy.deepcopy(begun)))


def examples_of(
    data: Path, traced: Sequence[Path], clips: Sequence[str], without: Sequence[str]
) -> segmentation.Examples:
    """What a network learns from that may see `clips`, and the clips of other views but `without`."""
    frames = read_traced(data, [data / "plax" / "traced", *traced], clips)
    others = np.concatenate([read_others(data, clips, without), apical_of(frames)])
    return segmentation.Examples(
        frames,
        segmentation.simulated(SIMULATED),
        segmentation.pictures(*read_turned(data / "camus_a4c", TURNED)),
        segmentation.pictures(others, np.zeros_like(others)),
    )


def as_shipped(network: torch.nn.Module, operating: dict[str, Any] | None = None, own: float = OWN) -> LoadedModel:
    """The network with its weights rounded as the shipped file holds them. own: see OWN."""
    entry = Weight(WEIGHT, "echo-plax", "", "", "", "", COMMAND, operating=operating or OPERATING)
    drawing = UNet(1, segmentation.CLASSES, own=own)
    drawing.load_state_dict(network.state_dict())
    return LoadedModel(entry, drawing.half().float().eval().requires_grad_(False), "cpu")


def measured(
    data: Path, networks: Sequence[torch.nn.Module], shipped: torch.nn.Module
) -> tuple[Measured, torch.nn.Module]:
    """The figures of the card, and the shipped network with its temperature in its last layer."""
    folders = [data / "plax" / "traced"]
    raw = _left_out_scores(data, [as_shipped(network) for network in networks])
    warmth = temperature(raw)
    cooled = [segmentation.tempered(copy.deepcopy(network), warmth) for network in [*networks, shipped]]
    models = [as_shipped(network) for network in cooled]
    scores = _left_out_scores(data, models[:-1])
    seen = [see(clip_file(data, c), True, m) for m, clips in zip(models[:-1], FOLDS, strict=True) for c in clips]
    seen += _other_views(data, models)
    rule = fitted(seen)
    apart = [see(clip_file(data, clip), True, models[-1]) for clip in MEASURED]
    apart += [see(file, long_axis, models[-1]) for file, long_axis in _stills(data)]
    return Measured(
        left_out=scores,
        apart=[score(data, folders, clip, models[-1]) for clip in MEASURED],
        rule=rule,
        operating=OPERATING,
        own=OWN,
        temperature=warmth,
        calibration=calibration_gap(scores),
        views_left_out=left_out(seen),
        views_apart=[(one, rule.probability(one) >= rule.threshold) for one in apart],
        curve=agreement(data / "plax" / PRINTED, models[-1]) if (data / "plax" / PRINTED).is_file() else None,
    ), cooled[-1]


def by_course(data: Path, runs: Path) -> list[tuple[str, list[ClipScore]]]:
    """The left-out clips as the folds' networks draw single frames of them: after either course, by the mean of both, and by
    that with a picture's own statistics."""
    plain = {**OPERATING, "floor": FIRST.style.floor}
    firsts = [segmentation.finished(runs / f"fold{k}", FIRST.steps) for k in range(len(FOLDS))]
    seconds = [segmentation.finished(runs / f"fold{k}-second", SECOND.steps) for k in range(len(FOLDS))]
    pairs = [(one, other) for one, other in zip(firsts, seconds, strict=True) if one is not None and other is not None]
    means = [segmentation.mean_of(one, other) for one, other in pairs]
    kinds = (
        ("the first course", [one for one, _ in pairs], plain, 0.0),
        ("the first course, sector lightened", [one for one, _ in pairs], OPERATING, 0.0),
        ("the second course", [other for _, other in pairs], OPERATING, 0.0),
        ("mean of both courses' weights", means, OPERATING, 0.0),
        ("the same with a picture's own statistics", means, OPERATING, OWN),
    )
    return [
        (name, _left_out_scores(data, [as_shipped(n, operating, own) for n in networks], steady=False))
        for name, networks, operating, own in kinds
    ]


def _left_out_scores(data: Path, models: Sequence[LoadedModel], steady: bool = True) -> list[ClipScore]:
    """Every trainable clip by its fold's network."""
    folders = [data / "plax" / "traced"]
    pairs = [(model, clip) for model, clips in zip(models, FOLDS, strict=True) for clip in clips]
    return [score(data, folders, clip, model, steady) for model, clip in pairs]


def _other_views(data: Path, models: Sequence[LoadedModel]) -> list[Seen]:
    """Clips of other views by the networks that they were left out of, and apical frames of validation patients."""
    found = [
        see(data / "echo_views" / f"{name}.mp4", False, model)
        for model, names in zip(models[:-1], OTHER_FOLDS, strict=True)
        for name in names
    ]
    files = apical_files(data, "valid")
    for k, at in enumerate(np.linspace(0, len(files) - 1, min(APICAL, len(files))).astype(int)):
        found.append(see(files[at], False, models[k % len(FOLDS)]))
    return found


def _stills(data: Path) -> list[tuple[Path, bool]]:
    """The stills of echo_views, which are never learnt from, and whether they show the view."""
    with (data / "echo_views" / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith("still_")]
    return [(data / "echo_views" / row["file"], row["view"] == "PLAX") for row in rows]
