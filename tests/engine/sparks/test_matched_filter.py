"""The detector's two promises: standard normal in noise, and the signal-to-noise ratio at a spark."""

import numpy as np

from engine.sparks.kinetics import FWHM_PER_SIGMA, release, rise_of
from engine.sparks.matched_filter import CHANNELS, FWHM_UM, TAU_MS, matched_filters

UM, MS = 0.4, 8.0


def test_noise_alone_gives_a_standard_normal():
    z = np.random.default_rng(0).standard_normal((100, 60, 60)).astype(np.float32)
    found = matched_filters(z, np.full((60, 60), 5.0, np.float32), UM, MS)
    assert found.shape == (CHANNELS, 100, 60, 60)
    assert np.abs(found.std((1, 2, 3)) - 1).max() < 0.06


def test_a_spark_of_the_template_s_own_shape_answers_with_its_whole_energy():
    rows, columns = np.mgrid[:31, :31]
    sigma = FWHM_UM[1] / FWHM_PER_SIGMA / UM
    picture = np.exp(-0.5 * ((rows - 15) ** 2 + (columns - 15) ** 2) / sigma**2)
    course = release(10.0 + (np.arange(50) - 20) * MS, rise_of(10.0, TAU_MS[1]), TAU_MS[1])
    z = (3.0 * course[:, None, None] * picture).astype(np.float32)
    found = matched_filters(z, np.ones((31, 31), np.float32), UM, MS)
    own = found[3]
    assert np.unravel_index(own.argmax(), own.shape) == (20, 15, 15)
    assert abs(own.max() - np.sqrt((z.astype(float) ** 2).sum())) < 0.03 * own.max()
    assert own.max() >= found.max() * 0.999


def test_a_line_scan_is_filtered_along_its_line_only():
    z = np.random.default_rng(1).standard_normal((200, 1, 60)).astype(np.float32)
    found = matched_filters(z, np.ones((1, 60), np.float32), 0.1, 1.0)
    assert found.shape == (CHANNELS, 200, 1, 60)
    assert np.abs(found.std((1, 2, 3)) - 1).max() < 0.25
