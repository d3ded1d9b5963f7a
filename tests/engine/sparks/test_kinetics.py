"""The shape of a spark, against values worked out by hand."""

import numpy as np
import pytest

from engine.sparks import kinetics


def test_the_course_is_zero_before_onset_and_one_at_its_peak():
    peak = float(kinetics.time_to_peak(6.0, 30.0))
    assert peak == pytest.approx(6 * np.log(6))
    assert kinetics.release(np.array([-1.0, 0.0, peak]), 6.0, 30.0) == pytest.approx([0, 0, 1])
    around = kinetics.release(np.array([peak - 0.5, peak + 0.5]), 6.0, 30.0)
    assert (around < 1).all()


def test_a_long_decay_is_exponential():
    late = kinetics.release(np.array([200.0, 240.0]), 2.0, 40.0)
    assert late[1] / late[0] == pytest.approx(np.exp(-1), rel=1e-6)


@pytest.mark.parametrize(("wanted", "tau"), [(5.0, 15.0), (11.0, 35.0), (25.0, 70.0)])
def test_the_rise_constant_puts_the_peak_where_it_is_wanted(wanted, tau):
    assert kinetics.time_to_peak(kinetics.rise_of(wanted, tau), tau) == pytest.approx(wanted)


def test_half_of_the_maximum_is_crossed_twice():
    first, last = kinetics.crossings(6.0, 30.0, 0.5)
    assert kinetics.release(np.array([first, last]), 6.0, 30.0) == pytest.approx([0.5, 0.5], abs=1e-6)
    assert kinetics.duration_at_half_maximum(6.0, 30.0) == pytest.approx(last - first)


def test_a_spark_spreads_by_diffusion_and_never_shrinks_to_nothing():
    assert kinetics.variance(np.array(10.0), 1.0, 0.01) == pytest.approx(1.2)
    assert kinetics.variance(np.array(-1e3), 1.0, 0.01) == pytest.approx(1 / 3)
