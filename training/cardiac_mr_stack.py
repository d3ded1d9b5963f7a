"""Trains `cardiac-mr-stack`: the ventricles in a whole stack of short-axis slices at once.

    python -m training cardiac-mr-stack --data DIR

It goes on from the shipped `cardiac-mr-segmentation`. DIR as training.cardiac_mr_segmentation has it. Resumable.
The weights are the mean of three stages' (Izmailov 2018): a slice that holds a ventricle or an atrium is drawn by one stage
and not by the next.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import models
from engine.mr import segmentation
from engine.mr.scale import placed, warped
from engine.mr.segmentation import as_outlined, between
from engine.mr.stack_network import StackNet
from engine.unet import UNet
from training import checkpoints
from training.cardiac_mr_augment import drawn, drawn_stack
from training.cardiac_mr_data import Slice, read_acdc, read_sunnybrook
from training.cardiac_mr_segmentation import AVERAGE, CLASSES, ES_SHARE, OUTPUTS, loss_of
from training.checkpoints import Learner

COURSES = (21, 60)  # epochs by which the learning rate has fallen; the second course joins one of 60 at its 21st
STEPS = 100  # of an epoch
STACKS = 2  # in a step
LONE = 3  # pictures of Sunnybrook in a step
LONE_WEIGHT = 0.25  # of their loss
HIGHEST_RATE = 6e-4  # of what reads a slice, which has learnt already
THROUGH_RATE = 1.5e-3  # of what joins slices, which has not
WARM_UP = 100  # steps
FULL_STRENGTH_UNTIL = 0.6  # share of the epochs; the augmentation is at LAST_STRENGTH after that
LAST_STRENGTH = 0.5
OVERLAP_WEIGHT = (1.0, 1.0, 1.5)  # LV cavity, myocardium, RV cavity: the hardest counts most
SEED = 66
Drawn = tuple[np.ndarray, np.ndarray, tuple[int, ...]]  # (N, channels, H, W), (N, H, W), slices of each stack


def stack_loss(outputs: Tensor, mask: Tensor, slices: list[int]) -> Tensor:
    """Cross-entropy plus one minus soft Dice over each patient's stack, as it is measured.

    outputs: (N, OUTPUTS, H, W); mask: (N, H, W) int64; slices: of each patient, together N.
    """
    share = outputs[:, :CLASSES].float().softmax(1).clamp(1e-6, 1)
    entropy = -share.gather(1, mask[:, None]).log().mean()
    truth = functional.one_hot(mask, CLASSES).permute(0, 3, 1, 2).float()
    weight = torch.tensor(OVERLAP_WEIGHT)
    overlaps = []
    for said, true in zip(share.split(slices), truth.split(slices), strict=True):
        both, all_ = (said * true).sum((0, 2, 3))[1:], (said + true).sum((0, 2, 3))[1:]
        overlaps.append((weight * (2 * both + 1) / (all_ + 1)).sum() / weight.sum())
    return entropy + 1 - torch.stack(overlaps).mean()


def people_of(slices: list[Slice], validates: bool) -> list[list[Slice]]:
    """ACDC's stacks: each the slices of one patient at one phase, in their order."""
    found: dict[tuple[str, str], list[Slice]] = {}
    for one in slices:
        if one.validates == validates and not one.cavity_only:
            found.setdefault((one.patient, one.phase), []).append(one)
    return [sorted(stack, key=lambda s: s.number) for _, stack in sorted(found.items())]


@torch.no_grad()
def validation_dice(network: nn.Module, stacks: list[list[Slice]]) -> tuple[np.ndarray, np.ndarray]:
    """(3,) mean Dice at ED and at ES: LV cavity, myocardium, RV cavity. The windows are centred on the labels."""
    network.eval()
    found: dict[str, list[list[float]]] = {"ED": [], "ES": []}
    for stack in stacks:
        x, y = np.mean([s.centre for s in stack], 0)
        matrix = placed(stack[0].image, (stack[0].mm_per_px,) * 2, (float(x), float(y)))
        seen = torch.from_numpy(between(np.stack([warped(s.image, matrix) for s in stack])))
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(seen.contiguous(memory_format=torch.channels_last)).float()
        said = as_outlined(outputs, torch.full((len(stack),), -20.0)).argmax(1).numpy()
        true = np.stack([warped(s.mask, matrix, labels=True) for s in stack])
        found[stack[0].phase].append(
            [2 * ((said == k) & (true == k)).sum() / max(1, (said == k).sum() + (true == k).sum()) for k in (1, 2, 3)]
        )
    return np.mean(found["ED"], 0), np.mean(found["ES"], 0)


