"""The shape of hand-drawn QRS complexes."""

import numpy as np
import pytest

from engine.ecg.delineate import MedianBeat, Waves
from engine.ecg.qrs_shape import qrs_shape


def shape(heights, qrs_ms=100):
    """The shape of a complex through these heights (mV) at even steps."""
    samples = np.zeros((600, 12))
    corners = [0.0, *heights, 0.0]
    stop = 300 + qrs_ms // 2
    samples[300 : stop + 1, 6] = np.interp(np.arange(300, stop + 1), np.linspace(300, stop, len(corners)), corners)
    return qrs_shape(MedianBeat(samples, 300 + qrs_ms // 4, Waves(300, stop), {}, np.ones(12, int)), "V1")


@pytest.mark.parametrize(
    ("heights", "signs"),
    [([1.0], "+"), ([-0.1, 1.0, -0.2], "-+-"), ([0.2, -1.0], "+-"), ([-1.0], "-"), ([0.3, -0.4, 0.8], "+-+")],
)
def test_waves_in_their_order(heights, signs):
    assert "".join("+" if wave[0] > 0 else "-" for wave in shape(heights).waves) == signs


def test_small_ripples_are_no_waves():
    assert len(shape([-0.02, 1.0, -0.03]).waves) == 1


def test_q_wave():
    assert shape([-0.1, 1.0]).has_q
    assert not shape([1.0, -0.1]).has_q


def test_rs_and_qs_are_mostly_negative():
    assert shape([0.2, -1.0]).mostly_negative
    assert shape([-1.0]).mostly_negative
    assert not shape([0.8, -0.6]).mostly_negative


def test_second_r_wave_is_late():
    assert shape([0.3, -0.4, 0.8], 140).late_r
    assert not shape([0.2, -1.0], 90).late_r
    assert not shape([-0.1, 1.0, 0.3, 0.1], 80).late_r
    assert shape([-0.5, -0.3, 0.8, 0.4], 140).late_r


def test_wide_s_wave():
    assert shape([0.8, -0.3, -0.4, -0.3], 140).wide_s
    assert not shape([-0.1, 0.5, 1.0, 0.5, -0.1], 90).wide_s


def test_broad_or_notched_r_wave():
    assert shape([0.5, 0.9, 0.7, 1.0, 0.5], 150).broad_r
    assert shape([0.5, 0.9, 0.7, 1.0, 0.5], 150).notched
    assert not shape([-0.1, 1.0, -0.1], 80).broad_r


def test_a_flat_lead_has_no_waves():
    flat = shape([0.0])
    assert flat.waves == ()
    assert not any([flat.has_q, flat.broad_r, flat.late_r, flat.wide_s, flat.mostly_negative])
