"""A U-Net over clips of light that corrects the outlines of fitted sparks: tried, measured beside the fit, not shipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from engine.models import LoadedModel
from engine.sparks.baseline import Grid, rest_of, standardise, to_grid, working_grid
from engine.sparks.candidates import Search, find_candidates
from engine.sparks.detect import judge
from engine.sparks.events import too_long
from engine.sparks.features import event_features
from engine.sparks.fit import Fit, marked_pixels
from engine.sparks.readers import KINDS
from engine.unet import UNet
from training.sparks_clips import DEVIATIONS, FITTED, INPUTS, OUTPUTS, clip_of, probabilities
from training.sparks_examples import clips_path, drawn, left_out
from training.sparks_simulator import Simulation

WIDTHS = (48, 64, 96)
STEPS, BATCH = 3000, 32
RATE = 2e-3
KEPT_EVERY = 200  # steps between checkpoints
LEVELS = np.round(np.arange(0.25, 0.61, 0.025), 3)  # of a pixel's probability, from which one is chosen on validation
CONDITIONS = ("snr1", "snr2", "mixed")  # whose outlines are measured


@dataclass(frozen=True)
class Overlap:
    """Pixels of one recording's sparks, marked and true: in both, in either. At every one of LEVELS, and by the fits alone."""

    condition: str
    both: np.ndarray
    either: np.ndarray
    both_fit: int
    either_fit: int

    def iou(self, level: float) -> float:
        at = int(np.argmin(np.abs(LEVELS - level)))
        return float(self.both[at] / max(self.either[at], 1))

    @property
    def iou_fit(self) -> float:
        return float(self.both_fit / max(self.either_fit, 1))


def train_pixels(folder: Path, number: int, checkpoint: Path, steps: int = STEPS, seed: int = 0) -> UNet:
    """The network, from the clips that the first `number` training examples in `folder` left there.

    Where a checkpoint is, the training goes on from it.
    """
    torch.manual_seed(seed)
    paths = [p for k in range(number) if (p := clips_path(folder, k)).is_file()]
    saved = [np.load(p) for p in paths]
    inputs = torch.from_numpy(np.concatenate([s["inputs"] for s in saved]))
    truth = torch.from_numpy(np.concatenate([s["truth"] for s in saved]))
    network = UNet(INPUTS, OUTPUTS, WIDTHS, dropout=0.0).to(memory_format=torch.channels_last)
    for parameter in network.head.parameters():  # it begins as the fit itself
        torch.nn.init.zeros_(parameter)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    first = _go_on(checkpoint, network, optimiser, cycle)
    for step in range(first, steps):
        rng = np.random.default_rng([seed, step])
        rows = torch.from_numpy(rng.integers(0, len(inputs), BATCH))
        loss = _loss(network, *_turned(inputs[rows].float(), truth[rows].float() / 255, rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        if (step + 1) % KEPT_EVERY == 0:
            print(f"pixels: step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)
            torch.save([step + 1, network.state_dict(), optimiser.state_dict(), cycle.state_dict()], checkpoint)
    return network.eval()


def overlaps(split: str, number: int, reader: LoadedModel, network: UNet) -> list[Overlap]:
    """How the marked pixels of whole simulated recordings lie on the true ones, missed and false sparks with them."""
    found = []
    for k in range(number):
        if k % 5 not in (1, 2, 3):  # of typical scenes, these are the CONDITIONS
            continue
        condition, simulation, _ = drawn(split, k, False)
        if condition in CONDITIONS:
            found.append(_overlap(condition, simulation, reader, network))
    return found


def _overlap(condition: str, simulation: Simulation, reader: LoadedModel, network: UNet) -> Overlap:
    scene, shape = simulation.scene, simulation.frames.shape
    grid = working_grid(scene.um_per_px, scene.ms_per_frame)
    samples = to_grid(simulation.frames, grid)
    rest = rest_of(samples)
    search = find_candidates(*standardise(samples, rest), rest, grid)
    fits = _sparks(search, reader, grid)
    marks, fitted = np.zeros((len(LEVELS), *shape), bool), np.zeros(shape, bool)
    for fit in fits:
        if (by_fit := marked_pixels(fit, scene.um_per_px, scene.ms_per_frame, shape, False)) is not None:
            fitted[by_fit[0]] |= by_fit[1] > 0
        clip = clip_of(search.z, search.worth, grid, fit, [o for o in fits if o is not fit])
        with torch.no_grad():
            added = network(torch.from_numpy(clip)[None].flatten(1, 2))[0].numpy()
        if (said := probabilities(fit, added, grid, shape)) is not None:
            for mark, level in zip(marks, LEVELS, strict=True):
                mark[said[0]] |= said[1] >= level
    counted = ~left_out(simulation)
    truth = simulation.mask("spark") & counted
    fitted &= counted
    marks &= counted
    return Overlap(
        condition,
        np.array([(m & truth).sum() for m in marks]),
        np.array([(m | truth).sum() for m in marks]),
        int((fitted & truth).sum()),
        int((fitted | truth).sum()),
    )


def _sparks(search: Search, reader: LoadedModel, grid: Grid) -> list[Fit]:
    """The fits of the candidates that the reader takes for sparks."""
    logits = judge(reader, event_features(search, search.z, search.worth, search.rest, grid))
    chances = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))[:, KINDS.index("spark")]
    limit = float(reader.weight.operating["threshold"])
    return [
        c.fit for c, chance in zip(search.candidates, chances, strict=True) if chance >= limit and not too_long(c.fit)
    ]


def best_level(found: Sequence[Overlap]) -> float:
    """The level of the best mean IoU: the middle of those within 0.002 of the best."""
    mean = np.array([np.mean([o.iou(level) for o in found]) for level in LEVELS])
    return float(np.median(LEVELS[mean >= mean.max() - 0.002]))


def _go_on(
    checkpoint: Path, network: UNet, optimiser: torch.optim.AdamW, cycle: torch.optim.lr_scheduler.OneCycleLR
) -> int:
    """The step that a checkpoint ends at, all its state taken over; 0 without one."""
    if not checkpoint.is_file():
        return 0
    step, weights, momenta, rate = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(weights)
    optimiser.load_state_dict(momenta)
    cycle.load_state_dict(rate)
    return int(step)


def _turned(inputs: torch.Tensor, truth: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips and truth mirrored and turned by right angles, all of a batch alike."""
    flips = [axis for axis in (-2, -1) if rng.random() < 0.5]
    turned = [t.flip(flips) if flips else t for t in (inputs, truth)]
    if rng.random() < 0.5:
        turned = [t.transpose(-2, -1) for t in turned]
    return turned[0], turned[1]


def _loss(network: UNet, inputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of every sample, and one less the soft IoU of the batch."""
    with torch.autocast("cpu", torch.bfloat16):
        added = network(inputs.flatten(1, 2).contiguous(memory_format=torch.channels_last))
    logits = DEVIATIONS * inputs[:, FITTED] + added.float()
    probability = torch.sigmoid(logits)
    both = (probability * truth).sum()
    either = (probability + truth - probability * truth).sum()
    return 4 * functional.binary_cross_entropy_with_logits(logits, truth) + 1 - both / either
