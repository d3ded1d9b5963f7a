"""Ectopy by hand-made beat times, shapes and widths."""

import numpy as np
import pytest

from engine.ecg.ectopy import classify, expected_rr

RR = 400  # samples, 0.8 s


def beats(early_at=None, early=0.6, n=10):
    """R peaks at RR, one of them `early` times RR after the beat before, the next where it would have been anyway."""
    peaks = 100 + RR * np.arange(n)
    if early_at is not None:
        peaks[early_at] = peaks[early_at - 1] + early * RR
    return peaks


def kinds(peaks, other=None, width=90.0, likeness=0.1, p_share=1.0):
    dominant, alike, qrs = np.ones(len(peaks), bool), np.ones(len(peaks)), np.full(len(peaks), 90.0)
    if other is not None:
        dominant[other], alike[other], qrs[other] = False, likeness, width
    return [kind for kind, _ in classify(peaks, dominant, alike, qrs, 90.0, p_share)]


def test_even_beats_are_in_turn():
    assert kinds(beats()) == [""] * 10


def test_an_early_beat_of_the_usual_shape_is_supraventricular():
    assert kinds(beats(early_at=4)) == [""] * 4 + ["supraventricular"] + [""] * 5


def test_an_early_wide_beat_of_another_shape_is_ventricular():
    assert kinds(beats(early_at=4), other=4, width=150) == [""] * 4 + ["ventricular"] + [""] * 5


def test_a_narrow_beat_of_a_somewhat_other_shape_is_not_ventricular():
    assert kinds(beats(early_at=4), other=4, width=95, likeness=0.7)[4] == "supraventricular"


def test_a_late_beat_is_not_premature():
    peaks = beats()
    peaks[4:] += 120
    assert kinds(peaks) == [""] * 10


@pytest.mark.parametrize(("early", "kind"), [(0.8, "supraventricular"), (0.95, "")])
def test_prematurity_has_a_limit(early, kind):
    assert kinds(beats(early_at=4, early=early))[4] == kind


def test_nothing_is_premature_in_a_chaotic_rhythm():
    rr = np.random.default_rng(2).uniform(0.6, 1.4, 14) * RR
    assert set(kinds(np.cumsum(rr).astype(int), p_share=0.0)) == {""}


def test_wide_beats_are_told_in_a_chaotic_rhythm_too():
    rr = np.random.default_rng(2).uniform(0.6, 1.4, 14) * RR
    assert kinds(np.cumsum(rr).astype(int), other=6, width=160, p_share=0.0)[6] == "ventricular"


def test_too_few_beats_say_nothing():
    assert kinds(np.array([100, 300])) == ["", ""]
    assert kinds(np.array([], int)) == []


def test_the_reason_states_width_and_prematurity():
    dominant = np.arange(10) != 4
    reasons = classify(beats(4), dominant, dominant * 1.0, np.where(dominant, 90.0, 150.0), 90.0, 1.0)
    assert reasons[4][1] == (
        "Wide QRS of another shape (150 ms, usual 90 ms), 60 % of the expected RR interval after the beat before."
    )


def test_expected_rr_ignores_intervals_beside_ectopic_beats():
    peaks = beats(early_at=4, early=0.5)
    np.testing.assert_array_equal(expected_rr(peaks, np.arange(10) != 4), RR)
