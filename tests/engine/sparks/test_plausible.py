"""What a recording of a cell is, and what it is not."""

import numpy as np
import pytest

from engine.errors import RefusedStudy
from engine.sparks.plausible import LINE_NOISE, check_recording, line_noise
from engine.sparks.recording import Recording
from tests.engine.sparks.drawn_recording import drawn


def recording(frames, line_scan=False):
    return Recording(frames.shape, lambda a, b: frames[a:b], None, None, line_scan)


def test_noise_is_new_in_every_frame():
    assert check_recording(recording(drawn())) == pytest.approx(1, abs=0.15)


def test_a_picture_that_moves_is_refused():
    rng = np.random.default_rng(0)
    scene = np.repeat(np.repeat(rng.integers(0, 200, (30, 60)), 4, 0), 4, 1).astype(np.uint8)
    panned = np.stack([scene[20:80, 2 * t : 2 * t + 80] for t in range(20)])
    with pytest.raises(RefusedStudy, match="hardly differ beyond a shift"):
        check_recording(recording(panned))


def test_a_picture_whose_patches_change_is_refused():
    rng = np.random.default_rng(0)
    speckle = np.repeat(np.repeat(rng.integers(0, 200, (20, 15, 20)), 5, 1), 5, 2)
    grain = rng.normal(0, 10, speckle.shape)
    with pytest.raises(RefusedStudy, match="whole patches change"):
        check_recording(recording((speckle + grain).clip(0, 255).astype(np.uint8)))


def test_a_wave_through_a_grainy_cell_is_no_moving_picture():
    rng = np.random.default_rng(0)
    time, _, columns = np.mgrid[:60, :40, :120]
    bright = 20 * (1 + np.exp(-(((columns - 4 * (time - 20)) / 10) ** 2)))  # passes in half of the frames
    assert check_recording(recording(rng.poisson(bright).astype(np.uint8))) == pytest.approx(1, abs=0.15)


def test_a_picture_is_no_line_scan():
    rows, columns = np.mgrid[:200, :200]
    picture = (120 + 80 * np.sin(rows / 20) * np.cos(columns / 25)).astype(np.uint8)[:, None]
    with pytest.raises(RefusedStudy, match="from line to line"):
        check_recording(recording(picture, line_scan=True))


def test_a_grainy_picture_is_no_line_scan():
    rows, columns = np.mgrid[:240, :240]
    grain = np.random.default_rng(0).normal(0, 10, rows.shape)
    scan = 120 + 36 * np.sin(columns / 11) + grain
    picture = 120 + 36 * np.sin(rows / 9) * np.cos(columns / 11) + grain
    assert line_noise(recording(picture[:, None], True)) > LINE_NOISE  # grain alone does not tell it
    assert check_recording(recording(scan[:, None], line_scan=True)) > 0.8
    with pytest.raises(RefusedStudy, match="from line to line"):
        check_recording(recording(picture[:, None], line_scan=True))
