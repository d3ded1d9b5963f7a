"""Structures in every frame of a recording: probabilities per pixel, steady in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from engine import devices
from engine.models import LoadedModel
from engine.progress import Progress, part

BATCH = 16
STEADY = (0.25, 0.5, 0.25)  # weights of the frame before, the frame and the next; a beat has 15 frames or more


def segment(squares: np.ndarray, model: LoadedModel, progress: Progress) -> np.ndarray:
    """(T, S, S) uint8 frames -> (T, K, S, S) float16 probabilities."""
    parts = []
    for at in range(0, len(squares), BATCH):
        progress(at / len(squares), f"Drawing the structures in frame {at + 1} of {len(squares)}")
        with model.lock, torch.inference_mode(), devices.autocast(model.device):
            x = torch.from_numpy(squares[at : at + BATCH, None].astype(np.float32) / 255).to(model.device)
            logits = model.module(x.contiguous(memory_format=torch.channels_last))
            parts.append(logits.float().softmax(1).half().cpu().numpy())
    return np.concatenate(parts)


def agreed(squares: np.ndarray, models: Sequence[LoadedModel], progress: Progress) -> np.ndarray:
    """The mean of what several networks say of each frame, (T, K, S, S) float16: low where they do not agree."""
    said = [
        segment(squares, model, part(progress, k / len(models), (k + 1) / len(models)))
        for k, model in enumerate(models)
    ]
    return np.stack(said).mean(axis=0, dtype=np.float32).astype(np.float16)


def in_turn(squares: np.ndarray, models: Sequence[LoadedModel], progress: Progress) -> np.ndarray:
    """As `segment`, one frame by one network, the next by the next: with two of them and `steadied`, every frame between
    the first and the last rests on both alike, in the time of one. A recording of one or two frames is `agreed` upon.
    """
    if len(squares) < 3 or len(models) == 1:
        return agreed(squares, models, progress)
    shares: np.ndarray | None = None
    for k, model in enumerate(models):
        said = segment(squares[k :: len(models)], model, part(progress, k / len(models), (k + 1) / len(models)))
        if shares is None:
            shares = np.empty((len(squares), *said.shape[1:]), said.dtype)
        shares[k :: len(models)] = said
    assert shares is not None
    return shares


def steadied(shares: np.ndarray) -> np.ndarray:
    """The weighted mean of each frame's probabilities with its neighbours'; recordings of one or two frames stay as they are."""
    if len(shares) < 3:
        return shares
    before, here, after = STEADY
    raw = torch.from_numpy(shares)  # torch adds float16 several times faster than NumPy
    smooth = here * raw
    smooth[1:] += before * raw[:-1]
    smooth[:-1] += after * raw[1:]
    smooth[0] += before * raw[0]
    smooth[-1] += after * raw[-1]
    return smooth.numpy()
