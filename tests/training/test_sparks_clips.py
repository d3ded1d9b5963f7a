"""Clips: with nothing added the fitted pixels stand, and everything lies at its place."""

import numpy as np
import pytest

from engine.sparks.baseline import working_grid
from engine.sparks.fit import Fit, marked_pixels
from training import sparks_clips as clips
from training.sparks_clips import BEFORE, BRIGHT, FITTED, FRAMES, LIGHT, OTHERS, SIDE, clip_of, first_of, probabilities

GRID = working_grid(0.4, 8.0)
SHAPE = (60, 40, 60)
FIT = Fit(165.0, 8.0, 12.0, 1.0, 0.9, 6.0, 33.0, 0.004, 0.1, 1.0, 50.0, 1.0)  # row 20, column 30, peak at frame 22
BESIDE = Fit(170.0, 8.0, 14.0, 2.0, 0.9, 6.0, 33.0, 0.004, 0.1, 1.0, 50.0, 1.0)  # five columns to the right


def marked(added, grid=GRID, shape=SHAPE):
    full = np.zeros(shape, bool)
    window, probability = probabilities(FIT, np.full((FRAMES, SIDE, SIDE), added, np.float16), grid, shape)
    full[window] = probability >= 0.5
    return full


@pytest.mark.parametrize(
    ("um", "ms", "shape"), [(0.4, 8.0, SHAPE), (0.2, 8.0, (60, 80, 120)), (0.2, 4.0, (120, 80, 120))]
)
def test_with_nothing_added_the_fitted_pixels_stand(um, ms, shape):
    window, light = marked_pixels(FIT, um, ms, shape, False)
    fitted = np.zeros(shape, bool)
    fitted[window] = light > 0
    assert fitted.sum() > 0
    assert (marked(0.0, working_grid(um, ms), shape) == fitted).mean() > 0.9999


def test_what_is_added_moves_the_outline():
    fewer, same, more = (int(marked(v).sum()) for v in (-2.0, 0.0, 2.0))
    assert fewer < 0.8 * same < 0.8 * 0.8 * more


def test_a_clip_shows_the_light_the_fit_and_the_neighbours_at_their_place():
    z, worth = np.zeros(SHAPE, np.float32), np.full(SHAPE[1:], 2.0, np.float32)
    z[22, 20, 30] = 4.0
    clip = clip_of(z, worth, GRID, FIT, [BESIDE])
    assert np.unravel_index(clip[LIGHT].argmax(), clip[LIGHT].shape) == (BEFORE, SIDE // 2, SIDE // 2)
    assert clip[LIGHT].sum() == pytest.approx(4.0 / clips.DEVIATIONS)
    assert np.unravel_index(clip[FITTED].argmax(), clip[FITTED].shape)[1:] == (SIDE // 2, SIDE // 2)
    assert clip[BRIGHT].max() == pytest.approx(1.0 * 2.0 / clips.DEVIATIONS, rel=0.05)
    assert np.unravel_index(clip[OTHERS].argmax(), clip[OTHERS].shape)[1:] == (SIDE // 2, SIDE // 2 + 5)
    assert clip[OTHERS].max() == pytest.approx(2.0 * 2.0 / clips.DEVIATIONS, rel=0.05)
    assert not clip_of(z, worth, GRID, FIT, [])[OTHERS].any()


def test_beyond_the_recording_a_clip_is_empty():
    z, worth = np.ones((30, 24, 24), np.float32), np.ones((24, 24), np.float32)
    corner = Fit(0.0, 0.0, 0.0, 1.0, 0.9, 6.0, 33.0, 0.004, 0.1, 1.0, 50.0, 1.0)
    clip = clip_of(z, worth, GRID, corner, [])
    first = first_of(corner, GRID)
    assert not clip[LIGHT, : -first[0]].any()
    assert not clip[LIGHT, :, : -first[1]].any()
    assert clip[LIGHT, -first[0] :, -first[1] :, -first[2] :].min() > 0
