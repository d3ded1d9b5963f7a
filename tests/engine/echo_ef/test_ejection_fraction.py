"""Probabilities that follow from an estimate and its error."""

import numpy as np
import pytest

from engine.echo_ef.ejection_fraction import Estimate, MeasuredError, estimate, labels

ERROR = MeasuredError((40.0, 50.0), (0.0, 0.0, 0.0), (5.0, 5.0, 5.0))


def shares(found):
    return {label.code: label.probability for label in labels(found)}


def test_the_three_classes_add_up():
    for percent in (10, 38, 45, 50, 70):
        assert sum(shares(Estimate(percent, 6.0)).values()) == pytest.approx(1, abs=1e-3)


def test_an_estimate_on_an_edge_is_even():
    assert shares(Estimate(40.0, 6.0))["EF_REDUCED"] == pytest.approx(0.5, abs=1e-3)
    assert shares(Estimate(50.0, 6.0))["EF_PRESERVED"] == pytest.approx(0.5, abs=1e-3)


def test_one_deviation_above_the_edge_is_84_percent():
    assert shares(Estimate(56.0, 6.0))["EF_PRESERVED"] == pytest.approx(0.8413, abs=1e-3)


def test_a_clear_case_is_positive_and_a_close_one_uncertain():
    clear = {label.code: label for label in labels(Estimate(65.0, 5.0))}
    assert clear["EF_PRESERVED"].positive
    assert not clear["EF_PRESERVED"].uncertain
    close = {label.code: label for label in labels(Estimate(50.5, 6.0))}
    assert close["EF_PRESERVED"].uncertain


def test_one_badly_drawn_beat_moves_little():
    assert estimate(np.array([20.0, 21.0, 22.0, 60.0, 19.0]), ERROR).percent == pytest.approx(21.0)


def test_bias_is_taken_off_and_disagreement_widens():
    error = MeasuredError((40.0, 50.0), (2.0, 2.0, 2.0), (5.0, 5.0, 5.0))
    assert estimate(np.array([60.0]), error).percent == pytest.approx(58.0)
    assert estimate(np.array([60.0]), error, disagreement=10).deviation == pytest.approx(np.hypot(5, 5))


def test_the_error_has_no_step():
    error = MeasuredError((40.0, 50.0), (0.0, 0.0, 0.0), (9.0, 6.0, 4.0))
    deviations = [error.at(p)[1] for p in np.linspace(20, 80, 601)]
    assert np.abs(np.diff(deviations)).max() < 0.05
