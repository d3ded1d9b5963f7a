"""The ventricle's size over time against a curve that a peer printed below the same recording.

EchoNet-LVH's example is an animation: the recording above, below it a plot of diameter and walls over the frames, with a red
dot on each line at the present frame; the uppermost is the diameter's. The shape is compared, not the scale. Measured on,
never learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from engine.echo.recording import read_opening, squares_of
from engine.echo_plax.dimensions import over_time
from engine.echo_plax.pencil import Pencil
from engine.echo_plax.segmentation import floor, least, lifted, look, seen_square
from engine.models import LoadedModel
from engine.progress import silent
from engine.study import read_path
from engine.videos import Video, read_video
from training.echo_plax_scores import calipers_of

FILE = "lvh_example1_keypoints.gif"
DOT, DOT_PX = (255, 0, 0), 8  # colour, and more than its height
NEAR = 100  # grey levels that its colour may be off, summed: the animation has few colours and soft edges
DARK = 60  # the recording's background is darker, the plot's paper brighter


@dataclass(frozen=True)
class Printed:
    """recording: the panel above alone, its colours (the animation's palette, the peer's marks) made grey.

    diameter: (T,) printed height per frame in px, larger is wider.
    """

    recording: Video
    diameter: np.ndarray


def read_printed(file: Path) -> Printed:
    """The two panels of the animation. Raises ValueError where a frame has no dot."""
    video = read_video(read_path(file))
    frames = list(video.frames())
    top, bottom, left, right = _dark_panel(frames[0])
    panel = replace(
        video,
        width=right - left,
        height=bottom - top,
        frames=lambda: (_grey(frame[top:bottom, left:right]) for frame in frames),
    )
    return Printed(panel, _diameter(frames, bottom))


def curve(video: Video, model: LoadedModel) -> np.ndarray:
    """(T,) our internal diameter in px, drawn and smoothed as the app does; NaN where it is not shown."""
    opening, frames = read_opening(video)
    box = look(opening, model).box
    grey = squares_of(frames, opening.sector, box, silent)
    squares = lifted(grey, seen_square(opening.sector, box), floor(model))
    pencil = Pencil(model, box, least(model))
    calipers = calipers_of(pencil.draw_all(squares, silent), pencil, video, opening.sector)
    return over_time(calipers, None, video.frame_rate_hz).curves["lvid"]


def agreement(file: Path, model: LoadedModel) -> tuple[float, int]:
    """Pearson's r of our curve with the printed one, and over how many frames."""
    printed = read_printed(file)
    ours = curve(printed.recording, model)
    known = np.isfinite(ours) & np.isfinite(printed.diameter)
    return float(np.corrcoef(ours[known], printed.diameter[known])[0, 1]), int(known.sum())


def _dark_panel(frame: np.ndarray) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the largest dark area's box in (H, W, 3)."""
    dark = (frame.max(2) < DARK).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark)
    left, top, width, height, _ = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))])
    return top, top + height, left, left + width


def _grey(frame: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def _diameter(frames: list[np.ndarray], below: int) -> np.ndarray:
    """(T,) height of the upper dot in each frame's plot, px upwards."""
    heights = []
    for number, frame in enumerate(frames):
        rows = np.nonzero(np.abs(frame[below:].astype(int) - np.array(DOT)).sum(2) < NEAR)[0]
        if not len(rows):
            raise ValueError(f"Expected a red dot in the plot below the recording, found none in frame {number}.")
        heights.append(-float(rows[rows < rows.min() + DOT_PX].mean()))
    return np.array(heights)
