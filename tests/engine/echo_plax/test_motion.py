"""Probabilities carried along a speckled square that moves by known steps."""

import cv2
import numpy as np
import pytest

from engine.echo_plax.motion import REACH, steadied_along

SIDE, STEP = 160, 2  # px, px a frame to the right
FRAMES = 2 * REACH + 1


def moving(count: int) -> np.ndarray:
    """(count, SIDE, SIDE) uint8: the same speckle, in each frame STEP px further to the right."""
    wide = np.random.default_rng(3).random((SIDE, SIDE + STEP * count), np.float32)
    wide = cv2.GaussianBlur(wide, (0, 0), 2.5)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return np.stack([wide[:, STEP * (count - k) :][:, :SIDE] for k in range(count)])


def wall(count: int) -> np.ndarray:
    """(count, 2, SIDE, SIDE) float16: a wall of 10 px that moves with the speckle, and what is not the wall."""
    shares = np.zeros((count, 2, SIDE, SIDE), np.float16)
    for k in range(count):
        left = 75 + STEP * (k - count // 2)
        shares[k, 1, :, left : left + 10] = 1
    shares[:, 0] = 1 - shares[:, 1]
    return shares


def test_a_wall_that_moves_stays_as_thick_as_it_is():
    middle = FRAMES // 2
    found = steadied_along(moving(FRAMES), wall(FRAMES))[middle, 1].astype(np.float32)
    assert found[20:140, 77:83].min() > 0.9
    assert found[20:140, 55:72].max() < 0.1
    assert found[20:140, 88:105].max() < 0.1


def test_what_drops_out_of_one_frame_is_filled_from_its_neighbours():
    shares = wall(FRAMES)
    middle = FRAMES // 2
    shares[middle, 1] = 0
    shares[middle, 0] = 1
    found = steadied_along(moving(FRAMES), shares)[middle, 1].astype(np.float32)
    assert found[20:140, 77:83].min() > 0.8
    assert found[20:140, 55:72].max() < 0.1


def test_a_recording_that_stands_still_keeps_its_probabilities():
    squares = np.repeat(moving(1), 7, axis=0)
    shares = np.repeat(wall(1), 7, axis=0)
    np.testing.assert_allclose(steadied_along(squares, shares), shares, atol=0.01)


def test_probabilities_still_sum_to_one():
    found = steadied_along(moving(5), wall(5)).astype(np.float32)
    np.testing.assert_allclose(found.sum(1), 1, atol=2e-3)


def test_a_single_frame_stays_as_it_is():
    shares = wall(1)
    assert steadied_along(moving(1), shares) is shares


def test_frames_further_than_the_reach_do_not_matter():
    count = 2 * REACH + 3
    squares, shares = moving(count), wall(count)
    whole = steadied_along(squares, shares)[REACH + 1]
    alone = steadied_along(squares[1:-1], shares[1:-1])[REACH]
    np.testing.assert_array_equal(alone, whole)


@pytest.mark.parametrize("side", [80, 320])
def test_squares_of_another_size_move_alike(side):
    squares = np.stack([cv2.resize(s, (side, side)) for s in moving(FRAMES)])
    shares = np.stack([[cv2.resize(c.astype(np.float32), (side, side)) for c in f] for f in wall(FRAMES)])
    found = steadied_along(squares, shares.astype(np.float16))[FRAMES // 2, 1].astype(np.float32)
    whole = cv2.resize(found, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert whole[20:140, 78:82].min() > 0.8
    assert whole[20:140, 55:70].max() < 0.1
