"""How well `echo-plax` draws a clip that it never learnt from: overlap on the traced frames, as the app draws them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.echo.recording import squares_of
from engine.echo_plax.anatomy import STRUCTURES
from engine.echo_plax.calipers import NAMES as LINES
from engine.echo_plax.calipers import Calipers, measure
from engine.echo_plax.pencil import Pencil
from engine.echo_plax.segmentation import Drawn, floor, least, lifted, look, seen_square
from engine.models import LoadedModel
from engine.progress import silent
from training.echo_plax_data import clip_file, mask_files, open_clip, read_mask, shrunk_mask

NAMES = ("lv", "septum", "left_atrium", "rv", "outer_wall", "aorta")


@dataclass(frozen=True)
class ClipScore:
    """iou: (frames, 6) overlap, NaN where the tracing leaves the structure out. numbers: (frames,) which frames."""

    clip: str
    numbers: tuple[int, ...]
    iou: np.ndarray
    drawn: Drawn
    masks: np.ndarray  # (frames, H, W) uint8
    truth: np.ndarray  # (frames, SIDE, SIDE) uint8: the tracings in the network's squares
    size_errors: (
        np.ndarray
    )  # (frames, 5) relative errors of the callipers by `calipers.NAMES`, NaN where either side has none

    @property
    def mean_iou(self) -> float:
        """Mean over the structures of their means over the frames."""
        return float(np.mean([np.nanmean(column) for column in self.iou.T if np.isfinite(column).any()]))


def score(data: Path, folders: Iterable[Path], clip: str, model: LoadedModel, steady: bool = True) -> ClipScore:
    """The clip drawn by the app's own steps, against its traced frames. steady: False: each frame by itself."""
    truth: dict[int, Path] = {}
    for folder in folders:
        truth |= mask_files(folder, clip)
    video, opening, frames = open_clip(clip_file(data, clip))
    box = look(opening, model).box
    grey = squares_of(frames, opening.sector, box, silent)
    squares = lifted(grey, seen_square(opening.sector, box), floor(model))
    numbers = tuple(sorted(truth))
    pencil = Pencil(model, box, least(model))
    chosen = squares[list(numbers)]
    shares = (
        pencil.draw_some(squares, numbers) if steady else np.concatenate([pencil.draw(one[None]) for one in chosen])
    )
    drawn = Drawn(chosen, shares, box, least(model))
    masks = np.stack(list(drawn.full_masks((video.height, video.width))))
    traced = [read_mask(truth[n], (video.height, video.width)) for n in numbers]
    iou = np.stack([_overlaps(t, m) for t, m in zip(traced, masks, strict=True)])
    sizes = [
        _size_errors(truth[n], measure(mask, seen=opening.sector.mask)) for n, mask in zip(numbers, masks, strict=True)
    ]
    squared = np.stack([shrunk_mask(t, box) for t in traced])
    return ClipScore(clip, numbers, iou, drawn, masks, squared, np.stack(sizes))


def _size_errors(mask_file: Path, found: Calipers) -> np.ndarray:
    """(5,) of one frame against the calliper lines traced with its mask (CLIP_FFF.json beside CLIP_FFF_mask.png)."""
    file = mask_file.with_name(mask_file.name.replace("_mask.png", ".json"))
    lines = json.loads(file.read_text(encoding="utf-8")).get("lines", {}) if file.is_file() else {}
    errors = np.full(len(LINES), np.nan)
    for k, name in enumerate(LINES):
        read = getattr(found, name)
        if read is not None and name in lines:
            errors[k] = abs(read.length / np.hypot(*np.subtract(*lines[name])) - 1)
    return errors


def temperature(scores: Sequence[ClipScore]) -> float:
    """What the logits have to be divided by so that the tracings are likeliest, every clip weighing the same."""
    candidates = np.exp(np.linspace(-0.7, 1.4, 43))
    cost = [np.mean([_surprise(score, t) for score in scores]) for t in candidates]
    return round(float(candidates[int(np.argmin(cost))]), 3)


def _surprise(score: ClipScore, t: float) -> float:
    share = np.clip(score.drawn.shares.astype(np.float32), 1e-6, 1) ** (1 / t)
    right = np.take_along_axis(share, score.truth[:, None].astype(np.int64), 1)[:, 0] / share.sum(1)
    return float(-np.log(right).mean())


def calibration_gap(scores: Sequence[ClipScore]) -> float:
    """Mean distance of confidence and accuracy over ten bins of confidence, weighed by their pixels (ECE)."""
    sure = np.concatenate([s.drawn.shares.max(1).astype(np.float32).ravel() for s in scores])
    right = np.concatenate([(s.drawn.shares.argmax(1) == s.truth).ravel() for s in scores])
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        (bins == k).mean() * abs(sure[bins == k].mean() - right[bins == k].mean())
        for k in range(10)
        if (bins == k).any()
    ]
    return float(np.sum(gaps))


def _overlaps(truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    found = []
    for structure in STRUCTURES:
        a, b = truth == structure, mask == structure
        found.append((a & b).sum() / (a | b).sum() if a.any() else np.nan)
    return np.array(found)
