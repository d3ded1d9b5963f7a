"""Bleaching of cells whose fading is known, with and without a wave."""

import numpy as np
import pytest

from engine.sparks.bleaching import bleaching_factor

FRAMES, PER_BLOCK = 120, 8
CENTRES = (np.arange(FRAMES // PER_BLOCK) + 0.5) * PER_BLOCK - 0.5


def blocks(light, seed=0):
    """(N, pixels) block means of 400 pixels of 100 counts, times `light` (N,), with noise of 2 counts."""
    return 100.0 * np.asarray(light)[:, None] + np.random.default_rng(seed).normal(0.0, 2.0, (len(light), 400))


def factor(light):
    seen = blocks(light)
    return bleaching_factor(seen, np.median(seen, axis=0), CENTRES, FRAMES)


def wave(first_block, height=1.5, tau_blocks=2.0):
    """(N,) relative light of a cell that a wave lights up as a whole."""
    after = np.arange(len(CENTRES)) - first_block
    return 1 + np.where(after >= 0, height * np.exp(-np.maximum(after, 0) / tau_blocks), 0.0)


def test_a_cell_at_rest_fades_along_a_parabola():
    bent = 1 - 0.3 * CENTRES / FRAMES + 0.1 * (CENTRES / FRAMES) ** 2
    found = factor(bent)
    assert found[-1] / found[0] == pytest.approx(0.8, abs=0.01)
    assert np.median(found) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("first_block", [1, 5, 9, 13])
def test_a_wave_is_no_bleaching(first_block):
    found = factor(wave(first_block))
    assert np.ptp(found) < 0.03


@pytest.mark.parametrize("first_block", [2, 5, 12])
def test_bleaching_is_found_beside_a_wave(first_block):
    found = factor(wave(first_block) * (1 - 0.2 * CENTRES / FRAMES))
    assert found[-1] / found[0] == pytest.approx(0.8, abs=0.05)


def test_a_cell_that_brightens_slowly_and_little_is_followed():
    found = factor(1 + 0.05 * CENTRES / FRAMES)
    assert found[-1] / found[0] == pytest.approx(1.05, abs=0.01)


def test_three_blocks_tell_no_bleaching():
    assert (bleaching_factor(np.ones((3, 10)), np.ones(10), np.arange(3.0), 20) == 1).all()
