"""Trains `cardiac-mr-beat`: the ventricles in a stack that is turned upright, by those at end-diastole and end-systole.

    python -m training cardiac-mr-beat --data DIR

It goes on from the end of `cardiac-mr-stack`'s first course, of which RUNS holds a checkpoint. DIR as
training.cardiac_mr_segmentation has it. Resumable.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engine.mr.scale import CROP_PX, placed, warped
from engine.mr.segmentation import as_outlined, beside
from engine.mr.stack_network import StackNet
from training import cardiac_mr_stack, checkpoints
from training.cardiac_mr_augment import drawn, drawn_beat, upright
from training.cardiac_mr_data import Slice, read_acdc, read_sunnybrook
from training.cardiac_mr_segmentation import AVERAGE, ES_SHARE, OUTPUTS
from training.cardiac_mr_stack import (
    LONE,
    STEPS,
    learn,
    mean,
    people_of,
    rate,
    stage_file,
)

Beat = tuple[list[Slice], list[Slice]]  # a patient's slices at end-diastole and at end-systole, in their order

INPUTS = 5  # a slice between its neighbours, and at end-diastole and end-systole
PATIENTS = 2  # in a step
SEED = 77


@dataclass(frozen=True)
class Course:
    """until: epochs, counted from the first course's begin. highest: learning rate, which falls as a cosine over `falls`
    epochs; a course may end before."""

    until: int
    highest: float
    falls: int


COURSES = (Course(28, 8e-4, 46), Course(42, 4e-4, 14))  # each begins as the average of the one before
STAGES = (7, 27, 41)  # epochs, from 0: the mean of the averages after them makes the weights


def beats_of(slices: list[Slice], validates: bool) -> list[Beat]:
    """ACDC's patients."""
    found: dict[str, list[list[Slice]]] = {}
    for stack in people_of(slices, validates):
        found.setdefault(stack[0].patient, []).append(stack)
    return [(ed, es) for ed, es in found.values()]


def first_course(runs: Path) -> dict[str, Tensor]:
    """What `cardiac-mr-stack` has learnt by the end of its first course."""
    state: dict[str, Tensor] = torch.load(
        stage_file(runs / "cardiac-mr-stack", cardiac_mr_stack.COURSES[0] - 1), weights_only=True
    )
    return state


def begun_from(stage: dict[str, Tensor]) -> StackNet:
    """The network that draws as one of `cardiac-mr-stack`'s stages does, and has learnt nothing from other phases."""
    network = StackNet(INPUTS, OUTPUTS)
    first = stage["slices.stem.0.weight"]
    widened = torch.cat([first, torch.zeros_like(first[:, : INPUTS - first.shape[1]])], 1)
    network.load_state_dict(stage | {"slices.stem.0.weight": widened})
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def validation_dice(network: nn.Module, beats: list[Beat]) -> np.ndarray:
    """(2, 3) mean Dice at ED and ES: LV cavity, myocardium, RV cavity. Windows and turns are those of the labels."""
    network.eval()
    found = []
    for beat in beats:
        both = [s for stack in beat for s in stack]
        x, y = np.mean([s.centre for s in both], 0)
        turn = cv2.getRotationMatrix2D(((CROP_PX - 1) / 2,) * 2, upright(both), 1.0)
        matrix = turn @ np.vstack([placed(both[0].image, (both[0].mm_per_px,) * 2, (float(x), float(y))), [0, 0, 1]])
        ends = [np.stack([warped(s.image, matrix) for s in stack]) for stack in beat]
        found.append([_dice(network, beside(end, *ends), stack, matrix) for end, stack in zip(ends, beat, strict=True)])
    return np.mean(found, 0)


def _dice(network: nn.Module, pictures: np.ndarray, stack: list[Slice], matrix: np.ndarray) -> list[float]:
    seen = torch.from_numpy(pictures).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(seen).float()
    said = as_outlined(outputs, torch.full((len(stack),), -20.0)).argmax(1).numpy()
    true = np.stack([warped(s.mask, matrix, labels=True) for s in stack])
    return [2 * ((said == k) & (true == k)).sum() / max(1, (said == k).sum() + (true == k).sum()) for k in (1, 2, 3)]


def train(
    slices: list[Slice],
    stage: dict[str, Tensor],
    runs: Path,
    threads: int,
    courses: tuple[Course, ...] = COURSES,
    stages: tuple[int, ...] = STAGES,
) -> StackNet:
    """The trained network, begun from `stage`: the mean of its `stages`; checkpoints after every epoch."""
    torch.set_num_threads(threads)
    network, begin = begun_from(stage), 0
    for course in courses:
        _learn_course(network, slices, runs, course, begin, stages)
        begin = course.until
    network.load_state_dict(mean([torch.load(stage_file(runs, epoch), weights_only=True) for epoch in stages]))
    return network.eval()


def _learn_course(
    network: StackNet, slices: list[Slice], runs: Path, course: Course, begin: int, stages: tuple[int, ...]
) -> None:
    """From epoch `begin` on; the network then is the course's average."""
    torch.manual_seed(SEED)
    beats, held_back = beats_of(slices, False), beats_of(slices, True)
    lone = [s for s in slices if not s.validates and s.cavity_only]
    optimiser = torch.optim.AdamW(network.parameters(), course.highest, weight_decay=1e-2)
    learning = checkpoints.begun(network, optimiser, AVERAGE)
    for epoch in range(max(begin, checkpoints.taken_up(learning, runs / f"until-{course.until}")), course.until):
        rng = np.random.default_rng([SEED, epoch])
        network.train()
        began, total = time.process_time(), 0.0
        for step in range(STEPS):
            for group in optimiser.param_groups:
                group["lr"] = course.highest * rate((epoch - begin + step / STEPS) / course.falls, course.falls)
            chosen = [beats[i] for i in rng.integers(len(beats), size=PATIENTS)]
            pictures = [lone[i] for i in rng.integers(len(lone), size=LONE)]
            total += learn(
                learning,
                [drawn_beat(ed, es, rng.random() < ES_SHARE, rng) for ed, es in chosen],
                [_alone(one, rng) for one in pictures],
            )
        if epoch in stages:
            torch.save(learning.average.module.state_dict(), stage_file(runs, epoch))
        checkpoints.keep(learning, epoch, runs / f"until-{course.until}")
        seconds = time.process_time() - began
        ed, es = (" ".join(f"{v:.4f}" for v in row) for row in validation_dice(learning.average.module, held_back))
        print(
            f"{time.strftime('%T')} epoch {epoch} loss {total / STEPS:.4f} lv myo rv ED {ed} ES {es} cpu {seconds:.0f} s",
            flush=True,
        )
    network.load_state_dict(learning.average.module.state_dict())


def _alone(one: Slice, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture whose beat is not known, and its mask."""
    image, mask = drawn(one, rng)
    return np.concatenate([image, np.zeros_like(image[: INPUTS - len(image)])]), mask


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training cardiac-mr-beat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    slices = read_acdc(asked.data / "acdc") + read_sunnybrook(asked.data / "sunnybrook")
    train(slices, first_course(asked.runs), asked.runs / "cardiac-mr-beat", asked.threads)
    return 0
