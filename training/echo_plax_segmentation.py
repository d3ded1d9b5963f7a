"""Trains `echo-plax`: six structures of a parasternal long axis. Part of `python -m training echo-plax --data DIR`.

Begins with the network that draws apical views (`echo-apical`): borders of blood and muscle look alike in both. Resumable:
the newest checkpoint of the run's folder is taken up.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from engine import weights
from engine.echo.letterbox import Letterbox
from engine.unet import UNet
from training import echo_plax_simulator
from training.echo_plax_augment import ANY, PLAIN, PLAX, Style, augment
from training.echo_plax_data import BASE, Traced, sector_of, shrunk_mask
from training.echo_plax_turned import OPEN

CLASSES = 7
SEED = 30
BATCH = 8
AVERAGED_FROM = 0.5  # share of the steps after which the moving average begins
WARM_UP = 60  # steps
SAVE_EVERY = 100
UNSURE = 253  # of a drawn mask: any class is right there


@dataclass(frozen=True)
class Course:
    """How long and on what a network learns.

    stages: until which share of the steps, at how many px; small ones are quicker.
    simulated, turned, others: pictures of a batch that are simulated, apical on their side, no parasternal long axis; the
    rest are traced frames, of which the share `drawn` is taken from frames that a network has drawn.
    """

    steps: int
    rate: float
    stages: tuple[tuple[float, int], ...]
    simulated: int
    turned: int = 1
    others: int = 1
    drawn: float = 0.0
    style: Style = PLAIN


@dataclass(frozen=True)
class Pictures:
    """frames, masks: (N, S, S) uint8; sectors: (N, S, S) bool."""

    frames: np.ndarray
    masks: np.ndarray
    sectors: np.ndarray


@dataclass(frozen=True)
class Examples:
    """What a network learns from. others: pictures of anything else, their masks empty.

    drawn: frames that a network has drawn, UNSURE where it was not sure (see `echo_plax_drawn`).
    """

    traced: Sequence[Traced]
    simulated: Pictures
    turned: Pictures
    others: Pictures
    drawn: Sequence[Traced] = ()


def pictures(frames: np.ndarray, masks: np.ndarray) -> Pictures:
    """(N, S, S) uint8 each, with the sectors that intake finds."""
    return Pictures(frames, masks, np.stack([sector_of(frame) for frame in frames]))


def simulated(count: int) -> Pictures:
    """`count` simulated long axes."""
    frames, masks = [], []
    for k in range(count):
        rng = np.random.default_rng([SEED, 1, k])
        scene = echo_plax_simulator.random_scene(rng)
        moment = echo_plax_simulator.phase_at(rng.random())
        frame, mask = echo_plax_simulator.frame(scene, moment, echo_plax_simulator.speckle(scene, rng), rng)
        box = Letterbox(0, frame.shape[0], 0, frame.shape[1], BASE)
        frames.append(box.shrink(frame))
        masks.append(shrunk_mask(mask, box))
    return pictures(np.stack(frames), np.stack(masks))


def batch_of(examples: Examples, course: Course, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(BATCH, 1, side, side) float32 and (BATCH, side, side) int64; every clip equally often."""
    clips = sorted({t.clip for t in examples.traced})
    pairs = []
    for _ in range(BATCH - course.simulated - course.turned - course.others):
        clip = clips[rng.integers(len(clips))]
        source = examples.drawn if course.drawn and rng.random() < course.drawn else examples.traced
        mine = [t for t in source if t.clip == clip]
        one = mine[rng.integers(len(mine))]
        pairs.append(augment(one.frame, one.mask, side, rng, PLAX, one.sector, course.style))
    for made, count, spread in (
        (examples.simulated, course.simulated, PLAX),
        (examples.turned, course.turned, PLAX),
        (examples.others, course.others, ANY),
    ):
        for k in rng.integers(len(made.frames), size=count):
            pairs.append(augment(made.frames[k], made.masks[k], side, rng, spread, made.sectors[k], course.style))
    return np.stack([p[0] for p in pairs])[:, None], np.stack([p[1] for p in pairs]).astype(np.int64)


