"""Sizes of drawn sparks, and the pixels that belong to them."""

import numpy as np
import pytest

from engine.sparks.baseline import rest_of, standardise, to_grid, working_grid
from engine.sparks.candidates import find_candidates
from engine.sparks.fit import Fit, fit_sparks, marked_pixels
from engine.sparks.matched_filter import matched_filters
from tests.engine.sparks.drawn_recording import MS, UM, drawn

GRID = working_grid(UM, MS)
SPARK = (20, 12, 18, 1.2, 2.2, 12.0, 40.0)


def prepared(frames):
    samples = to_grid(frames, GRID)
    rest = rest_of(samples, 0.0)
    return *standardise(samples, rest), rest


def fitted(*sparks, peaks):
    z, _, rest = prepared(drawn(sparks))
    return fit_sparks(z, rest, GRID, peaks)


def test_the_sizes_of_a_spark_are_recovered():
    (fit,), left = fitted(SPARK, peaks=[(21, 12, 18)])
    assert fit.amplitude == pytest.approx(1.2, rel=0.07)
    assert fit.fwhm_um == pytest.approx(2.2, rel=0.07)
    assert fit.tau_ms == pytest.approx(40, rel=0.12)
    assert fit.peak_ms == pytest.approx(20 * MS + 12, abs=4)
    assert (fit.x_um / UM, fit.y_um / UM) == pytest.approx((18, 12), abs=0.2)
    assert fit.r2 > 0.9
    assert fit.evidence > 30
    assert np.abs(left).max() < 6  # nothing but noise is left


def test_noise_carries_little_evidence():
    (fit,), _ = fitted(peaks=[(30, 12, 18)])
    assert fit.evidence < 6


def test_touching_sparks_are_told_apart_and_one_is_not_split():
    z, worth, rest = prepared(drawn([SPARK, (24, 12, 24, 1.0, 2.0, 12.0, 40.0)]))
    strong = [c for c in find_candidates(z, worth, rest, GRID).candidates if c.fit.evidence > 10]
    assert sorted(round(c.fit.x_um / UM) for c in strong) == [18, 24]
    z, worth, rest = prepared(drawn([SPARK]))
    assert sum(c.fit.evidence > 10 for c in find_candidates(z, worth, rest, GRID).candidates) == 1


def test_a_pixel_belongs_while_it_has_a_quarter_of_the_peak():
    fit = Fit(80.0, 4.0, 6.0, 2.0, 1.0, 6.0, 30.0, 1e-9, 0.1, 1.0, 50.0, 1.0)
    marked = marked_pixels(fit, 0.4, 8.0, (60, 24, 40), False)
    (frames, rows, columns), light = marked
    assert frames.start == 11  # onset at frame 10; the first frame with a quarter is the next
    assert light.max() <= 2.0
    assert light[light > 0].min() >= 0.5
    reach = np.sqrt(2 * np.log(4)) / 0.4
    assert columns.stop - columns.start == 2 * int(reach) + 1
    assert rows.start == 10 - int(reach)


def test_a_spark_outside_of_the_recording_has_no_pixel():
    fit = Fit(80_000.0, 4.0, 6.0, 2.0, 1.0, 6.0, 30.0, 1e-9, 0.1, 1.0, 50.0, 1.0)
    assert marked_pixels(fit, 0.4, 8.0, (60, 24, 40), False) is None


def test_a_fit_that_goes_on_from_an_earlier_one_comes_to_the_same_sizes():
    peaks = [(21, 12, 18)]
    z, _, rest = prepared(drawn([SPARK]))
    (first,), _ = fit_sparks(z, rest, GRID, peaks)
    (again,), _ = fit_sparks(z, rest, GRID, peaks, [first])
    assert again.amplitude == pytest.approx(first.amplitude, rel=1e-2)
    assert (again.onset_ms, again.y_um, again.x_um) == pytest.approx((first.onset_ms, first.y_um, first.x_um), abs=0.1)
    assert again.evidence == pytest.approx(first.evidence, rel=1e-2)


def test_a_clear_spark_does_not_raise_the_rest_of_its_site():
    strong, faint_again = (10, 12, 10, 1.0, 2.2, 12, 40), (45, 12, 10, 0.12, 2, 12, 35)
    at_the_site = (slice(None), slice(44, 50), slice(10, 15), slice(8, 13))
    lowered, gained = [], []
    for seed in range(4):
        z, worth, rest = prepared(drawn([strong, faint_again], noise=24.0, seed=seed))
        found = find_candidates(z, worth, rest, GRID)
        lowered.append(float(rest.f0[12, 10] - found.rest.f0[12, 10]))
        assert np.array_equal(found.rest.f0[:, 22:], rest.f0[:, 22:])  # nothing fired there
        before = matched_filters(z, worth, UM, MS)
        gained.append(float(found.responses[at_the_site].max() - before[at_the_site].max()))
    assert np.mean(lowered) > 2  # of 200 counts
    assert np.mean(gained) > 1  # deviations


def test_a_candidate_keeps_nothing_of_the_recording_alive():
    z, worth, rest = prepared(drawn([SPARK]))
    assert find_candidates(z, worth, rest, GRID).candidates[0].responses.base is None
