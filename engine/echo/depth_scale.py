"""The depth scale that a machine prints beside its sector: a row of ticks or dots, one per centimetre.

It is a proposal, never taken without the reader: what a tick stands for is not printed in a form that can be relied on.
Nothing is proposed where the row is short, uneven, or its centimetres would make the sector implausibly deep.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np

from engine.echo.sector import Sector, find_sector
from engine.videos import Video

SCALE_FRAMES = 4  # that the scale is read on
BRIGHT = 60  # grey levels above the surroundings
LEAST_TICKS = 7
STEP = (1 / 60, 1 / 7)  # of the picture's height: distances of neighbouring ticks that are tried
UNEVEN = 0.06  # a tick may lie this share of a step, and a pixel, off its place
ACROSS = 0.15  # and this share aside: long ticks have their middles elsewhere
ALONE = 0.3  # of a step: no other mark lies so near to a tick, as it would in text
ALONE_SHARE = 0.7  # of the ticks
FLATTEST = 1.3  # across by down: ticks run down, or along the sector's edge
BETWEEN_SHARE = 0.25  # of the steps with a mark half or a third of the way: the row skips ticks, none is sure
COVERED = 0.45  # of the sector's height that a scale runs along at least
DEPTH_MM = (80.0, 260.0)  # of a sector in a transthoracic recording
CENTIMETRE = 10.0  # mm
FIFTH = 5  # ticks between two long ones, where some are longer
LONG = 1.5  # times the usual area


@dataclass(frozen=True)
class DepthScale:
    """ticks: (n, 2) x and y in the recording's pixels, from the top; mm_per_px: if they are a centimetre apart.

    confirmed: every fifth tick is a longer one, as centimetres are printed.
    """

    ticks: np.ndarray
    mm_per_px: float
    confirmed: bool


def printed_scale(video: Video) -> DepthScale | None:
    """What the machine printed beside a recording's sector, for the reader to confirm; None where the file states a scale."""
    if video.pixel_size.known:
        return None
    frames = np.stack(list(islice(video.frames(), SCALE_FRAMES)))
    sector = find_sector(frames)
    return find_depth_scale(frames, sector) if sector is not None else None


def find_depth_scale(frames: np.ndarray, sector: Sector) -> DepthScale | None:
    """The scale beside the sector of a recording's first frames (N, H, W, 3) uint8; None where none is sure."""
    still = frames.max(3).min(0)  # ticks do not move
    places, areas = _marks(still, sector)
    row = _longest_row(places, len(still))
    if row is None:
        return None
    ticks, sizes = places[row], areas[row]
    step = float(np.hypot(*(ticks[-1] - ticks[0])) / (len(ticks) - 1))
    top, bottom, _, _ = sector.box
    if ticks[-1, 1] - ticks[0, 1] < COVERED * (bottom - top) or _skips(places, ticks, step):
        return None
    deep = (bottom - top) * CENTIMETRE / step
    period = _period(sizes)
    if not DEPTH_MM[0] <= deep <= DEPTH_MM[1] or period not in (None, FIFTH):
        return None
    return DepthScale(ticks, CENTIMETRE / step, period == FIFTH)


def _marks(still: np.ndarray, sector: Sector) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) middles and (n,) areas of the small bright marks outside the sector; long lines are taken away first."""
    height = len(still)
    around = cv2.dilate(sector.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    bright = (still > BRIGHT) & ~around
    picture = bright.astype(np.uint8)
    picture[cv2.morphologyEx(picture, cv2.MORPH_OPEN, np.ones((max(9, height // 12), 1), np.uint8)) > 0] = 0
    _, _, stats, middles = cv2.connectedComponentsWithStats(picture, connectivity=8)
    wide, tall = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    small = (tall <= max(3, height / 50)) & (wide <= max(5, height / 25))
    return middles[1:][small], stats[1:, cv2.CC_STAT_AREA][small].astype(float)


def _longest_row(places: np.ndarray, height: int) -> np.ndarray | None:
    """Indices of the longest even row of marks, from the top down; None where there is none of LEAST_TICKS."""
    if len(places) < LEAST_TICKS:
        return None
    best = np.empty(0, int)
    apart = places[None] - places[:, None]
    distance = np.hypot(apart[..., 0], apart[..., 1])
    runs_down = (apart[..., 1] > 0) & (np.abs(apart[..., 0]) <= FLATTEST * apart[..., 1])
    tried = runs_down & (distance >= STEP[0] * height) & (distance <= STEP[1] * height)
    for first, second in zip(*np.nonzero(tried), strict=True):
        row = _continued(places, int(first), int(second))
        if len(row) > len(best) and _stand_alone(distance[row], row):
            best = row
    return best if len(best) >= LEAST_TICKS else None


def _continued(places: np.ndarray, first: int, second: int) -> np.ndarray:
    """The row that two neighbouring marks begin, as far as it goes on evenly."""
    row = [first, second]
    while True:
        steps = len(row) - 1
        step = (places[row[-1]] - places[first]) / steps
        long = float(np.hypot(*step))
        aside = places - places[row[-1]] - step
        along, across = np.abs(aside @ step) / long, np.abs(aside @ np.array([-step[1], step[0]])) / long
        off = np.maximum(along / (1 + UNEVEN * long), across / (1 + ACROSS * long))
        nearest = int(np.argmin(off))
        if off[nearest] > 1 or nearest in row:
            return np.array(row)
        row.append(nearest)


def _stand_alone(distance: np.ndarray, row: np.ndarray) -> bool:
    """Whether most ticks of a row have no other mark beside them. distance: (n, all) from the ticks to all marks."""
    step = distance[0, row[-1]] / (len(row) - 1)
    others = np.delete(distance, row, axis=1)
    return others.size == 0 or float((others.min(1) > ALONE * step).mean()) >= ALONE_SHARE


def _skips(places: np.ndarray, ticks: np.ndarray, step: float) -> bool:
    """Whether marks lie between the ticks, as if only every second or third had been found."""
    for parts in (2, 3):
        between = ticks[:-1] + np.diff(ticks, axis=0) / parts
        nearest = np.hypot(*(places[None] - between[:, None]).transpose(2, 0, 1)).min(1)
        if (nearest <= 1 + UNEVEN * step).mean() >= BETWEEN_SHARE:
            return True
    return False


def _period(areas: np.ndarray) -> int | None:
    """Every how many ticks there is a longer one; None where none is, 0 where they follow no rule."""
    long = np.flatnonzero(areas >= LONG * np.median(areas))
    if len(long) < 2:
        return None
    steps = np.diff(long)
    return int(steps[0]) if (steps == steps[0]).all() else 0