def loss_of(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy plus one minus soft Dice, mean over the structures.

    mask: (B, H, W) class numbers, or a code of `echo_plax_turned.OPEN`: there any of its classes is right, and none counts
    for the overlap.
    """
    log_share = logits.log_softmax(1)
    right = _right().to(logits.device)[mask].permute(0, 3, 1, 2)  # (B, CLASSES, H, W) bool
    exact = right.sum(1, keepdim=True) == 1
    entropy = -log_share.masked_fill(~right, -torch.inf).logsumexp(1).mean()
    share = log_share.exp() * (exact | ~right)
    truth = (right & exact).float()
    both, all_ = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
    return entropy + 1 - (2 * both[1:] / all_[1:].clamp_min(1)).mean()


@cache
def _right() -> Tensor:
    """(256, CLASSES) bool: the classes that a mask's value allows."""
    table = torch.zeros(256, CLASSES, dtype=torch.bool)
    for number in range(CLASSES):
        table[number, number] = True
    for code, classes in OPEN.items():
        table[code, list(classes)] = True
    table[UNSURE] = True
    return table


def fresh_network() -> nn.Module:
    """A U-Net whose layers but the last are those of `echo-apical`."""
    network = UNet(1, CLASSES)
    known = {k: v for k, v in weights.weight("echo-apical").state_dict().items() if not k.startswith("head.")}
    missing, unexpected = network.load_state_dict(known, strict=False)
    if unexpected or any(not name.startswith("head.") for name in missing):
        raise ValueError(f"echo-apical is no U-Net of the same shape: {missing[:3]}, {unexpected[:3]}")
    return network


def finished(runs: Path, steps: int) -> nn.Module | None:
    """The network of a run that has done its steps, evaluation mode; None where there is none."""
    newest = runs / "newest.pt"
    if not newest.is_file():
        return None
    state = torch.load(newest, weights_only=True)
    if state["step"] < steps:
        return None
    network = UNet(1, CLASSES)
    network.load_state_dict({k[7:]: v for k, v in state["average"].items() if k.startswith("module.")})
    return network.eval()


def mean_of(one: nn.Module, other: nn.Module) -> nn.Module:
    """A network whose weights (and running means) are the mean of two that learnt one after the other."""
    mean = copy.deepcopy(one)
    ours, theirs = one.state_dict(), other.state_dict()
    mean.load_state_dict({k: (v + theirs[k]) / 2 if v.is_floating_point() else v for k, v in ours.items()})
    return mean.eval()


def tempered(network: nn.Module, temperature: float) -> nn.Module:
    """The network, its logits divided by the temperature."""
    head = network.get_parameter("head.weight"), network.get_parameter("head.bias")
    with torch.no_grad():
        for part in head:
            part.div_(temperature)
    return network


def train(examples: Examples, course: Course, runs: Path, start_from: nn.Module | None = None) -> nn.Module:
    """The trained network (moving average of its weights), evaluation mode. start_from: None: a fresh network."""
    torch.manual_seed(SEED)
    network = (fresh_network() if start_from is None else start_from).to(memory_format=torch.channels_last)
    steps = course.steps
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), course.rate, weight_decay=1e-3)
    newest, start = runs / "newest.pt", 0
    runs.mkdir(parents=True, exist_ok=True)
    if newest.is_file():
        state = torch.load(newest, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        start = state["step"]
    network.train()
    total = 0.0
    for step in range(start, steps):
        rng = np.random.default_rng([SEED, step])
        for group in optimiser.param_groups:
            group["lr"] = (
                course.rate * min(1, (step + 1) / WARM_UP) * max(0.01, 0.5 * (1 + math.cos(math.pi * step / steps)))
            )
        side = next(px for until, px in course.stages if step < until * steps)
        picture, mask = batch_of(examples, course, side, rng)
        x = torch.from_numpy(picture).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x)
        loss = loss_of(logits.float(), torch.from_numpy(mask))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        if step >= AVERAGED_FROM * steps:
            average.update_parameters(network)
        total += float(loss.detach())
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
            }
            torch.save(state | {"step": step + 1}, newest)
            print(f"{runs.name} step {step + 1} of {steps} loss {total / SAVE_EVERY:.4f}", flush=True)
            total = 0.0
    return average.module.eval()
