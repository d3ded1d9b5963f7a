"""A recording as the echo tasks read it: streamed once, blanked outside its sector, each frame shrunk to a square."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import cv2
import numpy as np

from engine.echo.letterbox import Letterbox
from engine.echo.sector import Sector, find_sector
from engine.errors import RefusedStudy
from engine.progress import Progress
from engine.videos import Video

OPENING = 32  # frames, about one beat, that the sector and the place of the heart are found on
SECTOR_FRAMES = 8  # of these
WHOLE_BONUS = 0.05  # a closer look has to be clearly better than the whole sector
JUDGED = 4  # and to choose the part that the network looks at
MAX_COLOUR = 0.025  # share of the sector in colour: a Doppler jet is small, machines' tinted greys stay far below


@dataclass(frozen=True)
class Opening:
    """The first frames: (N, H, W) uint8 grey, black outside the sector."""

    grey: np.ndarray
    sector: Sector

    def few(self, count: int) -> np.ndarray:
        """At most `count` of the frames, spread evenly."""
        return self.grey[np.linspace(0, len(self.grey) - 1, min(count, len(self.grey))).round().astype(int)]


def read_opening(video: Video) -> tuple[Opening, Iterator[np.ndarray]]:
    """The recording's opening, and all its frames (N, H, W, 3) from the first on.

    Raises RefusedStudy `no_sector` where nothing large is lit, `colour_doppler` where the sector is coloured.
    """
    frames = video.frames()
    first = list(islice(frames, OPENING))
    chosen = np.linspace(0, len(first) - 1, min(SECTOR_FRAMES, len(first))).round().astype(int)
    sector = find_sector(np.stack([first[k] for k in chosen]))
    if sector is None:
        raise RefusedStudy(
            "no_sector",
            "Expected an ultrasound sector on black, found none in these frames; choose the two-dimensional cine loop.",
        )
    if sector.colour_share > MAX_COLOUR:
        raise RefusedStudy(
            "colour_doppler",
            f"Expected a grey two-dimensional picture, {100 * sector.colour_share:.0f} % of the sector is coloured "
            "(Doppler or tissue colour); choose the loop without colour.",
        )
    return Opening(np.stack([blanked(frame, sector) for frame in first]), sector), chain(first, frames)


def inside(frames: Iterable[np.ndarray], sector: Sector) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB frames, black outside the sector: what is shown and exported carries no burned-in names."""
    for frame in frames:
        yield frame * sector.mask[..., None]


def blanked(frame: np.ndarray, sector: Sector) -> np.ndarray:
    """(H, W, 3) uint8 -> (H, W) uint8 grey, black outside the sector."""
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) * sector.mask


def squares_of(
    frames: Iterator[np.ndarray], sector: Sector, box: Letterbox, progress: Progress, expected: int | None = None
) -> np.ndarray:
    """(T, side, side) uint8 of all frames."""
    found = []
    for k, frame in enumerate(frames):
        if k % 16 == 0:
            progress(min(1.0, k / expected) if expected else 0.5, f"Reading frame {k + 1}")
        found.append(box.shrink(blanked(frame, sector)))
    return np.stack(found)


def best_box(opening: Opening, side: int, judge: Callable[[np.ndarray, bool], float], good: float) -> Letterbox:
    """The part of the sector that the network sees best: the whole sector, or a closer look where that is not `good` enough.

    judge: (n, side, side) uint8 squares, and whether they are a closer look -> 0..1.
    Machines set to a great depth show the heart small.
    """
    grey = opening.few(JUDGED)
    whole, *closer = _boxes(opening.sector, side)

    def quality(box: Letterbox) -> float:
        return judge(np.stack([box.shrink(frame) for frame in grey]), box is not whole)

    first = quality(whole)
    if first >= good:
        return whole
    scored = [(first + WHOLE_BONUS, whole)] + [(quality(box), box) for box in closer]
    return max(scored, key=lambda pair: pair[0])[1]


def _boxes(sector: Sector, side: int) -> list[Letterbox]:
    top, bottom, left, right = sector.box
    height, width = bottom - top, right - left
    found = [Letterbox(top, bottom, left, right, side)]
    for share in (0.8, 0.65, 0.5):
        longest = share * max(height, width)
        tall, wide = round(min(longest, height)), round(min(longest, width))
        for down in (0.0, 0.5):
            for across in (0.0, 0.5, 1.0):
                y, x = top + round(down * (height - tall)), left + round(across * (width - wide))
                found.append(Letterbox(y, y + tall, x, x + wide, side))
    return found
