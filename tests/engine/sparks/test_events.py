"""Releases that are slower than sparks, by name."""

import numpy as np
import pytest

from engine.sparks.baseline import rest_of, standardise, to_grid, working_grid
from engine.sparks.events import slow_releases, too_faint, too_long
from engine.sparks.fit import Fit
from tests.engine.sparks.drawn_recording import MS, UM, drawn

GRID = working_grid(UM, MS)
PUFF = (20, 12, 60, 0.8, 3.0, 30.0, 240.0)
SPARK = (20, 12, 20, 0.8, 2.0, 12.0, 40.0)


def slow(frames):
    samples = to_grid(frames, GRID)
    rest = rest_of(samples, 0.0)
    return slow_releases(*standardise(samples, rest), rest, GRID, 0)


def test_a_long_release_in_one_place_is_a_puff_and_a_spark_is_none():
    (found,) = slow(drawn([PUFF, SPARK], frames=90, width=80))
    assert found.kind == "puff"
    assert (found.x, found.y) == pytest.approx((60, 12), abs=2)
    assert found.t_start == pytest.approx(20, abs=6)
    assert 2 < found.extent_px * UM < 6


def test_a_release_that_runs_through_the_cell_is_a_wave():
    frames = drawn(frames=120, width=160).astype(float)
    columns = np.arange(160)
    since = (np.arange(120)[:, None] - 30 - (columns[None, :] - 40) / 3) * MS  # 150 um/s, from column 40 to 120
    course = np.where(since > 0, (1 - np.exp(-since / 20)) * np.exp(-since / 150), 0) * (
        (columns > 40) & (columns < 120)
    )
    (found,) = slow(frames * (1 + course[:, None, :]))
    assert found.kind == "wave"
    assert found.extent_px > 40


@pytest.mark.parametrize(("tau", "expected"), [(70.0, False), (180.0, True)])
def test_what_lasts_longer_than_any_spark_is_none(tau, expected):
    assert too_long(Fit(80.0, 4.0, 6.0, 1.0, 0.9, 6.0, tau, 0.004, 0.1, 1.0, 50.0, 1.0)) is expected


@pytest.mark.parametrize(("amplitude", "expected"), [(0.2, False), (0.02, True)])
def test_what_is_fainter_than_any_spark_is_none(amplitude, expected):
    assert too_faint(Fit(80.0, 4.0, 6.0, amplitude, 0.9, 6.0, 40.0, 0.004, 0.01, 1.0, 8.0, 0.7)) is expected
