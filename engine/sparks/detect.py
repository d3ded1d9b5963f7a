"""From a recording to its sparks: windows of bounded size are read, standardised, searched and judged one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from engine.models import LoadedModel
from engine.progress import Progress
from engine.sparks import baseline, features
from engine.sparks.baseline import Grid, Rest
from engine.sparks.candidates import Candidate, find_candidates, shifted
from engine.sparks.events import SlowRelease, slow_releases
from engine.sparks.readers import KINDS
from engine.sparks.recording import Recording

WINDOW_SAMPLES = 4_000_000  # of the working grid in one window: bounds the memory
OVERLAP_MS = 240.0  # of successive windows: a spark and its rest fit in
READ_BYTES = 64 << 20  # read from the file at once
DEFAULT_UM, DEFAULT_MS = 0.2, 8.0  # assumed for finding, never for reporting, where the reader states none
DEFAULT_LINE_UM, DEFAULT_LINE_MS = 0.1, 1.0


@dataclass(frozen=True)
class Judged:
    """A candidate of the whole recording with its probabilities in the order of KINDS and its working frames."""

    candidate: Candidate
    probabilities: np.ndarray
    span: tuple[int, int]

    @property
    def spark(self) -> float:
        return float(self.probabilities[KINDS.index("spark")])


@dataclass(frozen=True)
class Detection:
    """judged: every candidate. frames: (T', FRAME_FEATURES) per working frame. resting: (H', W') F0 of the first window.

    cell: (H', W') bool. background: counts. slow: puffs and waves.
    """

    grid: Grid
    judged: tuple[Judged, ...]
    frames: np.ndarray
    resting: np.ndarray
    cell: np.ndarray
    background: float
    bleaching: float  # F0 at the end over F0 at the start
    drift_um: float
    slow: tuple[SlowRelease, ...]
    noise: float  # deviation of a working sample relative to F0, median over the cell


def assumed_grid(recording: Recording) -> Grid:
    """The working grid, on assumed sizes where the recording's are unknown."""
    um = recording.um_per_px or (DEFAULT_LINE_UM if recording.line_scan else DEFAULT_UM)
    ms = recording.ms_per_frame or (DEFAULT_LINE_MS if recording.line_scan else DEFAULT_MS)
    return baseline.working_grid(um, ms, recording.line_scan)


def detect(recording: Recording, reader: LoadedModel, background: float | None, progress: Progress) -> Detection:
    """Every candidate event of a recording, judged; `background` in counts if the reader of the study knows it."""
    grid = assumed_grid(recording)
    frames = -(-recording.shape[0] // grid.bin_frames)
    windows = _windows(recording, grid, frames)
    judged: list[Judged] = []
    described: list[np.ndarray] = []
    slow: list[SlowRelease] = []
    rests: list[Rest] = []
    for number, (start, stop, core_start, core_stop) in enumerate(windows):
        progress(number / len(windows), "looking for sparks")
        samples = _read(recording, grid, start, stop)
        rest = baseline.rest_of(samples, background)
        z, worth = baseline.standardise(samples, rest)
        search = find_candidates(z, worth, rest, grid)
        z, worth, rest = search.z, search.worth, search.rest
        logits = judge(reader, features.event_features(search, z, worth, rest, grid))
        spans = np.array([features.frame_span(c, grid, len(z)) for c in search.candidates], int).reshape(-1, 2)
        spark = logits[:, KINDS.index("spark")] - np.logaddexp.reduce(
            np.delete(logits, KINDS.index("spark"), 1), axis=1
        )
        told = features.with_events(features.frame_features(search, z, rest), spans, spark)
        described.append(told[core_start - start : core_stop - start])
        probabilities = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        for candidate, chance, span in zip(search.candidates, probabilities, spans, strict=True):
            if core_start <= candidate.peak[0] + start < core_stop:
                moved = shifted(candidate, start * grid.ms, start)
                judged.append(Judged(moved, chance, (int(span[0]) + start, int(span[1]) + start)))
        slow += [
            s
            for s in slow_releases(z, worth, rest, grid, start)
            if core_start <= s.t_start // grid.bin_frames < core_stop or (number == 0 and s.t_start == 0)
        ]
        rests.append(replace(rest, drift=rest.drift[[0, -1]]))
    first = rests[0]
    bleaching = float(
        np.median(rests[-1].f0[first.cell])
        * rests[-1].bleaching[-1]
        / max(float(np.median(first.f0[first.cell]) * first.bleaching[0]), 1e-6)
    )
    return Detection(
        grid,
        tuple(judged),
        np.concatenate(described),
        first.f0,
        first.cell,
        first.background,
        bleaching,
        float(max(np.hypot(*(r.drift[-1] - r.drift[0])) for r in rests) * grid.um),
        tuple(slow),
        float(np.median(first.noise[first.cell] / first.f0[first.cell])),
    )


def judge(reader: LoadedModel, events: np.ndarray) -> np.ndarray:
    """(N, 3) logits of events described by (N, features), sharpened or softened to calibration."""
    import torch

    if not len(events):
        return np.zeros((0, len(KINDS)))
    with reader.lock, torch.no_grad():
        logits = reader.module(torch.from_numpy(events).to(reader.device)).float().cpu().numpy()
    return logits.astype(float) / float(reader.weight.operating["temperature"])


def _windows(recording: Recording, grid: Grid, frames: int) -> list[tuple[int, int, int, int]]:
    """(start, stop, core start, core stop) in working frames; the cores share the recording out."""
    per_frame = -(-recording.shape[1] // grid.bin_rows) * -(-recording.shape[2] // grid.bin_px)
    overlap = max(8, round(OVERLAP_MS / grid.ms))
    length = int(np.clip(WINDOW_SAMPLES // per_frame, 3 * overlap, baseline.WINDOW_FRAMES))
    if frames <= length:
        return [(0, frames, 0, frames)]
    count = -(-(frames - overlap) // (length - overlap))
    starts = np.linspace(0, frames - length, count).round().astype(int)
    middles = [(int(a) + length + int(b)) // 2 for a, b in pairwise(starts)]
    edges = [0, *middles, frames]
    return [(int(s), int(s) + length, a, b) for s, a, b in zip(starts, edges[:-1], edges[1:], strict=True)]


def _read(recording: Recording, grid: Grid, start: int, stop: int) -> np.ndarray:
    """Working frames start to stop, read in pieces."""
    frame_bytes = recording.shape[1] * recording.shape[2] * 8
    piece = max(1, READ_BYTES // (frame_bytes * grid.bin_frames))
    parts = []
    for first in range(start, stop, piece):
        last = min(first + piece, stop)
        block = recording.read(first * grid.bin_frames, min(last * grid.bin_frames, recording.shape[0]))
        parts.append(baseline.to_grid(block, grid))
    return np.concatenate(parts)
