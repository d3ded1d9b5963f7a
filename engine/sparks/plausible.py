"""Is this a confocal recording at all? Photon noise is new in every frame and every pixel; a picture that moves is not.

In a recording of a cell most of the difference between neighbouring pixels is noise, and the difference between successive
frames of the same pixel is as large. In a panned picture or a page of text, neighbours differ because the picture has edges,
and successive frames hardly differ once a shift is taken out. In an echo cine they differ by whole patches, as speckle and
walls move; noise averages out over a patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import RefusedStudy
from engine.sparks.recording import Recording

MIDDLE = 512  # px of each side of the frames that are compared: their middle tells enough
PAIRS = 12  # pairs of successive frames that are compared
SHIFTS = 3  # px in each direction that a shift may have
NEWNESS = 0.45  # least variance between frames over variance between neighbouring pixels
PATCH = 8  # px of the blocks that a frame's change is averaged over
PATCHES = (
    0.15  # largest share of the change that they keep: noise 1/64, compressed noise 0.05, echo cines 0.24 and more
)
BLOCK = 16  # px and lines of the blocks that a line scan is averaged over
LINE_NOISE = 0.35  # least share of a line scan's robust variance that such blocks average out
CLEAR_LINE_NOISE = 0.55  # from this share on it is one whatever changes; real scans have 0.58 and more
LINE_PATCHES = 0.3  # largest share that patches keep below it: real scans 0.25, pictures 0.28 and more
TRIM = 0.98  # share of the squared differences that is averaged: events are left out


@dataclass(frozen=True)
class Change:
    """What changes from frame to frame beyond a shift, medians over pairs of successive frames.

    newness: its variance over that between neighbouring pixels. patches: the share of it that averages over PATCH px keep.
    """

    newness: float
    patches: float


def check_recording(recording: Recording) -> float:
    """How much of the change is noise: about 1 in a recording, near 0 in a moving or a still picture.

    Raises:
        RefusedStudy: `not_a_recording`.
    """
    if recording.line_scan:
        noise = line_noise(recording)
        if noise < LINE_NOISE or (noise < CLEAR_LINE_NOISE and line_patches(recording) > LINE_PATCHES):
            raise RefusedStudy(
                "not_a_recording",
                "The places of this picture do not stay the same from line to line, as they do in the line scan of a cell; "
                "choose a line scan with one line of time per row, or a recording with many frames.",
            )
        return noise
    change = frame_change(recording)
    if change.newness < NEWNESS:
        raise RefusedStudy(
            "not_a_recording",
            "Successive frames hardly differ beyond a shift, so this is a video of something else than a cell's calcium "
            "signal; choose a confocal recording as the microscope stored it.",
        )
    if change.patches > PATCHES:
        raise RefusedStudy(
            "not_a_recording",
            "From frame to frame whole patches change, as in a picture that moves, where a cell's calcium signal has the "
            "grain of photons; choose a confocal recording as the microscope stored it.",
        )
    return change.newness


def frame_change(recording: Recording) -> Change:
    """The change between successive frames of a recording of at least two."""
    count = recording.shape[0]
    found = []
    for first in np.unique(np.linspace(0, count - 2, min(PAIRS, count - 1)).astype(int)):
        pair = _middle(recording.read(int(first), int(first) + 2)).astype(np.float32)
        beside = np.concatenate([np.diff(pair, axis=2).ravel(), np.diff(pair, axis=1).ravel()])
        new = _least_difference(pair[0], pair[1])
        found.append((_power(new) / max(_power(beside), 1e-12), _kept_by_patches(new)))
    newness, patches = np.median(found, axis=0)
    return Change(float(newness), float(patches))


def line_noise(recording: Recording) -> float:
    """Share of the variance around each place's median that averages out over blocks; medians, so that sparks count little."""
    lines = _lines(recording)
    left = lines - np.median(lines, axis=0)
    rows, columns = (side // BLOCK * BLOCK for side in left.shape)
    if not rows or not columns:
        return 1.0  # too small to tell
    blocks = left[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).mean((1, 3))
    spread, coarse = (float(np.median(np.abs(v - np.median(v)))) for v in (left, blocks))
    return 1.0 - min(1.0, (coarse / spread) ** 2) if spread > 0 else 0.0


def line_patches(recording: Recording) -> float:
    """Share of the change between lines PATCH apart that patches keep, as `Change.patches`."""
    lines = _lines(recording)
    return _kept_by_patches(lines[PATCH:] - lines[:-PATCH])


def _lines(recording: Recording) -> np.ndarray:
    """(T, W) of the first lines of a line scan, without places that never change."""
    lines = recording.read(0, min(recording.shape[0], 4096))[:, 0].astype(np.float32)
    return lines[:, lines.std(0) > 0]


def _kept_by_patches(change: np.ndarray) -> float:
    """Share of the power of a change (H, W) that is left when it is averaged over patches; their median is no change."""
    rows, columns = (side // PATCH * PATCH for side in change.shape)
    if not rows or not columns:
        return 0.0  # too small to tell
    means = change[:rows, :columns].reshape(rows // PATCH, PATCH, columns // PATCH, PATCH).mean((1, 3))
    return _power(means - np.median(means)) / max(_power(change), 1e-12)


def _middle(frames: np.ndarray) -> np.ndarray:
    top, left = (max((side - MIDDLE) // 2, 0) for side in frames.shape[1:])
    return frames[:, top : top + MIDDLE, left : left + MIDDLE]


def _least_difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The difference of two frames at the shift of up to SHIFTS px at which it is smallest."""
    s = min(SHIFTS, (min(before.shape) - 2) // 2)
    height, width = before.shape
    inner = before[s : height - s, s : width - s]
    shifts = [(dy, dx) for dy in range(2 * s + 1) for dx in range(2 * s + 1)]
    return min((inner - after[y : y + inner.shape[0], x : x + inner.shape[1]] for y, x in shifts), key=_power)


def _power(differences: np.ndarray) -> float:
    squares = np.square(differences.ravel())
    kept = max(1, int(TRIM * len(squares)))
    return float(np.partition(squares, kept - 1)[:kept].mean())
