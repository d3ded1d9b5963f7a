"""`python -m training echo-plax --data DIR [--traced DIR]`: the network of `echo-plax`, measured on left-out clips, its card.

Every clip is left out once: the clips are split into folds, a network learns from the others and draws the left-out ones by
the app's own steps. Temperature and view rule are fitted on these. The shipped network then learns from all clips whose
terms allow it; clips that must not be learnt from measure it. Resumable: finished and begun trainings in RUNS are taken up.
"""

from __future__ import annotations

import argparse
import copy
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.echo_plax.segmentation import WEIGHT
from engine.models import LoadedModel
from engine.weights import Weight
from training import echo_plax_segmentation as segmentation
from training.echo_plax_card import Measured, card
from training.echo_plax_data import CLIPS, MEASURED, clip_file, read_traced
from training.echo_plax_others import CLIPS as OTHERS
from training.echo_plax_others import apical_files, apical_of, read_others
from training.echo_plax_scores import calibration_gap, score, temperature
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
FOLD_STEPS = 800
STEPS = 1700
SIMULATED, TURNED = 160, 200  # pictures
APICAL = 20  # validation patients' frames that the view rule sees
LEAST_CONFIDENCE = 0.5


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training echo-plax", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="plax, echo_views and the sets of other pictures")
    parser.add_argument(
        "--traced", type=Path, action="append", default=[], help="more traced frames, CLIP_FFF_mask.png"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/echo-plax"))
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
    text = card(found, COMMAND)
    print(text.text)
    print(publish(WEIGHT, network.state_dict(), text))
    return 0


def trained(data: Path, traced: Sequence[Path], runs: Path, fold: int) -> torch.nn.Module:
    """The network of one fold; -1: of all clips."""
    own, steps = runs / (f"fold{fold}" if fold >= 0 else "all"), FOLD_STEPS if fold >= 0 else STEPS
    finished = segmentation.finished(own, steps)
    if finished is not None:
        return finished
    clips = [clip for clip in CLIPS if fold < 0 or clip not in FOLDS[fold]]
    frames = read_traced(data, [data / "plax" / "traced", *traced], clips)
    others = read_others(data, clips, OTHER_FOLDS[fold] if fold >= 0 else ())
    others = np.concatenate([others, apical_of(frames)])
    examples = segmentation.Examples(
        frames,
        segmentation.simulated(SIMULATED),
        segmentation.Pictures(*read_turned(data / "camus_a4c", TURNED)),
        segmentation.Pictures(others, np.zeros_like(others)),
    )
    return segmentation.train(examples, steps, own)


def as_shipped(network: torch.nn.Module, operating: dict[str, Any] | None = None) -> LoadedModel:
    """The network with its weights rounded as the shipped file holds them."""
    entry = Weight(
        WEIGHT, "echo-plax", "", "", "", "", COMMAND, operating=operating or {"least_confidence": LEAST_CONFIDENCE}
    )
    return LoadedModel(entry, network.half().float().eval().requires_grad_(False), "cpu")


def measured(
    data: Path, networks: Sequence[torch.nn.Module], shipped: torch.nn.Module
) -> tuple[Measured, torch.nn.Module]:
    """The figures of the card, and the shipped network with its temperature in its last layer."""
    folders = [data / "plax" / "traced"]
    raw = [score(data, folders, c, as_shipped(n)) for n, clips in zip(networks, FOLDS, strict=True) for c in clips]
    warmth = temperature(raw)
    cooled = [segmentation.tempered(copy.deepcopy(network), warmth) for network in [*networks, shipped]]
    models = [as_shipped(network) for network in cooled]
    scores = [score(data, folders, c, m) for m, clips in zip(models[:-1], FOLDS, strict=True) for c in clips]
    seen = [see(clip_file(data, c), True, m) for m, clips in zip(models[:-1], FOLDS, strict=True) for c in clips]
    seen += _other_views(data, models)
    rule = fitted(seen)
    apart = [see(clip_file(data, clip), True, models[-1]) for clip in MEASURED]
    apart += [see(file, long_axis, models[-1]) for file, long_axis in _stills(data)]
    return Measured(
        left_out=scores,
        apart=[score(data, folders, clip, models[-1]) for clip in MEASURED],
        rule=rule,
        least=LEAST_CONFIDENCE,
        temperature=warmth,
        calibration=calibration_gap(scores),
        views_left_out=left_out(seen),
        views_apart=[(one, rule.probability(one) >= rule.threshold) for one in apart],
    ), cooled[-1]


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
