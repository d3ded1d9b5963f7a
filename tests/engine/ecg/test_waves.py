"""Bounds on single drawn beats, one lead or many."""

import numpy as np
import pytest

from engine.ecg.waves import Waves, find_waves, p_bounds, qrs_bounds, t_bounds
from tests.engine.ecg.drawn_ecg import NORMAL, Drawn, draw


def one_beat(kind=NORMAL, leads=slice(None)):
    """A quiet beat whose QRS begins at sample 300, and the sample in the middle of its QRS."""
    samples = draw([0.6], kind, seconds=1.4, noise_mv=0.0).samples_mv.astype(float)[:, leads]
    return samples, 300 + round(kind.qrs_ms / 4)


@pytest.mark.parametrize("qrs_ms", [70, 90, 120, 160])
@pytest.mark.parametrize("leads", [slice(None), [0], [1], [10]])
def test_qrs_bounds_are_those_drawn(qrs_ms, leads):
    beat, r = one_beat(Drawn(qrs_ms=qrs_ms, qt_ms=420), leads)
    onset, offset = qrs_bounds(beat, r)
    assert onset == pytest.approx(300, abs=5)
    assert offset == pytest.approx(300 + qrs_ms / 2, abs=6)


def test_st_elevation_does_not_widen_the_qrs():
    beat, r = one_beat(Drawn(st_mv=(("V2", 0.4), ("V3", 0.4))))
    assert qrs_bounds(beat, r)[1] == pytest.approx(345, abs=8)


def test_p_bounds_are_those_drawn():
    beat, _ = one_beat(Drawn(pr_ms=180))
    onset, peak, offset = p_bounds(beat, 300, (0, 60))
    assert onset == pytest.approx(210, abs=8)
    assert peak == pytest.approx(235, abs=4)
    assert offset == pytest.approx(260, abs=8)


def test_no_p_wave_where_none_is():
    beat, _ = one_beat(NORMAL.with_(p=0.0))
    assert p_bounds(beat, 300, (0, 60)) == (None, None, None)


def test_no_p_wave_where_there_is_no_room():
    beat, _ = one_beat()
    assert p_bounds(beat, 300, (285, 298)) == (None, None, None)


@pytest.mark.parametrize("t", [0.6, 1.0, -1.0])
def test_t_bounds_are_those_drawn(t):
    beat, _ = one_beat(Drawn(qt_ms=380, t=t))
    peak, offset = t_bounds(beat, 345, 1000)
    assert peak == pytest.approx(300 + (380 - 81.8) / 2, abs=8)
    assert offset == pytest.approx(300 + 190, abs=8)


def test_no_t_wave_where_none_is():
    beat, _ = one_beat(NORMAL.with_(t=0.0))
    assert t_bounds(beat, 345, 1000) == (None, None)


def test_waves_come_in_order():
    beat, r = one_beat()
    found = list(vars(find_waves(beat, r, 400)).values())
    order = [found[k] for k in (2, 3, 4, 0, 1, 5, 6)]
    assert order == sorted(order)


def test_moved_waves_keep_what_is_missing():
    assert Waves(10, 20, t_peak=30).moved(5) == Waves(15, 25, None, None, None, 35, None)


def test_noise_alone_gives_bounds_around_the_peak_and_never_fails():
    noise = np.random.default_rng(0).normal(0, 0.1, (650, 12))
    waves = find_waves(noise, 300, 400)
    assert waves.qrs_onset < 300 < waves.qrs_offset


def test_where_no_lead_moves_the_qrs_has_no_width():
    assert qrs_bounds(np.full((650, 3), 0.2), 300) == (300, 300)
