"""Leads of one heart, drawn with a known skew between their rows."""

import numpy as np
import pytest

from engine.ecg.leads import RATE_HZ
from engine.ecg.registration import KNOTS, LAWS, MOST_MS, along, registered

EINTHOVEN = LAWS["I", "II", "III"]


def beats(times_s: np.ndarray, size: float, width_s: float = 0.012) -> np.ndarray:
    """Narrow waves every 0.7 s and broad ones behind them, mV."""
    phase = (times_s - 0.3) % 0.7
    return size * (np.exp(-(((phase - 0.1) / width_s) ** 2)) + 0.25 * np.exp(-(((phase - 0.35) / 0.05) ** 2)))


def limb_leads(shifts_ms: tuple[float, float, float]) -> np.ndarray:
    """(3, 1250) mV of I, II, III, each printed so many ms too late."""
    times = np.arange(1250) / RATE_HZ
    late = [times - ms / 1000 for ms in shifts_ms]
    i, iii = beats(late[0], 0.7), beats(late[2], -0.4, 0.02)
    ii = beats(late[1], 0.7) + beats(late[1], -0.4, 0.02)
    return np.stack([i, ii, iii])


def residual(leads: np.ndarray, shifts: np.ndarray) -> float:
    at = np.arange(leads.shape[1], dtype=float)
    moved = [np.interp(at + along(s, len(at)), at, lead) for lead, s in zip(leads, shifts, strict=True)]
    return float(np.std((np.array(EINTHOVEN) @ np.stack(moved))[40:-40]))


@pytest.mark.parametrize("late_ms", [(12.0, 0.0, -10.0), (-20.0, 4.0, 0.0), (0.0, 9.0, 9.0)])
def test_rows_printed_too_late_are_read_later(late_ms):
    leads = limb_leads(late_ms)
    found = registered(leads, EINTHOVEN)
    expected = np.array(late_ms) - np.mean(late_ms)
    assert 1000 * found.mean(axis=1) / RATE_HZ == pytest.approx(expected, abs=1.5)
    assert residual(leads, found) < 0.15 * residual(leads, np.zeros((3, KNOTS)))


def test_a_slow_drift_along_the_row_is_followed():
    leads = limb_leads((0.0, 0.0, 0.0))
    at = np.arange(1250.0)
    leads[0] = np.interp(at - np.linspace(-5, 5, 1250), at, leads[0])
    found = registered(leads, EINTHOVEN)
    assert (found[0, -1] - found[0, 0]) - (found[2, -1] - found[2, 0]) == pytest.approx(10, abs=2.5)
    assert residual(leads, found) < 0.3 * residual(leads, np.zeros((3, KNOTS)))


def test_leads_on_one_clock_stay_where_they_are():
    assert not registered(limb_leads((0.0, 0.0, 0.0)), EINTHOVEN).any()


def test_unrelated_leads_keep_contradicting():
    rng = np.random.default_rng(3)
    noise = np.cumsum(rng.normal(0, 0.05, (3, 1250)), axis=1)
    found = registered(noise, EINTHOVEN)
    assert np.abs(found).max() <= MOST_MS * RATE_HZ / 1000
    assert residual(noise, found) > 0.6 * residual(noise, np.zeros((3, KNOTS)))


def test_too_little_in_common_moves_nothing():
    leads = limb_leads((12.0, 0.0, -10.0))
    leads[1, 200:] = np.nan
    assert not registered(leads, EINTHOVEN).any()
