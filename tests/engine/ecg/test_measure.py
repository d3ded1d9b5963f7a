"""Measurements of drawn records: values, units, ranges, sources, and where they were read."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.ecg.delineate import Beats, delineate
from engine.ecg.leads import LEADS
from engine.ecg.measure import mean_rr_s, measure, qrs_axis_deg, st_elevation_limit_mv, st_level
from tests.engine.ecg.drawn_ecg import NORMAL, VENTRICULAR, Drawn, draw, printed_3x4, regular, signal_of, twelve


def measured(signal):
    return {m.code: m for m in measure(signal, delineate(signal))}


def test_all_codes_of_the_contract_are_there_with_their_units():
    found = measured(draw(regular(72)))
    units = {"heart_rate": "/min", "pr_interval": "ms", "qrs_duration": "ms", "qt_interval": "ms", "rr_cv": "%"}
    units |= {
        "qtc_bazett": "ms",
        "qtc_fridericia": "ms",
        "qrs_axis": "deg",
        "p_wave_share": "%",
        "ectopic_beats": "{beats}",
    }
    units |= {f"st_level_{lead}": "mV" for lead in LEADS}
    assert {code: m.unit for code, m in found.items()} == units
    assert all(isinstance(m.value, float) and np.isfinite(m.value) for m in found.values())
    assert all(m.source for m in found.values() if m.low is not None or m.high is not None)


@pytest.mark.parametrize("rate", [45, 72, 110, 170])
def test_heart_rate_is_that_drawn(rate):
    signal = draw(regular(rate), NORMAL.with_(qt_ms=min(380, 0.6 * 60_000 / rate), pr_ms=130))
    assert measured(signal)["heart_rate"].value == pytest.approx(rate, rel=0.01)
    assert measured(printed_3x4(signal))["heart_rate"].value == pytest.approx(rate, rel=0.02)


def test_corrected_qt_follows_bazett_and_fridericia():
    found = measured(draw(regular(90), Drawn(qt_ms=360)))
    qt, rr = found["qt_interval"].value, 60 / 90
    assert qt == pytest.approx(360, abs=16)
    assert found["qtc_bazett"].value == pytest.approx(qt / np.sqrt(rr), rel=0.01)
    assert found["qtc_fridericia"].value == pytest.approx(qt / np.cbrt(rr), rel=0.01)


def test_values_know_their_reference_range():
    found = measured(draw(regular(104), Drawn(pr_ms=225, qt_ms=310)))
    assert found["heart_rate"].in_range is False
    assert found["pr_interval"].in_range is False
    assert measured(draw(regular(70), Drawn(qrs_ms=140)))["qrs_duration"].in_range is False
    assert found["rr_cv"].in_range is None
    assert measured(draw(regular(72)))["pr_interval"].in_range is True


def test_an_even_rhythm_hardly_varies_and_an_uneven_one_as_drawn():
    assert measured(draw(regular(72)))["rr_cv"].value < 1
    rr = np.tile([0.7, 0.9], 6)
    found = measured(draw(np.cumsum(np.r_[0.5, rr])[:11]))
    assert found["rr_cv"].value == pytest.approx(100 * np.std(rr[:10], ddof=1) / 0.8, rel=0.1)


def test_st_levels_are_those_drawn():
    raised = Drawn(st_mv=(("V2", 0.3), ("V3", 0.25), ("V6", -0.12)), t=0.5)
    found = measured(printed_3x4(draw(regular(70), raised, noise_mv=0.0)))
    for lead, level in (("V2", 0.3), ("V3", 0.25), ("V6", -0.12), ("II", 0.0)):
        assert found[f"st_level_{lead}"].value == pytest.approx(level, abs=0.04), lead
    assert found["st_level_V2"].in_range is False
    assert found["st_level_V6"].in_range is False
    assert found["st_level_II"].in_range is True


def test_elevation_limits_are_higher_in_v2_and_v3():
    assert [st_elevation_limit_mv(lead) for lead in ("V1", "V2", "V3", "V4", "II")] == [0.1, 0.2, 0.2, 0.1, 0.1]


@pytest.mark.parametrize("angle", [-60, -20, 0, 45, 80, 120, 170])
def test_axis_is_that_drawn(angle):
    signal = draw(regular(70), noise_mv=0.0)
    size = signal.lead("V5")
    eight = np.concatenate([np.zeros((5000, 2)), signal.samples_mv[:, 6:]], axis=1)
    eight[:, 0] = size * np.cos(np.radians(angle))  # lead I lies at 0 degrees, II at 60
    eight[:, 1] = size * np.cos(np.radians(angle - 60))
    assert qrs_axis_deg(delineate(signal_of(twelve(eight))).median) == pytest.approx(angle, abs=3)


def test_axis_needs_two_limb_leads():
    samples = draw(regular(70)).samples_mv.copy()
    samples[:, 1:6] = np.nan
    assert qrs_axis_deg(delineate(signal_of(samples)).median) is None
    assert "qrs_axis" not in measured(signal_of(samples))


def test_every_interval_says_where_it_was_read():
    onsets = regular(70)
    found = measured(printed_3x4(draw(onsets)))
    pr = found["pr_interval"].where
    assert pr["lead"] == "II"
    assert pr["end_s"] - pr["start_s"] == pytest.approx(0.16, abs=0.03)
    assert np.abs(onsets - pr["end_s"]).min() < 0.015
    st = found["st_level_V5"].where
    assert st["lead"] == "V5"
    assert 7.5 <= st["start_s"] < st["end_s"] <= 10.0  # V5 is printed in the last quarter


def test_what_cannot_be_measured_is_left_out():
    without_p = measured(draw(regular(70), NORMAL.with_(p=0.0)))
    assert "pr_interval" not in without_p
    assert without_p["p_wave_share"].value == 0
    flat = signal_of(np.zeros((5000, 12)))
    assert measure(flat, delineate(flat)) == ()
    assert measure(flat, Beats(())) == ()
    samples = draw(regular(70)).samples_mv.copy()
    samples[:, 8] = np.nan
    assert "st_level_V3" not in measured(signal_of(samples))
    assert st_level(delineate(signal_of(samples)).median, "V3") is None


def test_ectopic_beats_are_counted_and_do_not_spread_the_rr():
    onsets = [0.5, 1.3, 2.1, 2.9, 3.4, 4.5, 5.3, 6.1, 6.9, 7.7, 8.5]
    found = measured(draw(onsets, [VENTRICULAR if k == 4 else NORMAL for k in range(11)]))
    assert found["ectopic_beats"].value == 1
    assert found["ectopic_beats"].where["start_s"] == pytest.approx(3.4, abs=0.03)
    assert found["rr_cv"].value < 2
    assert found["heart_rate"].value == pytest.approx(75, rel=0.02)


def test_two_intervals_that_contradict_each_other_give_no_rate():
    def beats_at(*samples):
        return SimpleNamespace(r_peaks=np.array(samples))

    assert mean_rr_s(beats_at(100, 300, 1300)) is None
    assert mean_rr_s(beats_at(100)) is None
    assert mean_rr_s(beats_at(100, 500, 900, 1700)) == pytest.approx(0.8)  # one beat was missed
