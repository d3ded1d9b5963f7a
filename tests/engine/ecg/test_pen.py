"""The line of a drawn pen is found again where its strokes have run into each other."""

import numpy as np
import pytest

from engine.ecg.pen import STEP_PX, retraced

SHAPE = (80, 120)
FINE = 8  # pixels drawn per pixel
PEN = 4.0
KNOTS = np.arange(0, SHAPE[1] - 1 + 1e-6, STEP_PX)


def level() -> np.ndarray:
    return np.full(len(KNOTS), 40.0)


def wave(*tips: tuple[float, float]) -> np.ndarray:
    """Heights of a level line with tips at some places."""
    x, y = zip((0.0, 40.0), (tips[0][0] - 3, 40.0), *tips, (tips[-1][0] + 3, 40.0), (SHAPE[1], 40.0), strict=True)
    return np.interp(KNOTS, x, y)


def drawn(line: np.ndarray) -> np.ndarray:
    """(h, w) 0..1: the ink of a round nib along it, pixel centres at whole numbers."""
    import cv2

    page = np.zeros((SHAPE[0] * FINE, SHAPE[1] * FINE), np.uint8)
    points = (np.stack([KNOTS, line], 1) + 0.5) * FINE
    cv2.polylines(page, [np.round(points).astype(np.int32)], False, 255, round(PEN * FINE))
    return cv2.resize(page, SHAPE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def edges_of(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    dark = ink > 0.5
    there = dark.any(axis=0)
    upper = np.where(there, dark.argmax(axis=0) - 0.5, np.nan)
    return upper, np.where(there, ink.shape[0] - dark[::-1].argmax(axis=0) - 0.5, np.nan)


def between(edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.interp(KNOTS, np.arange(SHAPE[1]), (edges[0] + edges[1]) / 2)


def test_strokes_closer_than_two_pens_are_told_apart():
    """A dip, a spike and a deeper dip, whose strokes leave no paper between them."""
    line = wave((57.0, 55.0), (60.0, 22.0), (63.0, 65.0))
    ink = drawn(line)
    edges = edges_of(ink)
    middle = between(edges)
    found = retraced(ink, edges, [], middle)
    near = np.abs(KNOTS - 60) < 8
    assert np.abs(middle - line)[near].mean() > 4
    assert np.abs(found - line)[near].mean() < 2
    tip = np.abs(KNOTS - 60) <= 1
    assert found[tip].min() == pytest.approx(22, abs=2.5)


def test_a_line_that_is_right_stays():
    line = 40 + 6 * np.sin(KNOTS / 9)
    ink = drawn(line)
    found = retraced(ink, edges_of(ink), [], line)
    assert np.abs(found - line)[4:-4].max() < 0.35


def test_nothing_moves_where_there_is_no_ink():
    ink = drawn(level())
    ink[:, 50:70] = 0
    way = level()
    way[(KNOTS > 51) & (KNOTS < 68)] = 30.0
    found = retraced(ink, edges_of(ink), [], way)
    gap = (KNOTS > 51) & (KNOTS < 68)
    np.testing.assert_array_equal(found[gap], way[gap])


def test_no_ink_at_all_leaves_the_line():
    nothing = np.full(SHAPE[1], np.nan)
    way = level()
    np.testing.assert_array_equal(retraced(np.zeros(SHAPE, np.float32), (nothing, nothing), [], way), way)


def test_ink_of_another_row_says_nothing():
    """A second line close below this one, which would draw it down."""
    other = drawn(level() + 6)
    ink = np.maximum(drawn(level()), other)
    found = retraced(ink, edges_of(drawn(level())), [edges_of(other)], level())
    assert np.abs(found - 40).max() < 0.35
