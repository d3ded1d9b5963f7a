"""Beats, wave bounds and ectopy on drawn records whose answers are known."""

import numpy as np
import pytest

from engine.ecg.delineate import delineate
from engine.ecg.leads import RATE_HZ
from tests.engine.ecg.drawn_ecg import NORMAL, VENTRICULAR, Drawn, draw, printed_3x4, regular, signal_of


def intervals_ms(signal):
    waves = delineate(signal).median.waves
    ms = 1000 / RATE_HZ
    return (
        None if waves.p_onset is None else (waves.qrs_onset - waves.p_onset) * ms,
        (waves.qrs_offset - waves.qrs_onset) * ms,
        None if waves.t_offset is None else (waves.t_offset - waves.qrs_onset) * ms,
    )


@pytest.mark.parametrize("rate", [40, 55, 75, 100, 130, 160, 180])
@pytest.mark.parametrize("page", [False, True])
def test_every_beat_is_found_once_at_any_rate(rate, page):
    onsets = regular(rate)
    qt = min(380, 0.62 * 60_000 / rate)  # at high rates QT shortens
    signal = draw(onsets, NORMAL.with_(qt_ms=qt, pr_ms=min(160, 0.3 * 60_000 / rate)))
    found = delineate(printed_3x4(signal) if page else signal).r_peaks / RATE_HZ
    assert len(found) == len(onsets)
    np.testing.assert_allclose(found, onsets + 0.045, atol=0.02)  # R is in the middle of the QRS


@pytest.mark.parametrize("pr", [130, 160, 220, 280])
@pytest.mark.parametrize("qrs", [84, 100, 140])
def test_intervals_are_those_drawn(pr, qrs):
    found_pr, found_qrs, found_qt = intervals_ms(draw(regular(70), Drawn(pr_ms=pr, qrs_ms=qrs, qt_ms=390)))
    assert found_pr == pytest.approx(pr, abs=16)
    assert found_qrs == pytest.approx(qrs, abs=12)
    assert found_qt == pytest.approx(390, abs=16)


def test_a_page_gives_the_same_intervals_as_the_whole_record():
    signal = draw(regular(70), Drawn(pr_ms=210, qrs_ms=100))
    np.testing.assert_allclose(intervals_ms(printed_3x4(signal)), intervals_ms(signal), atol=10)
    np.testing.assert_allclose(intervals_ms(printed_3x4(signal, strip=None)), intervals_ms(signal), atol=12)


def test_six_limb_leads_are_enough():
    signal = draw(regular(80))
    samples = signal.samples_mv.copy()
    samples[:, 6:] = np.nan
    beats = delineate(signal_of(samples))
    assert len(beats.beats) == len(regular(80))
    assert beats.median.given() == ("I", "II", "III", "aVR", "aVL", "aVF")


def test_low_voltage_is_still_measured():
    small = Drawn(p=0.5, qrs=0.25, t=0.4)
    assert len(delineate(draw(regular(70), small, noise_mv=0.002)).beats) == len(regular(70))


def test_tall_t_waves_are_no_beats():
    peaked = Drawn(qrs=0.6, t=3.0)
    assert len(delineate(draw(regular(75), peaked)).beats) == len(regular(75))


def test_baseline_wander_and_gaps_do_not_hide_beats():
    signal = draw(regular(75))
    samples = signal.samples_mv + 0.5 * np.sin(2 * np.pi * 0.2 * np.arange(5000) / RATE_HZ)[:, None]
    samples[1000:1020] = np.nan
    assert len(delineate(signal_of(samples)).beats) == len(regular(75))


def test_every_usual_beat_has_a_p_wave():
    beats = delineate(draw(regular(70)))
    assert beats.p_share == 1.0
    assert all(b.waves.p_onset < b.waves.p_peak < b.waves.p_offset < b.waves.qrs_onset for b in beats.beats[1:])


def test_no_p_wave_is_seen_where_none_is_drawn():
    beats = delineate(draw(regular(70), NORMAL.with_(p=0.0)))
    assert beats.p_share == 0.0
    assert all(beat.waves.p_onset is None for beat in beats.beats)


def test_fibrillation_waves_are_no_p_waves():
    rng = np.random.default_rng(3)
    onsets = np.cumsum(np.r_[0.5, rng.uniform(0.5, 1.0, 11)])
    signal = draw(onsets[onsets < 9.5], NORMAL.with_(p=0.0))
    time = np.arange(5000) / RATE_HZ
    waves = 0.08 * np.sin(2 * np.pi * 5.7 * time + 2 * np.sin(2 * np.pi * 0.4 * time))
    beats = delineate(signal_of(signal.samples_mv + waves[:, None]))
    assert beats.p_share < 0.5
    assert not beats.ectopic  # all RR intervals differ: none is premature


def test_a_premature_wide_beat_is_ventricular():
    onsets = [0.5, 1.3, 2.1, 2.9, 3.4, 4.5, 5.3, 6.1, 6.9, 7.7, 8.5]
    kinds = [VENTRICULAR if k == 4 else NORMAL for k in range(len(onsets))]
    for signal in (draw(onsets, kinds), printed_3x4(draw(onsets, kinds))):
        beats = delineate(signal)
        assert [b.ectopic for b in beats.beats] == [""] * 4 + ["ventricular"] + [""] * 6
        assert (
            "67 % of the expected RR" in beats.beats[4].reason
        )  # R to R 535 ms (its R peaks 35 ms later in it) of 800 ms
        assert not beats.beats[4].dominant


def test_a_premature_narrow_beat_is_supraventricular():
    onsets = [0.5, 1.3, 2.1, 2.9, 3.4, 4.3, 5.1, 5.9, 6.7, 7.5, 8.3]
    beats = delineate(draw(onsets))
    assert [k for k, b in enumerate(beats.beats) if b.ectopic == "supraventricular"] == [4]
    assert len(beats.ectopic) == 1


def test_bigeminy_keeps_the_narrow_beats_as_the_usual_ones():
    onsets = np.sort(np.r_[np.arange(0.5, 9.4, 1.4), np.arange(1.0, 9.4, 1.4)])
    kinds = [NORMAL if k % 2 == 0 else VENTRICULAR for k in range(len(onsets))]
    beats = delineate(draw(onsets, kinds))
    assert [b.dominant for b in beats.beats] == [k % 2 == 0 for k in range(len(onsets))]
    assert {b.ectopic for b in beats.beats[1::2]} == {"ventricular"}


def test_waves_by_lead_are_given_where_the_lead_is_printed():
    beats = delineate(printed_3x4(draw(regular(70))))
    first, last = beats.beats[0], beats.beats[-1]
    assert {"I", "II", "III"} <= set(first.by_lead)
    assert "V5" not in first.by_lead
    assert {"II", "V4", "V5", "V6"} == set(last.by_lead)


def test_the_median_beat_rests_at_zero_before_the_qrs():
    median = delineate(draw(regular(70), noise_mv=0.0)).median
    np.testing.assert_allclose(median.samples_mv[median.waves.qrs_onset - 2], 0, atol=0.02)
    assert median.samples_mv[:, 1].max() == pytest.approx(1.0, abs=0.15)  # R in II as drawn; 40 Hz rounds its tip


@pytest.mark.parametrize("samples", [np.zeros((5000, 12)), np.full((5000, 12), np.nan), np.zeros((100, 12))])
def test_a_record_without_beats_has_none(samples):
    beats = delineate(signal_of(samples))
    assert beats.beats == ()
    assert beats.median is None
    assert beats.p_share is None
    assert len(beats.r_peaks) == 0
