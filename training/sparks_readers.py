"""How the two spark readers learn from examples, and what is chosen for them on validation recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from engine.sparks.features import with_events
from engine.sparks.readers import KINDS, EventReader, FrameReader
from training.sparks_examples import Example

EVENT_STEPS, EVENT_BATCH = 9000, 512
FRAME_STEPS = 5000
RATE = 3e-3
SMOOTHED = 0.02  # of each event's label: candidates at the border of what counts as found are a matter of luck
SHORTEST = 20  # working frames of a piece cut out of a recording
SPARK = KINDS.index("spark")


@dataclass(frozen=True)
class Counts:
    """Events of one or many recordings that were found, missed and claimed beside any."""

    found: int
    missed: int
    extra: int

    @property
    def f1(self) -> float:
        return 2 * self.found / max(2 * self.found + self.missed + self.extra, 1)


def train_events(examples: Sequence[Example], features: int, members: int = 1, seed: int = 0) -> EventReader:
    """A reader of candidate events that reads the first `features` of them, by cross-entropy over all candidates."""
    some = [e for e in examples if len(e.kinds)]
    inputs = torch.from_numpy(np.concatenate([e.events[:, :features] for e in some]))
    kinds = torch.from_numpy(np.concatenate([e.kinds for e in some]))
    reader = EventReader(features, members=members)
    reader.members = torch.nn.ModuleList(_member(inputs, kinds, seed + k) for k in range(members))
    return reader.eval()


def _member(inputs: torch.Tensor, kinds: torch.Tensor, seed: int) -> torch.nn.Module:
    """One network of the reader, from its own start and order of examples."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    (network,) = EventReader(inputs.shape[1]).members
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EVENT_STEPS)
    for _ in range(EVENT_STEPS):
        rows = torch.from_numpy(rng.integers(0, len(inputs), EVENT_BATCH))
        loss = functional.cross_entropy(network(inputs[rows]), kinds[rows], label_smoothing=SMOOTHED)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
    return network


@torch.no_grad()
def event_logits(reader: EventReader, example: Example) -> np.ndarray:
    """(N, 3) raw logits of an example's candidates."""
    return reader(torch.from_numpy(example.events)).numpy().astype(float)


def spark_logit(logits: np.ndarray) -> np.ndarray:
    """(N,) log odds of being a spark against both other kinds."""
    others = np.delete(logits, SPARK, 1)
    return logits[:, SPARK] - np.logaddexp.reduce(others, axis=1)


def temperature_of(logits: np.ndarray, kinds: np.ndarray) -> float:
    """By what (N, 3) logits are divided so that their probabilities are the observed shares."""
    grid = np.exp(np.linspace(np.log(0.4), np.log(3.0), 60))
    wrong = [
        float(np.mean(np.logaddexp.reduce(logits / t, axis=1) - logits[np.arange(len(kinds)), kinds] / t)) for t in grid
    ]
    return float(grid[int(np.argmin(wrong))])


def count(example: Example, score: np.ndarray, threshold: float) -> Counts:
    """What a threshold on a score (N,) of the candidates finds of an example; puffs and waves are left out, as in the score."""
    said = (score >= threshold) & example.counted
    found = int((said & (example.kinds == SPARK)).sum())
    real = int((example.kinds == SPARK).sum()) + int(example.missed)
    return Counts(found, real - found, int(said.sum()) - found)


def total(counts: Sequence[Counts]) -> Counts:
    return Counts(sum(c.found for c in counts), sum(c.missed for c in counts), sum(c.extra for c in counts))


def mean_f1(examples: Sequence[Example], scores: Sequence[np.ndarray], threshold: float) -> float:
    """Mean over the conditions that hold sparks of the event F1; extra events of an `empty` recording count in each."""
    by_condition: dict[str, list[Counts]] = {}
    for example, score in zip(examples, scores, strict=True):
        by_condition.setdefault(example.condition, []).append(count(example, score, threshold))
    empty = total(by_condition.pop("empty", [])).extra / max(len(by_condition), 1)
    sums = [total(c) for c in by_condition.values()]
    return float(np.mean([2 * s.found / max(2 * s.found + s.missed + s.extra + empty, 1) for s in sums]))


def best_threshold(examples: Sequence[Example], scores: Sequence[np.ndarray], grid: np.ndarray) -> float:
    """The threshold with the best mean F1: the middle of those within 0.003 of the best, since neighbours differ by luck."""
    reached = np.array([mean_f1(examples, scores, t) for t in grid])
    return float(np.median(grid[reached >= reached.max() - 0.003]))


# --- frames ---------------------------------------------------------------------------------------------------------


def described(example: Example, reader: EventReader, temperature: float) -> np.ndarray:
    """(T, FRAME_FEATURES): what the frame reader sees of an example."""
    return with_events(example.frames, example.spans, spark_logit(event_logits(reader, example) / temperature))


def train_frames(inputs: Sequence[np.ndarray], firing: Sequence[np.ndarray], seed: int = 0) -> FrameReader:
    """A reader of frames: each frame's own answer and, by attention, the answer for a piece of random length.

    inputs: (T, FRAME_FEATURES) per recording; firing: (T,) bool, whether a spark is in the frame.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    reader = FrameReader()
    optimiser = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, FRAME_STEPS)
    for _ in range(FRAME_STEPS):
        losses = []
        for _ in range(4):
            losses.append(_piece_loss(reader, inputs, firing, rng))
        optimiser.zero_grad()
        torch.stack(losses).mean().backward()
        optimiser.step()
        cycle.step()
    return reader.eval()


def _piece_loss(
    reader: FrameReader, inputs: Sequence[np.ndarray], firing: Sequence[np.ndarray], rng: np.random.Generator
) -> torch.Tensor:
    """One piece of one recording; in half of them, frames that fire are removed so that quiet recordings are as frequent."""
    number = int(rng.integers(len(inputs)))
    frames = len(inputs[number])
    length = int(rng.integers(min(SHORTEST, frames), frames + 1))
    start = int(rng.integers(0, frames - length + 1))
    there = firing[number][start : start + length]
    kept = ~there if rng.random() < 0.5 and (~there).sum() >= 4 else np.ones(length, bool)
    features = torch.from_numpy(inputs[number][start : start + length])
    frame, _, whole = reader(features, torch.from_numpy(kept))
    truth = torch.from_numpy(there.astype(np.float32))
    answer = torch.tensor(float((there & kept).any()))
    return functional.binary_cross_entropy_with_logits(
        frame, truth
    ) + 0.5 * functional.binary_cross_entropy_with_logits(whole, answer)


@torch.no_grad()
def read(reader: FrameReader, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Frame logits (T,), attention (T,) and the recording's logit, raw."""
    frame, attention, whole = reader(torch.from_numpy(inputs))
    return frame.numpy(), attention.numpy(), float(whole)


def platt(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """shift and temperature with which (logit + shift) / temperature is calibrated on (N,) bool truth, mildly regularised."""
    from scipy.optimize import minimize

    def loss(at: np.ndarray) -> float:
        z = (logits + at[0]) / np.exp(at[1])
        return float((np.logaddexp(0, z) - truth * z).sum() + 0.5 * (at**2).sum())

    found = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return float(found[0]), float(np.exp(found[1]))