def begun_from(first: UNet) -> StackNet:
    """The network that reads slices so far as `first` does, and has learnt nothing from those beside."""
    network = StackNet(3, OUTPUTS)
    network.slices.load_state_dict(first.state_dict())
    return network.to(memory_format=torch.channels_last)


def train(slices: list[Slice], first: UNet, runs: Path, threads: int, courses: tuple[int, ...] = COURSES) -> StackNet:
    """The trained network, begun from `first`: the mean of its `stages`; checkpoints after every epoch."""
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    stacks, held_back = people_of(slices, False), people_of(slices, True)
    chance = np.array([ES_SHARE if stack[0].phase == "ES" else 1 - ES_SHARE for stack in stacks])
    lone = [s for s in slices if not s.validates and s.cavity_only]
    network = begun_from(first)
    groups = [
        {"params": network.slices.parameters(), "highest": HIGHEST_RATE},
        {"params": network.through.parameters(), "highest": THROUGH_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-2)
    learning = checkpoints.begun(network, optimiser, AVERAGE)
    start = checkpoints.taken_up(learning, runs)
    for epoch in range(start, courses[-1]):
        course = next(epochs for epochs in courses if epoch < epochs)
        rng = np.random.default_rng([SEED, epoch])
        strength = 1.0 if epoch < FULL_STRENGTH_UNTIL * course else LAST_STRENGTH
        network.train()
        began, total = time.process_time(), 0.0
        for step in range(STEPS):
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * rate((epoch + step / STEPS) / course, course)
            chosen = [stacks[i] for i in rng.choice(len(stacks), STACKS, p=chance / chance.sum())]
            pictures = [lone[i] for i in rng.integers(len(lone), size=LONE)]
            total += learn(
                learning,
                [drawn_stack(stack, rng, strength) for stack in chosen],
                [drawn(one, rng, strength) for one in pictures],
            )
        if epoch in stages(courses):
            torch.save(learning.average.module.state_dict(), stage_file(runs, epoch))
        checkpoints.keep(learning, epoch, runs)
        seconds = time.process_time() - began
        ed, es = (
            " ".join(f"{v:.4f}" for v in values) for values in validation_dice(learning.average.module, held_back)
        )
        print(
            f"{time.strftime('%T')} epoch {epoch} loss {total / STEPS:.4f} lv myo rv ED {ed} ES {es} cpu {seconds:.0f} s",
            flush=True,
        )
    network.load_state_dict(mean([torch.load(stage_file(runs, epoch), weights_only=True) for epoch in stages(courses)]))
    return network.eval()


def stages(courses: tuple[int, ...]) -> tuple[int, ...]:
    """Epochs whose averages make the weights: the last of each course, and the last course's last of full strength."""
    last_full = math.ceil(FULL_STRENGTH_UNTIL * courses[-1]) - 1
    return tuple(sorted({*(epochs - 1 for epochs in courses), last_full}))


def mean(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of each weight and statistic; counts are the last state's."""
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[-1].items()
    }


def stage_file(runs: Path, epoch: int) -> Path:
    """Where the average after an epoch that makes the weights is kept."""
    return runs / f"epoch-{epoch}.pt"


def rate(done: float, epochs: int) -> float:
    """Share of the highest learning rate after this share of the training: warm-up, then a cosine."""
    warm = min(1.0, done * epochs * STEPS / WARM_UP)
    return max(0.01, warm * checkpoints.cosine(done))


def learn(learning: Learner, stacks: Sequence[Drawn], lone: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """One step down the loss of drawn stacks and of lone pictures, each (channels, H, W) with its (H, W) mask."""
    images = [images for images, _, _ in stacks] + [image[None] for image, _ in lone]
    masks = [masks for _, masks, _ in stacks] + [mask[None] for _, mask in lone]
    lengths = [length for _, _, lengths in stacks for length in lengths] + [1] * len(lone)
    patients = [len(masks) for _, masks, _ in stacks]
    x = torch.from_numpy(np.concatenate(images))
    outlines = torch.from_numpy(np.concatenate(masks).astype(np.int64))
    with torch.autocast("cpu", torch.bfloat16):
        outputs = learning.network(x.contiguous(memory_format=torch.channels_last), tuple(lengths))
    full = sum(patients)
    loss = stack_loss(outputs[:full], outlines[:full], patients)
    loss = loss + LONE_WEIGHT * loss_of(outputs[full:], outlines[full:], torch.ones(len(lone), dtype=torch.bool))
    return checkpoints.step(learning, loss)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training cardiac-mr-stack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/cardiac-mr-stack"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    first = models.ModelStore("cpu").get(segmentation.WEIGHT).module
    slices = read_acdc(asked.data / "acdc") + read_sunnybrook(asked.data / "sunnybrook")
    train(slices, first, asked.runs, asked.threads)
    return 0
