"""Trains `echo-ef-view`: four chambers, or anything else. Part of `python -m training echo-ef --data DIR`.

No set of two- or three-chamber views was at hand. They are made of four-chamber frames: in the upright picture the half
with the right heart is taken away and the mirrored lateral half of another patient is put in its place. So that the seam
tells nothing, true four-chamber pictures are joined of two patients in the same way. Frames of other views (clips that
allow training) and of other organs' pictures, laid upright by an axis at random, are the other negatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from engine.echo_ef.view import APEX, SIDE, ViewNet, upright
from engine.echo_ef.volumes import Discs, discs
from training.echo_augment import augment
from training.echo_segmentation import SIZE, Frames, read_camus, read_others

SEED = 21
STEPS = 1500
BATCH = 32
KINDS = ("four chambers", "four chambers of two patients", "two halves without a right heart", "another view")
SHARES = (0.3, 0.2, 0.3, 0.2)
MISSED = 0.03  # share of true four-chamber pictures that the threshold turns away
VALIDATED_ON = 800  # pictures of validation patients


def picture(frames: Frames, others: np.ndarray, kind: int, rng: np.random.Generator) -> np.ndarray | None:
    """(SIDE, SIDE) uint8 of one of KINDS; None where the random geometry pushed the ventricle out."""
    if kind == 3:
        return _another(others, rng)
    first = _upright(frames, rng)
    if first is None or kind == 0:
        return first
    second = _upright(frames, rng)
    if second is None:
        return None
    return _joined(first if kind == 1 else _mirrored(first), second, rng)


def _upright(frames: Frames, rng: np.random.Generator) -> np.ndarray | None:
    k = rng.integers(len(frames.images))
    image, mask = augment(frames.images[k], frames.masks[k], rng, strength=0.8, far=0.2)
    axis = discs(mask)
    return None if axis is None else upright((image * 255).astype(np.uint8), *_jittered(axis, rng))


def _jittered(axis: Discs, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Apex and mitral middle as a network would draw them: off by a few percent of its length."""
    off = rng.normal(0, 0.05 * axis.length, (2, 2))
    return np.add(axis.apex, off[0]), np.add(axis.mitral, off[1])


def _mirrored(picture: np.ndarray) -> np.ndarray:
    """The picture reflected about the long axis."""
    columns = np.clip(np.round(2 * APEX[0] - np.arange(SIDE)).astype(int), 0, SIDE - 1)
    return picture[:, columns] * (np.round(2 * APEX[0] - np.arange(SIDE)) < SIDE)


def _joined(left: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Left of the long axis one picture, right of it the other, over a soft seam; one gain for both."""
    seam = APEX[0] + rng.uniform(-6, 6)
    share = 1 / (1 + np.exp((np.arange(SIDE) - seam) / rng.uniform(0.7, 3)))
    gain = (right.mean() + 5) / (left.mean() + 5)
    return np.clip(left * min(gain, 2.0) * share + right * (1 - share), 0, 255).astype(np.uint8)


def _another(others: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    frame = others[rng.integers(len(others))][:, :: rng.choice([1, -1])]
    image, _ = augment(frame, np.zeros_like(frame), rng, strength=0.8)
    length, turn = rng.uniform(0.15, 0.5) * SIZE, rng.normal(0, 0.4)
    apex = rng.uniform((0.25, 0.05), (0.75, 0.5)) * SIZE
    mitral = apex + length * np.array([np.sin(turn), np.cos(turn)])
    return upright((image * 255).astype(np.uint8), apex, mitral)


def batch(frames: Frames, others: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(size, 1, SIDE, SIDE) float32 0..1 and (size,) kinds."""
    pictures: list[np.ndarray] = []
    kinds: list[int] = []
    while len(pictures) < size:
        kind = int(rng.choice(len(KINDS), p=SHARES))
        drawn = picture(frames, others, kind, rng)
        if drawn is not None:
            pictures.append(drawn)
            kinds.append(kind)
    return np.stack(pictures)[:, None].astype(np.float32) / 255, np.array(kinds)


def train(frames: Frames, others: np.ndarray, steps: int) -> ViewNet:
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    network = ViewNet().train()
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps)
    for step in range(steps):
        x, kinds = batch(frames, others, BATCH, rng)
        loss = functional.binary_cross_entropy_with_logits(
            network(torch.from_numpy(x)), torch.from_numpy((kinds < 2).astype(np.float32))
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        if step % 100 == 0:
            print(f"step {step} loss {float(loss.detach()):.3f}", flush=True)
    return network.eval()


@dataclass(frozen=True)
class Trained:
    """network; threshold: logit from which a view is taken; taken: per kind (name, share taken, pictures)."""

    network: ViewNet
    threshold: float
    taken: tuple[tuple[str, float, int], ...]


def trained(data: Path, runs: Path) -> Trained:
    """The network, trained or as an earlier run left it, with its threshold and figures on validation patients."""
    frames, others = read_camus(data / "camus_a4c"), read_others(data)
    final = runs / "final.pt"
    if final.is_file():
        network = ViewNet()
        network.load_state_dict(torch.load(final, weights_only=True))
    else:
        network = train(frames.of(~frames.validates), others, STEPS)
        runs.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), final)
    network = network.half().float().eval()  # as it is shipped
    x, kinds = batch(frames.of(frames.validates), others, VALIDATED_ON, np.random.default_rng(SEED + 1))
    with torch.inference_mode():
        logits = network(torch.from_numpy(x)).numpy()
    threshold = round(float(np.quantile(logits[kinds == 0], MISSED)), 2)
    taken = [
        (name, float((logits[kinds == k] >= threshold).mean()), int((kinds == k).sum())) for k, name in enumerate(KINDS)
    ]
    return Trained(network, threshold, tuple(taken))
