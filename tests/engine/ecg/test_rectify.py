"""Flat pages from pages of our own renderer, with the truth's masks in the network's place."""

import numpy as np
import pytest

from engine.ecg.rectify import PX_PER_MM, FlatPage, _without_waves, bent_page, flat_page
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


CURL_PX, CURLED_PX = 120.0, 500.0  # how far the left rim is pushed in, most at the top; how far in it begins


def curled(image: np.ndarray) -> np.ndarray:
    import cv2

    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    paper = (x - pushed(x, y, image.shape[0])).astype(np.float32)
    return cv2.remap(image, paper, y, cv2.INTER_LINEAR, borderValue=(255,) * 3)


def pushed(x: np.ndarray, y: np.ndarray, height: int) -> np.ndarray:
    return CURL_PX * (1 - y / height) * np.clip(1 - x / CURLED_PX, 0, 1) ** 2


def uneven_mm(found: FlatPage, height: int) -> float:
    """By how much places 12.5 mm apart on the page are nearer or farther on the paper, on average where it curls."""
    x, y = np.meshgrid(np.arange(300.0, 900.0, 100.0), np.arange(250.0, 950.0, 100.0))
    seen = found.photo_xy(x.ravel(), y.ravel()).astype(float)
    paper = seen[:, 0] - pushed(seen[:, 0], seen[:, 1], height)
    return float(np.abs(np.diff(paper.reshape(x.shape), axis=1) / 6 - 12.5).mean())


def test_a_curl_is_laid_flat(page):
    image, trace = curled(page.image), curled(page.masks["trace"]).astype(np.float32) / 255
    found, plain = bent_page(image, trace, trace), flat_page(image, trace, trace)
    assert found is not None
    assert plain is not None
    assert uneven_mm(found, len(image)) < 0.15
    assert uneven_mm(plain, len(image)) > 0.5


def test_flat_paper_has_no_curl(page):
    trace = page.masks["trace"].astype(np.float32) / 255
    assert bent_page(page.image, trace, trace) is None
