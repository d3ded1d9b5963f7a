"""`python -m training echo-plax-parts --data DIR --traced DIR`: what each part of `echo-plax`'s training brings.

A first course on the clips of one fold, whole and without one part each time; the clips left out of that fold, and those
never learnt from, measure it. The table goes to RUNS/parts.json, from where the card takes it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from engine.unet import UNet
from training import echo_plax_segmentation as segmentation
from training.echo_plax import FIRST, FOLDS, OTHER_FOLDS, as_shipped, examples_of
from training.echo_plax_card import Part
from training.echo_plax_data import CLIPS, MEASURED, read_traced
from training.echo_plax_scores import score

FOLD = 1


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training echo-plax-parts", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--traced", type=Path, action="append", default=[])
    parser.add_argument("--runs", type=Path, default=Path("runs/echo-plax"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    torch.set_num_threads(asked.threads)
    clips = [clip for clip in CLIPS if clip not in FOLDS[FOLD]]
    whole = examples_of(asked.data, asked.traced, clips, OTHER_FOLDS[FOLD])
    traced_alone = replace(whole, traced=read_traced(asked.data, [asked.data / "plax" / "traced"], clips))
    table = []
    for name, train in variants(whole, traced_alone).items():
        network = train(asked.runs / f"without-{name.replace(' ', '-')}")
        table.append(_measured(asked.data, name, network))
        print(table[-1], flush=True)
        (asked.runs / "parts.json").write_text(json.dumps([asdict(part) for part in table], indent=1))
    return 0


def variants(
    whole: segmentation.Examples, traced_alone: segmentation.Examples
) -> dict[str, Callable[[Path], torch.nn.Module]]:
    """What is left out -> its training, which takes the folder of its checkpoints."""
    return {
        "nothing": lambda runs: segmentation.train(whole, FIRST, runs),
        "simulated pictures": lambda runs: segmentation.train(whole, replace(FIRST, simulated=0), runs),
        "carried masks and further traced frames": lambda runs: segmentation.train(traced_alone, FIRST, runs),
        "apical frames on their side": lambda runs: segmentation.train(whole, replace(FIRST, turned=0), runs),
        "the start from apical views": lambda runs: segmentation.train(
            whole, FIRST, runs, UNet(1, segmentation.CLASSES)
        ),
    }


def _measured(data: Path, name: str, network: torch.nn.Module) -> Part:
    model = as_shipped(network, {"least_confidence": 0.5, "floor": FIRST.style.floor}, own=0.0)
    scores = [score(data, [data / "plax" / "traced"], clip, model) for clip in (*FOLDS[FOLD], *MEASURED)]
    ventricle = [float(np.nanmean(s.iou[:, 0])) for s in scores]
    return Part(name, float(np.mean([s.mean_iou for s in scores])), float(np.mean(ventricle)), len(scores))
