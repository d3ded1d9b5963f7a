"""The temperature of drawn pixels whose accuracy is known."""

import numpy as np
import pytest

from training import echo_confidence
from training.echo_confidence import Pixels


def said(confidence, accuracy, count=4000):
    """Pixels that name class 0 with this confidence and are right in this share."""
    shares = np.empty((2, count), np.float32)
    shares[0], shares[1] = confidence, 1 - confidence
    return Pixels(shares, (np.arange(count) >= accuracy * count).astype(np.uint8))


def test_the_gap_is_what_is_said_too_much():
    assert echo_confidence.gap([said(0.95, 0.85)], 1.0) == pytest.approx(0.1, abs=1e-3)
    assert echo_confidence.gap([said(0.95, 0.85), said(0.75, 0.75)], 1.0) == pytest.approx(0.05, abs=1e-3)


def test_the_temperature_closes_the_gap():
    pixels = [said(0.9, 0.75)]  # odds of 9 that turn out to be 3: their root
    found = echo_confidence.temperature(pixels)
    assert found == pytest.approx(2.0, abs=0.06)
    assert echo_confidence.gap(pixels, found) < 0.01


def test_plain_background_far_from_the_heart_does_not_count():
    shares = np.zeros((4, 64, 64), np.float32)
    shares[0] = 1
    truth = np.zeros((64, 64), np.uint8)
    truth[30:34, 30:34] = 1
    near = echo_confidence.near_heart(shares, truth)
    assert near.shares.shape == (4, len(near.truth))
    assert 16 < len(near.truth) < 24**2
    assert (near.truth == 1).sum() == 16
