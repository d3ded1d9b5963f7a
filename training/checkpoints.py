"""What a training is made of and goes on from: a network, the moving average of its weights, and its optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

LONGEST_GRADIENT = 5.0


@dataclass(frozen=True)
class Learner:
    """average: of the network's weights and statistics over its last steps, which is what a training yields."""

    network: nn.Module
    average: AveragedModel
    optimiser: torch.optim.Optimizer


def begun(network: nn.Module, optimiser: torch.optim.Optimizer, past: float) -> Learner:
    """Nothing learnt yet. past: weight of the past in the average, per step. optimiser: of the network's parameters."""
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(past), use_buffers=True)
    return Learner(network, average, optimiser)


def step(learner: Learner, loss: Tensor) -> float:
    """One step down the loss, the gradient cut to LONGEST_GRADIENT; the loss as it was."""
    learner.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(learner.network.parameters(), LONGEST_GRADIENT)
    learner.optimiser.step()
    learner.average.update_parameters(learner.network)
    return float(loss.detach())


def cosine(done: float) -> float:
    """Share of the highest learning rate after this share of a course (Loshchilov 2017): 1 at first, 0 at the end."""
    return 0.5 * (1 + math.cos(math.pi * done))


def keep(learner: Learner, epoch: int, runs: Path) -> None:
    """Writes the newest checkpoint, that after this epoch."""
    states = {name: part.state_dict() for name, part in vars(learner).items()}
    torch.save(states | {"epoch": epoch}, _newest(runs))


def taken_up(learner: Learner, runs: Path) -> int:
    """The first epoch to do: the one after the newest checkpoint, whose state the learner gets, or 0."""
    runs.mkdir(parents=True, exist_ok=True)
    if not _newest(runs).is_file():
        return 0
    states = torch.load(_newest(runs), weights_only=True)
    for name, part in vars(learner).items():
        part.load_state_dict(states[name])
    return int(states["epoch"]) + 1


def _newest(runs: Path) -> Path:
    return runs / "newest.pt"
