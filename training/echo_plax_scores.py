"""How well `echo-plax` draws a clip that it never learnt from: overlap and sizes on the traced frames, as the app gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.echo.recording import squares_of
from engine.echo.sector import Sector
from engine.echo_plax.anatomy import STRUCTURES
from engine.echo_plax.calipers import NAMES as LINES
from engine.echo_plax.calipers import Calipers, measure
from engine.echo_plax.dimensions import over_time
from engine.echo_plax.pencil import Pencil
from engine.echo_plax.segmentation import Drawn, floor, least, lifted, look, seen_square
from engine.models import LoadedModel
from engine.progress import silent
from engine.videos import Video
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
    size_errors: np.ndarray  # (frames, 5) relative, of the sizes by `calipers.NAMES`; NaN where either side has none

    @property
    def mean_iou(self) -> float:
        """Mean over the structures of their means over the frames."""
        return float(np.mean([np.nanmean(column) for column in self.iou.T if np.isfinite(column).any()]))


def score(data: Path, folders: Iterable[Path], clip: str, model: LoadedModel, steady: bool = True) -> ClipScore:
    """The clip drawn and measured by the app's own steps, against its traced frames.

    steady: False: the traced frames alone, each by itself.
    """
    truth: dict[int, Path] = {}
    for folder in folders:
        truth |= mask_files(folder, clip)
    numbers = tuple(sorted(truth))
    video, opening, frames = open_clip(clip_file(data, clip))
    box = look(opening, model).box
    squares = lifted(squares_of(frames, opening.sector, box, silent), seen_square(opening.sector, box), floor(model))
    pencil = Pencil(model, box, least(model))
    shares: Sequence[np.ndarray] = (
        list(pencil.draw_all(squares, silent)) if steady else [pencil.draw(squares[[n]])[0] for n in numbers]
    )
    curves = over_time(calipers_of(shares, pencil, video, opening.sector), None, video.frame_rate_hz).curves
    at = list(numbers) if steady else list(range(len(numbers)))
    drawn = Drawn(squares[list(numbers)], np.stack([shares[k] for k in at]), box, least(model))
    masks = np.stack(list(drawn.full_masks((video.height, video.width))))
    traced = [read_mask(truth[n], (video.height, video.width)) for n in numbers]
    iou = np.stack([_overlaps(t, m) for t, m in zip(traced, masks, strict=True)])
    sizes = [
        _size_errors(truth[n], {name: curves[name][k] for name in LINES}) for n, k in zip(numbers, at, strict=True)
    ]
    squared = np.stack([shrunk_mask(t, box) for t in traced])
    return ClipScore(clip, numbers, iou, drawn, masks, squared, np.stack(sizes))


def calipers_of(shares: Iterable[np.ndarray], pencil: Pencil, video: Video, sector: Sector) -> list[Calipers]:
    """What is read in frames of which the (7, S, S) probabilities are given, in px of the frame."""
    size = (video.height, video.width)
    return [measure(pencil.mask(s, pencil.confidence(s), size), seen=sector.mask) for s in shares]


def _size_errors(mask_file: Path, found: Mapping[str, float]) -> np.ndarray:
    """(5,) of one frame against the calliper lines traced with its mask (CLIP_FFF.json beside CLIP_FFF_mask.png)."""
    file = mask_file.with_name(mask_file.name.replace("_mask.png", ".json"))
    lines = json.loads(file.read_text(encoding="utf-8")).get("lines", {}) if file.is_file() else {}
    traced = [float(np.hypot(*np.subtract(*lines[name]))) if name in lines else np.nan for name in LINES]
    return np.abs(np.array([found[name] for name in LINES]) / traced - 1)


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
