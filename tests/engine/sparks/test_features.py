"""What the reader of events sees of a candidate's company."""

import numpy as np

from engine.sparks.baseline import rest_of, standardise, to_grid, working_grid
from engine.sparks.candidates import find_candidates
from engine.sparks.features import EVENT_FEATURES, event_features
from tests.engine.sparks.drawn_recording import MS, UM, drawn

GRID = working_grid(UM, MS)
TWICE = [(10, 12, 10, 1.0, 2.2, 12.0, 40.0), (40, 12, 10, 1.0, 2.2, 12.0, 40.0)]
APART = [(10, 12, 10, 1.0, 2.2, 12.0, 40.0), (40, 12, 30, 1.0, 2.2, 12.0, 40.0)]


def seen(sparks, frames=60):
    samples = to_grid(drawn(sparks, frames=frames), GRID)
    rest = rest_of(samples, 0.0)
    z, worth = standardise(samples, rest)
    search = find_candidates(z, worth, rest, GRID)
    rows = event_features(search, z, worth, rest, GRID)
    clear = np.array([c.fit.evidence > 20 for c in search.candidates])
    return {name: rows[clear, k] for k, name in enumerate(EVENT_FEATURES)}


def test_a_site_that_fired_before_is_known():
    assert (seen(TWICE)["site"] > 0).all()
    assert (seen(APART)["site"] == -2).all()


def test_a_cell_that_fires_more_often_is_known():
    assert seen(TWICE)["clear_rate"].min() > seen(TWICE[:1])["clear_rate"].max()
    assert seen(TWICE, frames=240)["clear_rate"].max() < seen(TWICE)["clear_rate"].min()


def test_the_size_of_a_sample_is_known():
    assert np.allclose(seen(TWICE)["sample_um"], 0)  # 0.4 um and 8 ms
    assert np.allclose(seen(TWICE)["sample_ms"], 0)
