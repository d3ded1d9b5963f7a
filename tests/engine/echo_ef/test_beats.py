"""Beats of volume curves that are drawn with known ends of diastole and systole."""

import numpy as np
import pytest

from engine.echo_ef.beats import find_beats, heart_rate

RATE = 50.0


def curve(intervals_s, ef=60.0, rate=RATE, noise=0.0, start=0.6):
    """A curve that begins `start` of a beat in. Returns it with the true end-systolic frames."""
    lengths = np.round(np.array(intervals_s) * rate).astype(int)
    pieces, at, systoles = [], 0, []
    for length in lengths:
        phase = np.arange(length) / length
        fall = np.where(
            phase < 0.35, np.sin(np.pi / 2 * phase / 0.35) ** 2, np.cos(np.pi / 2 * (phase - 0.35) / 0.65) ** 2
        )
        pieces.append(100 * (1 - ef / 100 * fall))
        systoles.append(at + round(0.35 * length))
        at += length
    whole = np.concatenate(pieces)
    skipped = int(start * lengths[0])
    values = whole[skipped:] + np.random.default_rng(3).normal(0, noise, len(whole) - skipped)
    return values, [s - skipped for s in systoles if s - skipped > 0]


@pytest.mark.parametrize("rate_per_minute", [40, 60, 90, 130])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_every_whole_beat_is_found(rate_per_minute, noise):
    values, systoles = curve([60 / rate_per_minute] * 5, noise=noise)
    beats = find_beats(values, RATE)
    assert len(beats) == len(systoles)
    np.testing.assert_allclose([b.es_frame for b in beats], systoles, atol=4)
    np.testing.assert_allclose([b.ef_percent for b in beats], 60, atol=5)


def test_beats_of_atrial_fibrillation_are_found_though_no_two_are_alike():
    values, systoles = curve([0.7, 0.5, 1.1, 0.62, 0.9, 0.55])
    np.testing.assert_allclose([b.es_frame for b in find_beats(values, RATE)], systoles, atol=3)


def test_a_recording_without_a_frame_rate_still_has_beats():
    values, systoles = curve([0.8] * 3)
    assert len(find_beats(values, None)) == len(systoles)


@pytest.mark.parametrize(
    "values", [np.full(60, 80.0), np.full(60, np.nan), np.linspace(100, 60, 40), np.array([1.0, 2.0])]
)
def test_no_contraction_no_beat(values):
    assert find_beats(values, RATE) == ()


def test_a_loop_of_one_beat_cut_within_systole_pairs_systole_with_the_next_diastole():
    values, _ = curve([0.9] * 3, start=0.0)
    loop = values[int(0.2 * 0.9 * RATE) : int(1.2 * 0.9 * RATE)]
    (beat,) = find_beats(loop, RATE)
    assert beat.es_frame < beat.ed_frame
    assert beat.ef_percent == pytest.approx(60, abs=3)


def test_gaps_are_bridged():
    values, systoles = curve([0.9] * 4)
    values[systoles[1] - 3 : systoles[1] - 1] = np.nan
    assert len(find_beats(values, RATE)) == len(systoles)


def test_heart_rate_needs_a_frame_rate_and_two_beats():
    values, _ = curve([0.8] * 4)
    beats = find_beats(values, RATE)
    assert heart_rate(beats, RATE) == pytest.approx(75, abs=2)
    assert heart_rate(beats, None) is None
    assert heart_rate(beats[:1], RATE) is None
