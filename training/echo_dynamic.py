"""EchoNet-Dynamic's layout: `FileList.csv`, `VolumeTracings.csv` and `Videos/` (Ouyang 2020, doi:10.1038/s41586-020-2145-8).

A tracing is the long axis and the chords across it, of two frames per video; the ventricle is the polygon of the chords'
ends. Only the ventricle is traced, so these frames teach the cavity alone (`Frames.whole` is False).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

CAVITY = 1
WORKERS = 2  # videos that are decoded at the same time; each holds one frame, and keeps those that are traced
SUFFIXES = (".avi", ".mp4")


@dataclass(frozen=True)
class Listed:
    """One video of FileList.csv. ejection_fraction: %. split: TRAIN, VAL or TEST."""

    path: Path
    ejection_fraction: float
    split: str


@dataclass(frozen=True)
class Traced:
    """One traced frame: (H, W) uint8 grey, its mask of CAVITY, and its video's ejection fraction in %."""

    image: np.ndarray
    mask: np.ndarray
    split: str
    ejection_fraction: float


def find(data: Path) -> Path | None:
    """The folder of this layout: DIR itself, or the one folder in it that holds a FileList.csv; None where there is none."""
    return next((f.parent for f in (data / "FileList.csv", *sorted(data.glob("*/FileList.csv"))) if f.is_file()), None)


def read_list(folder: Path) -> tuple[Listed, ...]:
    """The videos of FileList.csv that are in Videos/; how many are missing is printed.

    Raises ValueError where the list lacks a column.
    """
    with (folder / "FileList.csv").open() as file:
        rows = list(csv.DictReader(file))
    if rows and not {"FileName", "EF", "Split"} <= rows[0].keys():
        raise ValueError(
            f"{folder / 'FileList.csv'}: expected the columns FileName, EF and Split, got {list(rows[0])}."
        )
    found = []
    for row in rows:
        path = _video(folder / "Videos", row["FileName"])
        if path is not None:
            found.append(Listed(path, float(row["EF"]), row["Split"].strip().upper()))
    if len(found) < len(rows):
        print(f"without {len(rows) - len(found)} of {len(rows)} videos: not in {folder / 'Videos'}", flush=True)
    return tuple(found)


def _video(folder: Path, name: str) -> Path | None:
    stem = Path(name).stem if Path(name).suffix in SUFFIXES else name
    return next((p for p in (folder / f"{stem}{suffix}" for suffix in SUFFIXES) if p.is_file()), None)


def read_tracings(folder: Path) -> dict[str, dict[int, np.ndarray]]:
    """Video stem -> frame -> (n, 4) chords x1, y1, x2, y2 in px, the long axis first."""
    found: dict[str, dict[int, list[list[float]]]] = {}
    with (folder / "VolumeTracings.csv").open() as file:
        for row in csv.DictReader(file):
            frames = found.setdefault(Path(row["FileName"]).stem, {})
            frames.setdefault(int(row["Frame"]), []).append([float(row[k]) for k in ("X1", "Y1", "X2", "Y2")])
    return {name: {k: np.array(chords) for k, chords in frames.items()} for name, frames in found.items()}


def tracing_mask(chords: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8: CAVITY within the polygon that the chords' ends make. chords: (n, 4), the first is the long axis."""
    across = chords[1:]
    outline = np.concatenate([across[:, :2], across[::-1, 2:]])
    mask = np.zeros(shape, np.uint8)
    fine = 4  # fractional bits of the points
    return cv2.fillPoly(mask, [np.round(outline * (1 << fine)).astype(np.int32)], CAVITY, shift=fine)


def traced_frames(folder: Path, workers: int = WORKERS) -> Iterable[Traced]:
    """Every traced frame of the videos that are there, video by video."""
    tracings = read_tracings(folder)
    listed = [video for video in read_list(folder) if video.path.stem in tracings]
    with ThreadPoolExecutor(workers) as pool:
        for frames in pool.map(lambda video: _traced(video, tracings[video.path.stem]), listed):
            yield from frames


def _traced(video: Listed, tracings: dict[int, np.ndarray]) -> list[Traced]:
    """The traced frames of one video, decoded up to the last of them."""
    capture, found = cv2.VideoCapture(str(video.path)), []
    try:
        for k in range(max(tracings) + 1):
            read, picture = capture.read()
            if not read:
                break
            if k in tracings:
                grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
                found.append(Traced(grey, tracing_mask(tracings[k], grey.shape), video.split, video.ejection_fraction))
    finally:
        capture.release()
    return found
