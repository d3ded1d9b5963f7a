"""What `echo-plax` learns from: clips with traced frames, as the app sees them.

DIR holds plax/CLIP.mp4 or .gif and plax/traced/CLIP_FFF_mask.png (classes of engine/echo_plax/anatomy.py, FFF the frame).
Clips whose terms do not allow training are MEASURED alone, never learnt from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine.echo.letterbox import Letterbox
from engine.echo.recording import Opening, blanked, read_opening
from engine.echo.sector import find_sector
from engine.echo_plax.segmentation import seen_square
from engine.study import read_path
from engine.videos import Video, read_video

CLIPS = ("test1", "test2", "pocus1", "pocus2", "pocus3", "pocus4", "litfl1")  # their terms allow training
MEASURED = ("thrive1", "lvh_plain")
BASE = 288  # px of the squares that pictures are kept in; augmentation takes the network's smaller squares from them


@dataclass(frozen=True)
class Traced:
    """frame: (BASE, BASE) uint8 grey as the app sees it; mask: the same, class numbers. clip: whose; number: which frame.

    sector: (BASE, BASE) bool, where the machine recorded.
    """

    clip: str
    number: int
    frame: np.ndarray
    mask: np.ndarray
    sector: np.ndarray


def clip_file(data: Path, clip: str) -> Path:
    """The clip's file. Raises FileNotFoundError if the folder lacks it."""
    found = [path for path in (data / "plax" / f"{clip}.mp4", data / "plax" / f"{clip}.gif") if path.is_file()]
    if not found:
        raise FileNotFoundError(f"{data / 'plax'}: expected {clip}.mp4 or {clip}.gif.")
    return found[0]


def open_clip(file: Path) -> tuple[Video, Opening, Iterator[np.ndarray]]:
    """The recording, its opening and its frames, as the app reads them."""
    video = read_video(read_path(file))
    opening, frames = read_opening(video)
    return video, opening, frames


def mask_files(folder: Path, clip: str) -> dict[int, Path]:
    """Frame number -> the file of its traced mask."""
    return {
        int(re.findall(r"_(\d+)_mask", file.name)[-1]): file for file in sorted(folder.glob(f"{clip}_[0-9]*_mask.png"))
    }


def read_traced(data: Path, folders: Iterable[Path], clips: Iterable[str]) -> list[Traced]:
    """Every traced frame of the clips, from all folders of masks; a later folder's frame takes an earlier one's place."""
    found = []
    for clip in clips:
        masks: dict[int, Path] = {}
        for folder in folders:
            masks |= mask_files(folder, clip)
        video, opening, frames = open_clip(clip_file(data, clip))
        box = Letterbox(*opening.sector.box, BASE)
        for number, frame in enumerate(frames):
            if number in masks:
                mask = read_mask(masks[number], (video.height, video.width))
                seen = seen_square(opening.sector, box)
                square = box.shrink(blanked(frame, opening.sector))
                found.append(Traced(clip, number, square, shrunk_mask(mask, box), seen))
    return found


def read_mask(file: Path, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8 classes of a traced frame, at the clip's size. Raises FileNotFoundError if it is no picture."""
    mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if mask is None:
        raise FileNotFoundError(f"{file}: expected a PNG of class numbers.")
    return cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT).astype(np.uint8)


def sector_of(square: np.ndarray) -> np.ndarray:
    """(S, S) uint8 grey picture -> (S, S) bool: its sector as intake finds it; all of it where intake finds none."""
    found = find_sector(np.repeat(square[None, ..., None], 3, 3))
    return np.ones(square.shape, bool) if found is None else found.mask


def shrunk_mask(mask: np.ndarray, box: Letterbox) -> np.ndarray:
    """(H, W) uint8 classes -> (side, side) uint8, by the nearest pixel."""
    top, left, height, width = box.inner
    square = np.zeros((box.side, box.side), np.uint8)
    crop = np.ascontiguousarray(mask[box.top : box.bottom, box.left : box.right])
    square[top : top + height, left : left + width] = cv2.resize(
        crop, (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return square
