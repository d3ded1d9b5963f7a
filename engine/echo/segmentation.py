"""Structures in every frame of a recording: probabilities per pixel, steady in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch

from engine import devices
from engine.models import LoadedModel
from engine.progress import Progress, part

BATCH = 16
STEADY = (0.25, 0.5, 0.25)  # weights of the frame before, the frame and the next; a beat has 15 frames or more
PIECE = 64  # frames that are steadied together
LOOKS = ((0.0, 1.0), (5.0, 1.0), (-5.0, 1.0), (0.0, 1.08), (0.0, 0.92))  # degrees turned and scale of the square
FEW = 64  # frames: a recording of one or two beats, which every network has the time to see whole


def segment(squares: np.ndarray, model: LoadedModel, progress: Progress) -> np.ndarray:
    """(T, S, S) uint8 frames -> (T, K, S, S) float16 probabilities."""
    return np.concatenate([part for _, part in _batches(squares, model, progress)])


def _batches(squares: np.ndarray, model: LoadedModel, progress: Progress) -> Iterator[tuple[int, np.ndarray]]:
    """Of each batch its first frame's number, and its (n, K, S, S) float16 probabilities."""
    for at in range(0, len(squares), BATCH):
        progress(at / len(squares), f"Drawing the structures in frame {at + 1} of {len(squares)}")
        with model.lock, torch.inference_mode(), devices.autocast(model.device):
            x = torch.from_numpy(squares[at : at + BATCH, None].astype(np.float32) / 255).to(model.device)
            logits = model.module(x.contiguous(memory_format=torch.channels_last))
            said = logits.float().softmax(1).half().cpu().numpy()
        yield at, said


def agreed(squares: np.ndarray, models: Sequence[LoadedModel], progress: Progress) -> np.ndarray:
    """The mean of what several networks say of each frame, (T, K, S, S) float16: low where they do not agree."""
    said = [
        segment(squares, model, part(progress, k / len(models), (k + 1) / len(models)))
        for k, model in enumerate(models)
    ]
    return np.stack(said).mean(axis=0, dtype=np.float32).astype(np.float16)


def looked_again(squares: np.ndarray, models: Sequence[LoadedModel], progress: Progress) -> np.ndarray:
    """As `agreed`, over LOOKS at each frame, turned and scaled back: for frames that have no neighbours to be steadied by.

    Class 0 is the background: it lies beyond the square's edge.
    """
    side = squares.shape[-1]
    total: np.ndarray | None = None
    for k, (turn, scale) in enumerate(LOOKS):
        there = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, turn, scale)
        seen = np.stack([cv2.warpAffine(square, there, (side, side)) for square in squares])
        said = agreed(seen, models, part(progress, k / len(LOOKS), (k + 1) / len(LOOKS))).astype(np.float32)
        beyond = [1.0, *[0.0] * (said.shape[1] - 1)]
        back = np.stack([_moved(shares, cv2.invertAffineTransform(there), beyond) for shares in said])
        total = back if total is None else total + back
    assert total is not None
    return (total / len(LOOKS)).astype(np.float16)


def _moved(shares: np.ndarray, matrix: np.ndarray, beyond: Sequence[float]) -> np.ndarray:
    """(K, S, S) float32 -> the same, each class moved alike. beyond: (K,) what comes in over the edge."""
    side = (shares.shape[-1],) * 2
    return np.stack([cv2.warpAffine(s, matrix, side, borderValue=edge) for s, edge in zip(shares, beyond, strict=True)])


def in_turn(squares: np.ndarray, models: Sequence[LoadedModel], progress: Progress) -> np.ndarray:
    """As `segment`, one frame by one network, the next by the next: with two of them and `steadied`, every frame between
    the first and the last rests on both alike, in the time of one. A recording of FEW frames or less is `agreed` upon.

    The probabilities lie in memory once, however long the recording.
    """
    if len(squares) <= FEW or len(models) == 1:
        return agreed(squares, models, progress)
    shares: np.ndarray | None = None
    for k, model in enumerate(models):
        own = part(progress, k / len(models), (k + 1) / len(models))
        for at, said in _batches(squares[k :: len(models)], model, own):
            if shares is None:
                shares = np.empty((len(squares), *said.shape[1:]), said.dtype)
            shares[k :: len(models)][at : at + len(said)] = said
    assert shares is not None
    return shares


def steadied(shares: np.ndarray) -> np.ndarray:
    """The weighted mean of each frame's probabilities with its neighbours'; recordings of one or two frames stay as they are.

    It is put in the place of `shares`, piece by piece: those of a long recording fill most of the memory that there may be.
    """
    if len(shares) < 3:
        return shares
    before, here, after = STEADY
    raw = torch.from_numpy(shares)  # torch adds float16 several times faster than NumPy
    last = raw[:1].clone()
    for at in range(0, len(raw), PIECE):
        piece = raw[at : at + PIECE]
        beyond = raw[min(at + PIECE, len(raw) - 1)][None]
        padded = torch.cat([last, piece, beyond])
        last = padded[-2:-1]
        piece.copy_(here * padded[1:-1]).add_(padded[:-2], alpha=before).add_(padded[2:], alpha=after)
    return shares
