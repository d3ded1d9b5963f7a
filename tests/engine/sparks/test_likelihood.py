"""Log-likelihood ratios of a drawn spark, against their formula and against noise."""

import numpy as np
import pytest

from engine.sparks.baseline import Grid
from engine.sparks.fit import Fit
from engine.sparks.kinetics import FWHM_PER_SIGMA, release, rise_of
from engine.sparks.likelihood import AMPLITUDES, Usual, likelihoods, usual_amplitudes

GRID = Grid(1, 1, 0.4, 8.0)
PEAK = (20, 15, 15)
WORTH = np.full((31, 31), 2.0, np.float32)


def spark(amplitude, fwhm_um=2.1, tau_ms=42.0):
    """(60, 31, 31) noise-free deviations of a spark with its peak at PEAK."""
    rows, columns = np.mgrid[:31, :31]
    sigma = fwhm_um / FWHM_PER_SIGMA / GRID.um
    picture = np.exp(-0.5 * ((rows - PEAK[1]) ** 2 + (columns - PEAK[2]) ** 2) / sigma**2)
    course = release(10.0 + (np.arange(60) - PEAK[0]) * GRID.ms, rise_of(10.0, tau_ms), tau_ms)
    return (amplitude * 2.0 * course[:, None, None] * picture).astype(np.float32)


def fit(amplitude, evidence):
    return Fit(0.0, 0.0, 0.0, amplitude, 0.9, 6.0, 33.0, 0.0, 0.1, 5.0, evidence, 0.5)


def test_a_template_s_own_shape_answers_with_its_whole_energy():
    drawn = spark(0.6)
    (found,) = likelihoods(drawn, WORTH, GRID, [PEAK])
    assert found.response == pytest.approx(np.sqrt((drawn.astype(float) ** 2).sum()), rel=0.03)


def test_the_likeliest_amplitude_is_the_drawn_one():
    for amplitude in AMPLITUDES[[2, 5, 8]]:
        (found,) = likelihoods(spark(amplitude), WORTH, GRID, [PEAK])
        assert found.amplitude == pytest.approx(amplitude, rel=0.4)
        assert found.ratio() > 0


def test_noise_alone_speaks_against_a_spark_on_average():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((60, 31, 31)).astype(np.float32)
    places = [(t, y, x) for t in range(10, 50, 10) for y in range(6, 26, 6) for x in range(6, 26, 6)]
    said = [found.ratio() for found in likelihoods(noise, WORTH, GRID, places)]
    assert np.median(said) < 0
    (found,) = likelihoods(noise + spark(0.6), WORTH, GRID, [PEAK])
    assert found.ratio() > max(said)


def test_a_peak_at_the_border_and_a_line_are_answered():
    drawn = spark(0.6)
    for peak in ((0, 0, 0), (59, 30, 30)):
        assert np.isfinite(likelihoods(drawn, WORTH, GRID, [peak])[0].ratio())
    line = np.ascontiguousarray(drawn[:, 15:16])
    (found,) = likelihoods(line, WORTH[:1], GRID, [(20, 0, 15)])
    assert found.response == pytest.approx(np.sqrt((line.astype(float) ** 2).sum()), rel=0.03)


def test_a_usual_amplitude_is_likelier_than_an_unusual_one():
    (found,) = likelihoods(spark(0.6), WORTH, GRID, [PEAK])
    assert found.ratio(Usual(np.log(0.6), 10.0)) > found.ratio() > found.ratio(Usual(np.log(0.13), 10.0))


def test_clear_events_say_what_is_usual_and_each_is_told_of_the_others():
    first, second, faint = usual_amplitudes([fit(1.0, 20.0), fit(0.5, 20.0), fit(3.0, 1.0)])
    assert faint.count == pytest.approx(2, abs=0.01)
    assert first.count == pytest.approx(1, abs=0.01)
    assert np.exp(faint.log_amplitude) == pytest.approx((1.0 * 0.5 * 0.4**0.5) ** (1 / 2.5), rel=0.01)
    assert np.exp(second.log_amplitude) == pytest.approx((1.0 * 0.4**0.5) ** (1 / 1.5), rel=0.02)
    (alone,) = usual_amplitudes([fit(2.0, 30.0)])
    assert (np.exp(alone.log_amplitude), alone.count) == (pytest.approx(0.4), pytest.approx(0))
