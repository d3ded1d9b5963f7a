"""Rest, noise, bleaching and drift of recordings whose truth is known."""

import numpy as np
import pytest

from engine.sparks.baseline import rest_of, resting_level, standardise, to_grid, working_grid
from tests.engine.sparks.drawn_recording import drawn


def test_the_working_grid_averages_to_its_size():
    grid = working_grid(0.2, 4.0)
    assert (grid.bin_px, grid.bin_frames, grid.um, grid.ms) == (2, 2, 0.4, 8.0)
    frames = np.arange(4 * 4 * 6).reshape(4, 4, 6).astype(np.uint16)
    made = to_grid(frames, grid)
    assert made.shape == (2, 2, 3)
    assert made[0, 0, 0] == pytest.approx(frames[:2, :2, :2].mean())


def test_what_is_left_over_at_the_ends_is_filled_with_the_last_value():
    made = to_grid(np.full((3, 5, 5), 7, np.uint8), working_grid(0.2, 4.0))
    assert made.shape == (2, 3, 3)
    assert (made == 7).all()


def test_f0_and_noise_are_those_that_were_drawn():
    rest = rest_of(drawn(level=200, noise=8).astype(np.float32), background=50.0)
    assert np.median(rest.f0) == pytest.approx(150, rel=0.02)
    assert np.median(rest.noise) == pytest.approx(8, rel=0.08)
    assert rest.cell.mean() > 0.99
    assert not rest.drift.any()


def test_samples_at_rest_become_standard_normal():
    samples = drawn().astype(np.float32)
    z, worth = standardise(samples, rest_of(samples, 0.0))
    assert z.std() == pytest.approx(1, abs=0.08)
    assert abs(z.mean()) < 0.05
    assert np.median(worth) == pytest.approx(200 / 8, rel=0.1)


def test_bleaching_is_found_and_taken_out():
    frames = drawn().astype(np.float32)
    frames *= np.linspace(1.0, 0.7, len(frames))[:, None, None]
    rest = rest_of(frames, 0.0)
    assert rest.bleaching[-1] / rest.bleaching[0] == pytest.approx(0.7, abs=0.02)


def test_drift_is_registered():
    rng = np.random.default_rng(2)
    rows, columns = np.mgrid[:40, :40].astype(float)
    moved = [100 + 50 * np.sin(columns / 3 - 0.02 * t / 3) * np.cos(rows / 4) for t in range(80)]
    rest = rest_of((np.array(moved) + rng.standard_normal((80, 40, 40))).astype(np.float32), 0.0)
    assert rest.drift[-1, 1] - rest.drift[0, 1] == pytest.approx(0.02 * 79, abs=0.3)
    assert np.abs(rest.drift[:, 0]).max() < 0.2


def test_a_single_bright_sample_is_no_event():
    frames = drawn().astype(np.float32)
    frames[30, 12, 20] += 400
    z, _ = standardise(frames, rest_of(frames, 0.0))
    assert z[30, 12, 20] == 0


def test_in_noise_the_resting_level_is_nearly_as_sure_as_a_mean():
    blocks = np.random.default_rng(1).normal(10.0, 2.0, (15, 80, 80))
    spread = float(resting_level(blocks, 2.0).std())
    assert spread < 1.06 * float(blocks.mean(0).std())
    assert spread < 0.9 * float(np.median(blocks, axis=0).std())


def test_where_a_release_is_doubtful_the_level_is_the_median():
    blocks = np.random.default_rng(1).normal(10.0, 2.0, (15, 80, 80))
    blocks[9:, 20:60, 20:60] += 3.0
    level = resting_level(blocks, 2.0)
    assert (level == np.median(blocks, axis=0))[30:50, 30:50].mean() > 0.9
    assert (level != np.median(blocks, axis=0))[:10, :10].mean() > 0.9


def test_where_a_release_lasts_for_nearly_half_of_the_time_the_level_is_that_of_the_rest():
    blocks = np.random.default_rng(1).normal(10.0, 2.0, (15, 80, 80))
    blocks[8:, 20:60, 20:60] += 12.0
    level = resting_level(blocks, 2.0)
    assert level[30:50, 30:50].mean() == pytest.approx(10.0, abs=0.2)
    assert np.median(blocks, axis=0)[30:50, 30:50].mean() > 11.0
