"""The printed depth scale: drawn ticks whose distance is known, and pictures that must propose nothing."""

import cv2
import numpy as np
import pytest

from engine.echo.depth_scale import find_depth_scale
from engine.echo.sector import Sector

SHAPE = (540, 720)


def sector():
    mask = np.zeros(SHAPE, np.uint8)
    corners = np.array([[360, 30], [120, 400], [240, 500], [480, 500], [600, 400]])
    return Sector(cv2.fillConvexPoly(mask, corners, 1) > 0, 0.0)


def recording(draw, rng=None):
    """(4, H, W, 3): the sector's speckle, and what `draw` puts on top."""
    rng = rng or np.random.default_rng(0)
    frames = []
    for _ in range(4):
        frame = rng.integers(20, 120, (*SHAPE, 3)).astype(np.uint8) * sector().mask[..., None]
        draw(frame)
        frames.append(frame)
    return np.stack(frames)


def ruler(step, count=14, long_every=None, x=690, y=40):
    def draw(frame):
        for k in range(count):
            length = 12 if long_every and k % long_every == 0 else 6
            row = round(y + k * step)
            frame[row : row + 2, x : x + length] = 220

    return draw


def words(frame):
    for k in range(9):
        cv2.putText(frame, "C 50 Gen", (8, 60 + 20 * k), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (220,) * 3, 1)


def test_ticks_of_a_ruler_are_centimetres():
    found = find_depth_scale(recording(ruler(31.4)), sector())
    assert found.mm_per_px == pytest.approx(10 / 31.4, rel=0.01)
    assert len(found.ticks) == 14
    assert not found.confirmed


def test_dots_along_the_edge_measure_along_it():
    def dots(frame):
        for k in range(13):
            cv2.circle(frame, (round(385 + 0.55 * 33 * k), round(30 + 0.8352 * 33 * k)), 2, (210,) * 3, -1)

    found = find_depth_scale(recording(dots), sector())
    assert found.mm_per_px == pytest.approx(10 / 33, rel=0.01)


def test_a_longer_fifth_tick_confirms_the_centimetre():
    assert find_depth_scale(recording(ruler(31.4, long_every=5)), sector()).confirmed


@pytest.mark.parametrize(
    "draw",
    [
        lambda frame: None,
        words,
        ruler(31.4, count=5),
        ruler(31.4, long_every=2),
        ruler(9.0, count=50),
        ruler(72.0, count=7),
    ],
    ids=["nothing", "text", "too few", "half centimetres", "too fine", "too coarse"],
)
def test_what_is_not_sure_is_not_proposed(draw):
    assert find_depth_scale(recording(draw), sector()) is None


def test_a_ruler_beside_text_is_found_all_the_same():
    def both(frame):
        words(frame)
        ruler(31.4)(frame)

    assert find_depth_scale(recording(both), sector()).mm_per_px == pytest.approx(10 / 31.4, rel=0.01)


def test_ticks_that_move_are_none():
    frames = recording(lambda frame: None)
    for k, frame in enumerate(frames):
        ruler(31.4, y=40 + 8 * k)(frame)
    assert find_depth_scale(frames, sector()) is None
