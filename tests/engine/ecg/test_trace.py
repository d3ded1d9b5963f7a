"""Curves drawn with a round pen, whose heights are known."""

import cv2
import numpy as np
import pytest

from engine.ecg.separators import find_separators
from engine.ecg.trace import (
    RowCurve,
    _without_fringe,
    calibration_pulses,
    follow_rows,
    marked_pulses,
    row_baselines,
)

PX_PER_MM = 8.0
WIDTH = 800


def drawn(*curves: np.ndarray, height: int = 500) -> np.ndarray:
    """(height, WIDTH) 0..1: the curves, (WIDTH,) px each, drawn 4 px wide."""
    ink = np.zeros((height * 4, WIDTH * 4), np.uint8)
    for y in curves:
        points = np.stack([np.arange(WIDTH), y], 1) * 4 + 1.5
        cv2.polylines(ink, [np.round(points * 16).astype(np.int32)], False, 255, 16, cv2.LINE_AA, 4)
    return cv2.resize(ink, (WIDTH, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def wave(level: float, height: float = 0.0) -> np.ndarray:
    """A slow wave with a narrow triangle (10 px wide at its foot) every 200 px."""
    x = np.arange(WIDTH)
    return level + 6 * np.sin(x / 40) - height * np.clip(1 - np.abs(x % 200 - 100) / 10, 0, None)


def test_rows_are_found_where_curves_run():
    found = row_baselines(drawn(wave(150), wave(350)), PX_PER_MM)
    np.testing.assert_allclose(found, [150, 350], atol=8)


def test_no_ink_has_no_rows():
    assert len(row_baselines(np.zeros((300, 300), np.float32), PX_PER_MM)) == 0


@pytest.mark.parametrize("height", [60.0, -60.0])
def test_a_curve_is_followed_to_the_tips_of_narrow_waves(height):
    true = wave(250, height)
    (row,) = follow_rows(drawn(true), np.array([250.0]), PX_PER_MM)
    inner = slice(20, -20)
    assert np.sqrt(np.mean((row.y - true)[inner] ** 2)) < 2.5
    tips = 100 + 200 * np.arange(4)
    reached = (250 - row.y)[tips] / (250 - true)[tips]
    assert reached.min() > 0.85


def test_slow_curves_are_read_below_a_pixel():
    true = wave(250)
    (row,) = follow_rows(drawn(true), np.array([250.0]), PX_PER_MM)
    assert np.abs(row.y - true)[20:-20].max() < 0.5


def test_a_row_without_ink_for_a_while_does_not_take_its_neighbours():
    ink = drawn(wave(150), wave(350))
    ink[250:, 300:400] = 0
    upper, lower = follow_rows(ink, np.array([150.0, 350.0]), PX_PER_MM)
    assert np.nanmax(np.abs(upper.y - 150)) < 20
    assert np.nanmax(np.abs(lower.y - 350)) < 20
    assert np.isnan(lower.y[320:380]).all()


def pulsed(level: float) -> RowCurve:
    """A level row that begins with a pulse of 80 px from column 20 to 60."""
    y = np.full(WIDTH, level)
    y[20:61] -= 80
    return RowCurve(y, np.ones(WIDTH), 3.0, level)


def test_pulses_at_the_left_end_are_measured():
    pulses = calibration_pulses([pulsed(150.0), pulsed(350.0)], PX_PER_MM)
    assert pulses is not None
    assert pulses.height_px == pytest.approx(80, abs=2)
    assert 58 < pulses.left < 72


def test_a_single_step_is_no_pulse():
    level = RowCurve(np.full(WIDTH, 350.0), np.ones(WIDTH), 3.0, 350.0)
    assert calibration_pulses([pulsed(150.0), level, level], PX_PER_MM) is None


def test_marked_pulses_say_where_the_curves_begin():
    marks = np.zeros((500, WIDTH), np.float32)
    for top in (70, 270):
        cv2.rectangle(marks, (20, top), (60, top + 80), 1.0, 3)
    pulses = marked_pulses(marks, 2, PX_PER_MM)
    assert pulses is not None
    assert pulses.height_px == pytest.approx(82, abs=3)
    assert 58 < pulses.left < 68


def test_waves_of_two_rows_that_run_into_each_other_are_taken_apart():
    x = np.arange(WIDTH)
    upper = 150 + 110 * np.clip(1 - np.abs(x % 200 - 105) / 8, 0, None)  # tips at 260
    lower = 300 - 90 * np.clip(1 - np.abs(x % 200 - 97) / 8, 0, None)  # tips at 210
    rows = follow_rows(drawn(upper, lower), np.array([150.0, 300.0]), PX_PER_MM)
    assert rows[0].y[20:-20].max() == pytest.approx(260, abs=12)  # not on to the lower row
    assert rows[1].y[20:-20].min() == pytest.approx(210, abs=12)  # not on to the upper row


def test_a_curve_jumps_at_a_separator_and_keeps_its_level_up_to_it():
    true = np.where(np.arange(WIDTH) < 400, 200.0, 300.0)
    separator = np.zeros((500, WIDTH), np.float32)
    for y in (250, 40):  # two alike at one x
        separator[y - 30 : y + 30, 395:405] = 1
    separators = find_separators(separator, PX_PER_MM)
    left, right = (drawn(np.where(np.arange(WIDTH) < 400, y, y)) for y in (200.0, 300.0))
    ink = np.where(np.arange(WIDTH) < 400, left, right)
    ink[separators.hidden] = 0
    (row,) = follow_rows(ink, np.array([250.0]), PX_PER_MM, separators)
    for side in (slice(350, 396), slice(404, 450)):
        np.testing.assert_allclose(row.y[side], true[side], atol=1)


def test_a_curve_is_followed_through_a_letter_that_hides_it():
    true = wave(250, -60.0)
    ink, letters = drawn(true), np.zeros((500, WIDTH), np.float32)
    letters[275:295, 280:320] = 1
    ink[275:295, 280:320] = 0
    (row,) = follow_rows(ink, np.array([250.0]), PX_PER_MM, letters=letters)
    assert row.y[295:306].max() > true[300] - 6


def test_a_curve_does_not_begin_along_the_letters_below_it():
    true = 250 + 80 * np.clip(1 - np.abs(np.arange(WIDTH) - 424) / 8, 0, None)
    ink, letters, separator = drawn(true), np.zeros((500, WIDTH), np.float32), np.zeros((500, WIDTH), np.float32)
    for y in (250, 40):  # two alike at one x
        separator[y - 30 : y + 30, 395:405] = 1
    separators = find_separators(separator, PX_PER_MM)
    ink[separators.hidden] = 0
    ink[240:260, 405:410] = 0  # not seen beside the separator
    ink[298:302, 400:430] = letters[298:302, 400:430] = 1.0  # taken for both
    (row,) = follow_rows(ink, np.array([250.0]), PX_PER_MM, separators, letters)
    np.testing.assert_allclose(row.y[400:415], 250, atol=3)


def test_blur_beside_a_steep_stroke_is_no_ink_and_a_faint_stroke_alone_is():
    ink = np.zeros((60, 40), np.float32)
    ink[:40, 8:14] = [0.2, 0.4, 1.0, 0.9, 0.4, 0.2]  # dark, blurred to both sides
    ink[:40, 30] = 0.3  # thin and faint
    ink[50, :] = 0.4  # level
    sharp = _without_fringe(ink)
    assert np.flatnonzero(sharp[20]).tolist() == [10, 11, 30]
    np.testing.assert_array_equal(sharp[50], ink[50])


@pytest.mark.parametrize(("up", "down"), [(60, 30), (30, 60)])
def test_of_two_waves_within_a_pen_s_width_the_higher_one_is_read(up, down):
    ink = drawn(np.full(WIDTH, 250.0))
    ink[250 - up : 250 + down, 399:402] = 1
    (row,) = follow_rows(ink, np.array([250.0]), PX_PER_MM)
    far = row.way_y[np.abs(row.way_y - 250).argmax()] - 250
    assert far == pytest.approx(-up if up > down else down, abs=8)


def test_tips_that_look_like_a_row_of_their_own_make_none():
    true = wave(250, 80.0)
    rows = follow_rows(drawn(true), np.array([170.0, 250.0]), PX_PER_MM)
    assert [row.baseline for row in rows] == [250.0]
