"""Which frames hold a spark, by the network that attends to all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.models import LoadedModel
from engine.sparks.baseline import Grid


@dataclass(frozen=True)
class FrameReading:
    """frame_probability, attention: (T,) per frame of the recording, attention sums to 1. probability: calibrated, 0..1."""

    frame_probability: np.ndarray
    attention: np.ndarray
    probability: float


def read_frames(model: LoadedModel, described: np.ndarray, grid: Grid, frames: int) -> FrameReading:
    """The reading of (T', FRAME_FEATURES) working frames, spread over the recording's own frames."""
    logits, attention, recording = attend(model, described)
    times = np.repeat(np.arange(len(described)), grid.bin_frames)[:frames]
    spread = attention[times] / grid.bin_frames
    return FrameReading(_sigmoid(logits)[times], spread / max(float(spread.sum()), 1e-12), float(_sigmoid(recording)))


def attend(
    model: LoadedModel, described: np.ndarray, kept: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Frame logits (T',), attention (T',) and the recording's logit, calibrated; `kept` removes frames from the recording."""
    import torch

    with model.lock, torch.no_grad():
        chosen = None if kept is None else torch.from_numpy(kept).to(model.device)
        frame, attention, recording = model.module(torch.from_numpy(described).to(model.device), chosen)
    operating = model.weight.operating
    whole = (float(recording) + float(operating["shift"])) / float(operating["temperature"])
    return frame.float().cpu().numpy() / float(operating["frame_temperature"]), attention.float().cpu().numpy(), whole


def _sigmoid(x: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))
