"""Trains `echo-plax`: six structures of a parasternal long axis. Part of `python -m training echo-plax --data DIR`.

Begins with the network that draws apical views (`echo-apical`): borders of blood and muscle look alike in both. Resumable:
the newest checkpoint of the run's folder is taken up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine import weights
from engine.echo_plax.segmentation import SIDE
from engine.unet import UNet
from training.echo_plax_augment import ANY, PLAX, augment
from training.echo_plax_data import Traced

CLASSES = 7
SEED = 30
BATCH = 16
RATE = 1e-3
SMALL = 128  # px, for the first share of the steps: quicker
SMALL_SHARE = 0.6
WARM_UP = 60  # steps
OTHERS = 2  # pictures of a batch without a parasternal long axis
SAVE_EVERY = 50


@dataclass(frozen=True)
class Examples:
    """What a network learns from. others: (N, S, S) uint8 pictures of anything else."""

    traced: Sequence[Traced]
    others: np.ndarray


def batch_of(examples: Examples, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(BATCH, 1, side, side) float32 and (BATCH, side, side) int64; every clip equally often."""
    clips = sorted({t.clip for t in examples.traced})
    of_clip = {clip: [t for t in examples.traced if t.clip == clip] for clip in clips}
    pairs = []
    for _ in range(BATCH - OTHERS):
        mine = of_clip[clips[rng.integers(len(clips))]]
        one = mine[rng.integers(len(mine))]
        pairs.append(augment(one.frame, one.mask, side, rng, PLAX))
    for k in rng.integers(len(examples.others), size=OTHERS):
        picture = examples.others[k]
        pairs.append(augment(picture, np.zeros_like(picture), side, rng, ANY))
    return np.stack([p[0] for p in pairs])[:, None], np.stack([p[1] for p in pairs]).astype(np.int64)


def loss_of(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy plus one minus soft Dice, mean over the structures that the batch holds."""
    share = logits.softmax(1)
    truth = functional.one_hot(mask, CLASSES).permute(0, 3, 1, 2).float()
    both, all_ = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
    return functional.cross_entropy(logits, mask) + 1 - (2 * both[1:] / all_[1:].clamp_min(1)).mean()


def fresh_network() -> nn.Module:
    """A U-Net whose layers but the last are those of `echo-apical`."""
    network = UNet(1, CLASSES)
    known = {k: v for k, v in weights.weight("echo-apical").state_dict().items() if not k.startswith("head.")}
    missing, unexpected = network.load_state_dict(known, strict=False)
    if unexpected or any(not name.startswith("head.") for name in missing):
        raise ValueError(f"echo-apical is no U-Net of the same shape: {missing[:3]}, {unexpected[:3]}")
    return network


def train(examples: Examples, steps: int, runs: Path) -> nn.Module:
    """The trained network (moving average of its weights), evaluation mode."""
    torch.manual_seed(SEED)
    network = fresh_network().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
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
            group["lr"] = RATE * min(1, (step + 1) / WARM_UP) * max(0.01, 0.5 * (1 + math.cos(math.pi * step / steps)))
        picture, mask = batch_of(examples, SMALL if step < SMALL_SHARE * steps else SIDE, rng)
        x = torch.from_numpy(picture).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x)
        loss = loss_of(logits.float(), torch.from_numpy(mask))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
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
