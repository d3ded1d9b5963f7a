"""The measured error of the ejection fraction: fitted per band, and honest where little is known."""

import numpy as np
import pytest

from engine import models
from engine.echo_ef.task import networks
from tests.training.test_echo_dynamic import write_layout
from training import echo_ef


def test_few_patients_get_the_error_of_all_and_no_bias():
    rng = np.random.default_rng(0)
    reference = rng.uniform(30, 70, 60)
    error = echo_ef.fitted([(r + e, r) for r, e in zip(reference, rng.normal(0, 6, 60), strict=True)])
    assert error.bias == (0.0, 0.0, 0.0)
    assert all(d == pytest.approx(6, rel=0.35) for d in error.deviation)


def test_a_bias_that_is_sure_is_taken_off():
    rng = np.random.default_rng(1)
    reference = rng.uniform(55, 70, 80)
    error = echo_ef.fitted([(r + 5 + e, r) for r, e in zip(reference, rng.normal(0, 3, 80), strict=True)])
    assert error.bias[2] == pytest.approx(5, abs=1)


def test_a_wider_error_of_low_fractions_is_kept():
    rng = np.random.default_rng(2)
    reference = np.r_[rng.uniform(20, 30, 40), rng.uniform(60, 70, 40)]
    spread = np.r_[np.full(40, 10.0), np.full(40, 3.0)]
    error = echo_ef.fitted([(r + s * e, r) for r, s, e in zip(reference, spread, rng.normal(0, 1, 80), strict=True)])
    assert error.deviation[0] > 1.2 * error.deviation[2]


def test_patients_without_a_fraction_do_not_count():
    pairs = [(50.0, 52.0), (np.nan, 40.0), (61.0, 60.0), (30.0, 33.0)]
    assert echo_ef.fitted(pairs) == echo_ef.fitted([pairs[0], pairs[2], pairs[3]])


def test_videos_that_the_app_refuses_leave_too_few_to_measure(tmp_path):
    write_layout(tmp_path, splits=("TEST", "TEST"))  # grey frames: no sector
    shipped = networks(models.store("cpu"))
    said = echo_ef.measure_videos(tmp_path, shipped, echo_ef.fitted([(50.0, 52.0), (61.0, 60.0)]), tmp_path / "plots")
    assert "0 of 2 videos" in said
    assert not (tmp_path / "plots").exists()
