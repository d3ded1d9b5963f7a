"""Laws that a simulated ECG must keep."""

import numpy as np
import pytest

from engine.ecg.leads import LEADS
from training.ecg_simulator import EcgProfile, random_profile, simulate

QUIET = {"noise_mv": 0.0, "wander_mv": 0.0, "rr_cv": 0.0}


def lead(signal: np.ndarray, name: str) -> np.ndarray:
    return signal[LEADS.index(name)]


@pytest.mark.parametrize("seed", range(5))
def test_limb_leads_obey_einthoven_and_goldberger(seed):
    rng = np.random.default_rng(seed)
    signal = simulate(random_profile(rng), 4, rng)
    assert signal.shape == (12, 2000)
    np.testing.assert_allclose(lead(signal, "II"), lead(signal, "I") + lead(signal, "III"), atol=1e-6)
    np.testing.assert_allclose(lead(signal, "aVR") + lead(signal, "aVL") + lead(signal, "aVF"), 0, atol=1e-6)


def test_the_rate_is_the_one_asked_for():
    signal = simulate(EcgProfile(heart_rate=75, **QUIET), 8, np.random.default_rng(0))
    two = lead(signal, "II")
    peaks = np.flatnonzero((two[1:-1] > two[:-2]) & (two[1:-1] >= two[2:]) & (two[1:-1] > 0.6)) + 1
    np.testing.assert_allclose(np.diff(peaks), 400, atol=1)


def test_st_level_rises_where_the_injury_is_and_falls_opposite():
    calm, hurt = (
        simulate(EcgProfile(st_mv=st, **QUIET), 4, np.random.default_rng(3)) for st in ({}, {"inferior": 0.3})
    )
    change = hurt - calm
    assert 0.15 < lead(change, "II").max() < 0.25
    assert lead(change, "III").max() > 0.25
    assert lead(change, "aVL").min() < -0.15


def test_wide_qrs_lasts_longer_than_a_normal_one():
    slopes = []
    for shape in ("normal", "LBBB", "RBBB"):
        signal = simulate(
            EcgProfile(qrs=shape, t_factor=0.0, heart_rate=60, pr_ms=300, **QUIET), 2, np.random.default_rng(1)
        )
        slopes.append(int((np.abs(np.diff(signal, axis=1)).max(axis=0) > 0.012).sum()))
    assert slopes[1] > 1.3 * slopes[0]
    assert slopes[2] > 1.2 * slopes[0]


def test_what_cannot_be_simulated_is_refused():
    for profile in (EcgProfile(rhythm="flutter"), EcgProfile(qrs="narrow"), EcgProfile(st_mv={"septal": 0.1})):
        with pytest.raises(ValueError, match="asked for"):
            simulate(profile, 1, np.random.default_rng(0))
