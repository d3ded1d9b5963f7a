"""Trains one member of the ECG ensemble: loss over known labels, balanced draws, averaged weights, resumable."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.ecg.classifier import ENCODER_STEP, EcgClassifier
from training.ecg_augment import Layout, batch, draw_layout
from training.ecg_records import AUXILIARY, EcgRecords

AVERAGE = 0.995  # weight of the past in the averaged network, per step
AUXILIARY_WEIGHT = 0.4
WANTED_SHARE = 0.08  # of the draws, for each class


@dataclass(frozen=True)
class Schedule:
    """epochs: times `draws` records; learning_rate: the peak of one cycle."""

    epochs: int = 16
    draws: int = 2560
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    seed: int = 0


class Taught(nn.Module):
    """A classifier of one member with the auxiliary statements beside it; only the classifier is kept."""

    def __init__(self, classifier: EcgClassifier) -> None:
        super().__init__()
        self.classifier = classifier
        rhythm = classifier.rhythms[0]
        self.statements = nn.Linear(rhythm.score.in_features, len(AUXILIARY))

    def forward(self, x: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        """(B, 9) and (B, len(AUXILIARY)) logits. Only the layout's tiles are encoded."""
        tokens, missing = self.classifier.read(
            _encoded(self.classifier.encoders[0], x, layout), functional.avg_pool1d(x[:, 1], ENCODER_STEP)
        )[0]
        given = ~missing[:, :, None]
        middle = (tokens * given).sum(1) / given.sum(1).clamp(min=1)
        return self.classifier.rhythms[0].logits(tokens, missing), self.statements(middle)


def _encoded(encoder: nn.Module, x: Tensor, layout: Layout) -> Tensor:
    """(B, C, 12, T/4) features: each tile is encoded as a row of its own and put to its lead and time, 0 elsewhere."""
    reach = layout.length
    padded = functional.pad(x, (0, max(first + reach for _, first in layout.tiles) - x.shape[-1]))
    rows = torch.stack([padded[:, :, lead, first : first + reach] for lead, first in layout.tiles], 2)
    found = encoder(rows.contiguous(memory_format=torch.channels_last))
    if found.shape[-1] == x.shape[-1] // ENCODER_STEP and len(layout.tiles) == x.shape[2]:
        return found
    by_lead: dict[int, list[tuple[int, Tensor]]] = {}
    for (lead, first), row in zip(layout.tiles, found.unbind(2), strict=True):
        by_lead.setdefault(lead, []).append((first // ENCODER_STEP, row))
    width = x.shape[-1] // ENCODER_STEP
    empty = found.new_zeros(found.shape[0], found.shape[1], width)
    return torch.stack([_line(by_lead.get(lead, []), empty) for lead in range(x.shape[2])], 2)


def _line(pieces: list[tuple[int, Tensor]], empty: Tensor) -> Tensor:
    """One lead's features (B, C, T') from its pieces; where two overlap, each counts up to the middle of the overlap."""
    if not pieces:
        return empty
    width, parts, done = empty.shape[-1], [empty[..., : pieces[0][0]]], pieces[0][0]
    for k, (first, piece) in enumerate(pieces):
        end = min(first + piece.shape[-1], width)
        if k + 1 < len(pieces) and pieces[k + 1][0] < end:
            end = (pieces[k + 1][0] + end) // 2
        parts.append(piece[..., done - first : end - first])
        done = end
    return torch.cat([*parts, empty[..., done:]], -1)


def train(
    records: EcgRecords, schedule: Schedule, folder: Path, classes: np.ndarray, log: Callable[[str], None]
) -> EcgClassifier:
    """One averaged network on all of these records; goes on from `folder/checkpoint.pt` if there is one.

    classes: (9,) bool, the classes that enter the loss.
    """
    torch.manual_seed(schedule.seed)
    model = Taught(EcgClassifier()).to(memory_format=torch.channels_last)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE), use_buffers=True
    )
    steps = schedule.draws // schedule.batch
    optimiser = torch.optim.AdamW(_groups(model, schedule.weight_decay), schedule.learning_rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, epochs=schedule.epochs, steps_per_epoch=steps, pct_start=0.15
    )
    parts: dict[str, Any] = {"model": model, "averaged": averaged, "optimiser": optimiser, "cycle": cycle}
    path = folder / "checkpoint.pt"
    folder.mkdir(parents=True, exist_ok=True)
    first = _resume(path, parts, schedule)
    chances = draw_chances(records)
    for epoch in range(first, schedule.epochs):
        rng = np.random.default_rng([schedule.seed, epoch])
        began, losses = time.monotonic(), []
        rows = rng.choice(len(records), steps * schedule.batch, p=chances).reshape(steps, -1)
        model.train()
        for some in rows:
            layout = draw_layout(rng)
            x, labels = batch(records, some, layout, rng)
            labels[:, ~classes] = np.nan
            losses.append(_step(model, x, layout, labels, records.auxiliary[some], optimiser))
            cycle.step()
            averaged.update_parameters(model)
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save(state | {"epoch": epoch + 1, "schedule": asdict(schedule)}, path)
        log(
            f"{folder.name} epoch {epoch + 1}/{schedule.epochs} loss {np.mean(losses):.4f} {time.monotonic() - began:.0f} s"
        )
    kept = EcgClassifier()
    kept.load_state_dict(cast(Taught, averaged.module).classifier.state_dict())
    return kept.eval()


def draw_chances(records: EcgRecords) -> np.ndarray:
    """(n,) chance of each record per draw: rare classes up to five times as often as they are."""
    positive = records.labels == 1
    wanted = np.clip(WANTED_SHARE * len(records) / np.maximum(positive.sum(0), 1), 1, 5)
    weight = 1 + (positive * (wanted - 1)).max(1)
    return weight / weight.sum()


@torch.no_grad()
def predict(model: EcgClassifier, x: np.ndarray, size: int = 32) -> np.ndarray:
    """(n, 9) logits."""
    model.eval()
    return np.concatenate([model(torch.from_numpy(x[k : k + size])).numpy() for k in range(0, len(x), size)])


def masked_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross-entropy over the known labels (not NaN)."""
    known = torch.isfinite(labels)
    loss = functional.binary_cross_entropy_with_logits(logits.float(), torch.nan_to_num(labels), reduction="none")
    return (loss * known).sum() / known.sum().clamp(min=1)


def _step(
    model: Taught,
    x: np.ndarray,
    layout: Layout,
    labels: np.ndarray,
    statements: np.ndarray,
    optimiser: torch.optim.Optimizer,
) -> float:
    with torch.autocast("cpu", torch.bfloat16):
        logits, others = model(torch.from_numpy(x), layout)
    loss = masked_loss(logits, torch.from_numpy(labels))
    total = loss + AUXILIARY_WEIGHT * masked_loss(others, torch.from_numpy(statements))
    optimiser.zero_grad()
    total.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def _groups(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weights decay, norms and biases do not."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _resume(path: Path, parts: dict[str, object], schedule: Schedule) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    if state["schedule"] != asdict(schedule):
        raise ValueError(f"{path} was begun with another schedule ({state['schedule']}); use another run folder.")
    for name, part in parts.items():
        part.load_state_dict(state[name])  # type: ignore[attr-defined]
    return int(state["epoch"])
