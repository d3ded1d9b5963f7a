"""`python -m training echo-plax-carry --data DIR --out DIR`: masks of frames between and around the traced ones.

The traced masks of `plax/traced` are carried along dense optical flow (DIS, Kroeger 2016) and, between two traced frames,
both are blended by their distance in time. All of the frames below were looked at by eye, outlines on the picture; those
where a border had slipped (mostly an open mitral valve) were left out. Not by a clinician.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from engine.echo_plax.anatomy import STRUCTURES
from training.echo_plax_data import clip_file, mask_files, read_mask

KEPT = {
    "test1": (15, 17, 19, 23, 24, 25, 27, 29, 30, 31, 33),
    "test2": (20, 21, 25, 26, 28, 29, 33),
    "pocus1": (21, 23, 25, 29, 30, 31, 33, 35, 36, 41),
    "pocus2": (31, 33, 35, 39, 40, 41, 42, 43, 44, 48, 50, 52),
    "pocus3": (52, 54, 56, 60, 61, 62, 64, 66, 67, 68, 72),
    "pocus4": (98, 100, 102, 105, 106, 107, 108, 109, 110, 113, 115),
    "litfl1": (5, 6, 7, 9, 11, 12, 15),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training echo-plax-carry", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="plax and plax/traced")
    parser.add_argument("--out", type=Path, required=True, help="CLIP_FFF_mask.png are written here")
    asked = parser.parse_args(argv)
    asked.out.mkdir(parents=True, exist_ok=True)
    for clip, numbers in KEPT.items():
        grey = read_grey(clip_file(asked.data, clip))
        files = mask_files(asked.data / "plax" / "traced", clip)
        traced = {n: read_mask(file, (grey.shape[1], grey.shape[2])) for n, file in files.items()}
        for number in numbers:
            cv2.imwrite(str(asked.out / f"{clip}_{number:03d}_mask.png"), between(grey, traced, number))
        print(f"{clip}: {len(numbers)} frames", flush=True)
    return 0


def read_grey(file: Path) -> np.ndarray:
    """(T, H, W) uint8 of a clip, a little blurred: speckle flows otherwise than tissue."""
    video, frames = cv2.VideoCapture(str(file)), []
    while (read := video.read())[0]:
        grey = cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY)
        frames.append(cv2.GaussianBlur(grey, (0, 0), max(0.8, grey.shape[1] / 400)))
    return np.stack(frames)


def between(grey: np.ndarray, traced: dict[int, np.ndarray], number: int) -> np.ndarray:
    """(H, W) uint8 classes of frame `number`, of the traced frames next to it. grey: (T, H, W)."""
    before = [n for n in traced if n < number]
    after = [n for n in traced if n > number]
    if before and after:
        first, last = max(before), min(after)
        share = (number - first) / (last - first)
        found = (1 - share) * carried(grey, traced[first], first, number)
        found += share * carried(grey, traced[last], last, number)
    else:
        nearest = max(before) if before else min(after)
        found = carried(grey, traced[nearest], nearest, number)
    return found.argmax(2).astype(np.uint8)


def carried(grey: np.ndarray, mask: np.ndarray, start: int, stop: int) -> np.ndarray:
    """(H, W, 7) float32 shares of the classes at frame `stop` of the mask (H, W) of frame `start`, carried frame by frame."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    x, y = columns, rows  # where each pixel was at `start`
    step = 1 if stop > start else -1
    for at in range(start, stop, step):
        back = flow.calc(grey[at + step], grey[at], None)  # type: ignore[call-overload]
        there = columns + back[..., 0], rows + back[..., 1]
        x, y = (cv2.remap(p, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for p in (x, y))
    shares = [cv2.remap((mask == k).astype(np.float32), x, y, cv2.INTER_LINEAR) for k in (0, *STRUCTURES)]
    return cv2.GaussianBlur(np.stack(shares, axis=2), (0, 0), max(1.0, mask.shape[1] / 300))
