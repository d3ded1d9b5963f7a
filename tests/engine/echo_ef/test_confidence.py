import numpy as np
import pytest

from engine.echo_ef.confidence import calibrated


def test_a_temperature_takes_back_what_was_said_too_surely():
    shares = np.array([0.9, 0.1], np.float16).reshape(1, 2, 1, 1)
    said = calibrated(shares, 2.0)
    assert said.dtype == np.float32
    assert said[0, 0, 0, 0] == pytest.approx(3 / 4, abs=1e-3)  # odds of 9 become their root
    np.testing.assert_allclose(said.sum(1), 1, rtol=1e-6)


def test_at_one_nothing_changes_and_the_likeliest_stays_so():
    shares = np.random.default_rng(0).dirichlet(np.ones(4), (3, 5, 5)).transpose(0, 3, 1, 2).astype(np.float32)
    np.testing.assert_allclose(calibrated(shares, 1.0), shares, rtol=1e-5)
    assert (calibrated(shares, 1.7).argmax(1) == shares.argmax(1)).all()
