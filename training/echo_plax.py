"""`python -m training echo-plax --data DIR [--traced DIR]`: the network of `echo-plax`, measured on left-out clips, its card.

Every clip is left out once: the clips are split into folds, a network learns from the others and draws the left-out ones by
the app's own steps. The shipped network then learns from all clips whose terms allow it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from training import echo_plax_segmentation as segmentation
from training.echo_plax_data import CLIPS, read_traced
from training.echo_plax_others import CLIPS as OTHERS
from training.echo_plax_others import apical_of, read_others
from training.echo_plax_turned import read_turned

COMMAND = "python -m training echo-plax --data DIR --traced DIR"
FOLDS = (("test1", "pocus1", "pocus4"), ("test2", "pocus2"), ("litfl1", "pocus3"))
OTHER_FOLDS = (OTHERS[0:2], OTHERS[2:4], OTHERS[4:6])  # clips of other views that are left out with them
FOLD_STEPS = 400
STEPS = 900
SIMULATED, TURNED = 240, 300  # pictures


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training echo-plax", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="plax, echo_views and the sets of other pictures")
    parser.add_argument(
        "--traced", type=Path, action="append", default=[], help="more traced frames, CLIP_FFF_mask.png"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/echo-plax"))
    parser.add_argument("--only", type=int, help="one fold, or -1: the shipped network")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    torch.set_num_threads(asked.threads)
    folders = [asked.data / "plax" / "traced", *asked.traced]
    apical, masks = read_turned(asked.data / "camus_a4c", TURNED)
    made = segmentation.simulated(SIMULATED)
    for k in range(-1, len(FOLDS)):
        if asked.only is not None and k != asked.only:
            continue
        left_out = FOLDS[k] if k >= 0 else ()
        traced = read_traced(asked.data, folders, [clip for clip in CLIPS if clip not in left_out])
        steps = asked.steps or (FOLD_STEPS if k >= 0 else STEPS)
        others = np.concatenate(
            [
                read_others(asked.data, sorted({one.clip for one in traced}), OTHER_FOLDS[k] if k >= 0 else ()),
                apical_of(traced),
            ]
        )
        examples = segmentation.Examples(
            traced, made, segmentation.Pictures(apical, masks), segmentation.Pictures(others, np.zeros_like(others))
        )
        segmentation.train(examples, steps, asked.runs / (f"fold{k}" if k >= 0 else "all"))
    return 0
