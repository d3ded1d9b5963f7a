"""The limb leads' laws on signals that keep them exactly, that break them, and that cannot be checked."""

import numpy as np
import pytest

from engine.ecg.physics import lead_laws


def twelve(seconds: float = 2.0) -> np.ndarray:
    t = np.arange(round(500 * seconds)) / 500
    one, two = np.sin(7 * t), np.cos(5 * t)
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.stack([*limb, *(np.sin(k * t) for k in range(6))], axis=1)


def test_one_heart_keeps_both_laws():
    laws = lead_laws(twelve())
    assert laws.einthoven == pytest.approx(0, abs=1e-9)
    assert laws.goldberger == pytest.approx(0, abs=1e-9)


def test_a_lead_upside_down_breaks_its_law_only():
    leads = twelve()
    leads[:, 0] *= -1
    laws = lead_laws(leads)
    assert laws.einthoven > 1
    assert laws.goldberger < 1e-9
    assert laws.worst == laws.einthoven


def test_leads_not_printed_together_cannot_be_checked():
    leads = twelve()
    leads[:400, 0] = np.nan
    leads[300:, 1] = np.nan
    assert np.isnan(lead_laws(leads).einthoven)


@pytest.mark.parametrize("size", [0.1, 1.0, 10.0])
def test_unrelated_curves_contradict_each_other_whatever_their_sizes(size):
    leads = twelve()
    t = np.arange(len(leads)) / 500
    leads[:, 2] = size * np.sin(23 * t)
    assert lead_laws(leads).contradiction > 0.95


def test_a_small_second_lead_makes_no_contradiction_of_a_small_error():
    leads = twelve()
    leads[:, 2] = 0.1 * leads[:, 1] - leads[:, 0]
    leads[:, 1] *= 0.1
    leads[::2, 0] += 0.1
    leads[1::2, 0] -= 0.1
    laws = lead_laws(leads)
    assert laws.einthoven > 0.9
    assert laws.contradiction < 0.3


def test_unrelated_leads_contradict_each_other_and_those_of_one_heart_do_not():
    assert not lead_laws(twelve()).contradictory
    leads = twelve()
    leads[:, 2] = np.random.default_rng(5).normal(0, 1, len(leads))
    assert lead_laws(leads).contradictory
    assert not lead_laws(np.full((1000, 12), np.nan)).contradictory
