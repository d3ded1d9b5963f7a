"""What the reader of events sees of a candidate's company."""

from dataclasses import replace

import numpy as np
import pytest

from engine.sparks.baseline import rest_of, standardise, to_grid, working_grid
from engine.sparks.candidates import find_candidates
from engine.sparks.features import CELL_FEATURES, EVENT_FEATURES, _f0_contrast, event_features
from tests.engine.sparks.drawn_recording import MS, UM, drawn

GRID, LINE = working_grid(UM, MS), working_grid(UM, MS, line_scan=True)
TWICE = [(10, 12, 10, 1.0, 2.2, 12.0, 40.0), (40, 12, 10, 1.0, 2.2, 12.0, 40.0)]
APART = [(10, 12, 10, 1.0, 2.2, 12.0, 40.0), (40, 12, 30, 1.0, 2.2, 12.0, 40.0)]


def seen(sparks, frames=60):
    samples = to_grid(drawn(sparks, frames=frames), GRID)
    rest = rest_of(samples, 0.0)
    z, worth = standardise(samples, rest)
    search = find_candidates(z, worth, rest, GRID)
    rows = event_features(search, z, worth, rest, GRID)
    clear = np.array([c.fit.evidence > 20 for c in search.candidates])
    return {name: rows[clear, k] for k, name in enumerate(CELL_FEATURES)}


def test_a_site_that_fired_before_is_known():
    assert (seen(TWICE)["site"] > 0).all()
    assert (seen(APART)["site"] == -2).all()


def test_a_cell_that_fires_more_often_is_known():
    assert seen(TWICE)["clear_rate"].min() > seen(TWICE[:1])["clear_rate"].max()
    assert seen(TWICE, frames=240)["clear_rate"].max() < seen(TWICE)["clear_rate"].min()


def test_the_size_of_a_sample_is_known():
    assert np.allclose(seen(TWICE)["sample_um"], 0)  # 0.4 um and 8 ms
    assert np.allclose(seen(TWICE)["sample_ms"], 0)


def test_a_clear_spark_is_likely_and_as_bright_as_the_others():
    found = seen(TWICE)
    assert (found["likelihood"] > 1).all()
    assert found["unusual"] == pytest.approx(np.log(1 / 0.4) / 3, abs=0.1)  # one other as bright, and half a one of 0.4
    assert (found["clear"] > np.log1p(0.9)).all()
    assert (seen(TWICE[:1])["clear"] < 0.2).all()


def test_f0_that_stands_out_is_known():
    samples = np.full((60, 24, 40), 200.0, np.float32) + np.random.default_rng(1).normal(0, 8, (60, 24, 40))
    rows, columns = np.mgrid[:24, :40]
    hill = np.exp(-0.5 * ((rows - 12) ** 2 + (columns - 30) ** 2) / 2.1**2)
    rest = rest_of((samples * (1 + 0.2 * hill)).astype(np.float32), 0.0)
    contrast, common = _f0_contrast(rest, 60, GRID)
    assert np.unravel_index(contrast.argmax(), contrast.shape) == pytest.approx((12, 30), abs=1)
    assert contrast.max() > 5 * common
    assert 0.5 < common < 2.0


def test_a_line_scan_is_described_by_what_a_single_line_tells():
    samples = to_grid(drawn(TWICE)[:, 12:13], LINE)
    rest = rest_of(samples, 0.0)
    z, worth = standardise(samples, rest)
    search = find_candidates(z, worth, rest, LINE)
    assert search.candidates
    assert event_features(search, z, worth, rest, LINE).shape == (len(search.candidates), len(EVENT_FEATURES))
    assert event_features(replace(search, candidates=()), z, worth, rest, GRID).shape == (0, len(CELL_FEATURES))
