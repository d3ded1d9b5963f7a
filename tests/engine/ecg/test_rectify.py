"""Flat pages from pages of our own renderer, with the truth's masks in the network's place."""

import numpy as np
import pytest

from engine.ecg.rectify import PX_PER_MM, FlatPage, _without_waves, flat_page
from training.ecg_page import RenderedPage, plain_style, render
from training.ecg_simulator import EcgProfile, simulate


@pytest.fixture(scope="module")
def page() -> RenderedPage:
    signal = simulate(EcgProfile(), 10, np.random.default_rng(2))
    return render(signal, plain_style(px_per_mm=6), np.random.default_rng(2))


def flattened(page: RenderedPage, quarter_turns: int) -> FlatPage:
    trace = np.rot90(page.masks["trace"], quarter_turns).astype(np.float32) / 255
    found = flat_page(np.ascontiguousarray(np.rot90(page.image, quarter_turns)), np.ascontiguousarray(trace), trace)
    assert found is not None
    return found


def test_a_flat_scan_stays_flat_and_is_measured(page):
    found = flattened(page, 0)
    assert found.mm_known
    assert abs(found.rotation_deg) < 0.3
    left, right = found.photo_xy(np.array([400.0, 400 + 50 * PX_PER_MM]), np.array([500.0, 500.0]))
    assert np.linalg.norm(right - left) == pytest.approx(50 * 6, rel=0.01)


@pytest.mark.parametrize("quarter_turns", [1, 3])
def test_a_page_on_its_side_is_laid_with_its_rows_level(page, quarter_turns):
    found = flattened(page, quarter_turns)
    assert abs(abs(found.rotation_deg) - 90) < 0.5


def test_no_ink_is_no_page():
    assert flat_page(np.full((300, 400, 3), 250, np.uint8), *2 * [np.zeros((300, 400), np.float32)]) is None


def test_half_a_turn_keeps_every_place(page):
    found = flattened(page, 0)
    height, width = found.shape
    there = found.photo_xy(np.array([100.0]), np.array([200.0]))
    back = found.upside_down().photo_xy(np.array([width - 100.0]), np.array([height - 200.0]))
    np.testing.assert_allclose(there, back, atol=1.0)


def test_a_page_that_nearly_lies_flat_is_laid_flat_and_a_bent_one_is_not():
    at = np.stack(np.meshgrid(np.arange(40.0), np.arange(30.0)), -1) * 20
    noisy = at + np.random.default_rng(0).normal(0, 0.2, at.shape)
    noisy[:, :2] += 3.0  # the rim, where the grid was not seen
    np.testing.assert_allclose(_without_waves(noisy)[:, 2:], at[:, 2:], atol=0.2)
    np.testing.assert_allclose(_without_waves(noisy)[:, :2], at[:, :2], atol=0.2)
    bent = at + 6 * np.sin(at[..., :1] / 90)
    np.testing.assert_array_equal(_without_waves(bent), bent)
