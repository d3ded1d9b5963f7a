"""The measured numbers of a drawn ECG, and curves whose sums can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.ecg.delineate import Beats, delineate
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.measured import FEATURES, AdditiveEvidence, measured
from engine.ecg.signal import EcgSignal


def number(values: np.ndarray, name: str) -> float:
    return float(values[FEATURES.index(name)])


def drawn(early: tuple[int, ...] = (), elevated: dict[str, float] | None = None) -> EcgSignal:
    """10 s of P, QRS and T waves once every 0.8 s; beats numbered in `early` come 0.25 s too soon."""
    time = np.arange(10 * RATE_HZ) / RATE_HZ
    samples = np.random.default_rng(0).normal(0, 0.002, (len(time), 12))
    for beat in range(12):
        r = 0.5 + 0.8 * beat - (0.25 if beat in early else 0)
        waves = [(-0.17, 0.02, 0.12), (0, 0.012, 1.0), (0.28, 0.05, 0.3)]
        for at, width, height in waves:
            samples += (height * np.exp(-(((time - r - at) / width) ** 2)))[:, None] * np.linspace(0.5, 1, 12)
        for lead, level in (elevated or {}).items():
            raised = (time > r + 0.035) & (time < r + 0.2)
            samples[raised, LEADS.index(lead)] += level
    return EcgSignal(samples.astype(np.float32), np.ones_like(samples, dtype=np.float32))


def test_rate_and_regularity() -> None:
    found = measured(delineate(drawn()))
    assert number(found, "heart_rate") == pytest.approx(75, abs=1)
    assert number(found, "rr_spread") < 0.02
    assert number(found, "earliest") > 0.97


def test_an_early_beat_is_seen() -> None:
    found = measured(delineate(drawn(early=(6,))))
    assert number(found, "earliest") == pytest.approx(0.55 / 0.8, abs=0.03)
    assert number(found, "latest") == pytest.approx(1.05 / 0.8, abs=0.05)


def test_st_elevation_counts_in_contiguous_leads_only() -> None:
    pair = number(measured(delineate(drawn(elevated={"V4": 0.3, "V5": 0.3}))), "st_raised_late")
    apart = number(measured(delineate(drawn(elevated={"V4": 0.3, "V6": 0.3}))), "st_raised_late")
    assert pair == pytest.approx(0.3 - 0.1, abs=0.08)
    assert apart < 0.05


def test_nothing_is_measured_without_beats() -> None:
    assert np.isnan(measured(Beats(()))).all()


def test_curves_add_up() -> None:
    curves = AdditiveEvidence(features=2, knots=3, classes=1)
    curves.knots = torch.tensor([[0.0, 1.0, 3.0], [0.0, 1.0, 2.0]])
    curves.rise = torch.tensor([[[1.0], [4.0]], [[-2.0], [0.0]]])
    curves.missing = torch.tensor([[0.5], [7.0]])
    curves.base = torch.tensor([10.0])
    numbers = torch.tensor([[2.0, 0.5], [torch.nan, torch.nan], [-5.0, 9.0]])
    assert curves(numbers).flatten().tolist() == [10 + 1 + 2 - 1, 10 + 0.5 + 7, 10 - 2]
    assert curves.shares(numbers)[0].flatten().tolist() == [3.0, -1.0]
