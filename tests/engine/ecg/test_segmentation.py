"""The page network's shapes and precision, and what the shipped weight sees on a page whose masks are known."""

import numpy as np
import pytest
import torch

from engine import devices, models
from engine.ecg import segmentation
from engine.ecg.segmentation import LAYERS, PageNet, folded, segment
from training.ecg_page import phone_style, plain_style, render
from training.ecg_simulator import EcgProfile, simulate


def dice(said: np.ndarray, true: np.ndarray) -> float:
    """Of a map and a mask 0..255, both cut at one half."""
    a, b = said > 0.5, true > 127
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


@pytest.fixture(scope="module")
def shipped() -> torch.nn.Module:
    return models.store("cpu").get("ecg-page").module


@pytest.fixture(scope="module")
def page():
    signal = simulate(EcgProfile(), 10, np.random.default_rng(1))
    return render(signal, plain_style(px_per_mm=5), np.random.default_rng(1))


@pytest.fixture(scope="module")
def photo():
    rng = np.random.default_rng(4)
    signal = simulate(EcgProfile(qrs="RBBB"), 10, rng)
    return render(signal, phone_style(plain_style(), rng), rng)


@pytest.mark.parametrize("size", [(97, 131), (64, 64), (33, 500)])
def test_maps_have_the_size_of_the_picture(size):
    network = PageNet(channels=(4, 4, 8, 8, 8)).eval()
    maps = segment(np.full((*size, 3), 200, np.uint8), network, "cpu")
    for layer in LAYERS:
        values = getattr(maps, layer)
        assert values.shape == size
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1


def test_folding_the_normalisation_changes_nothing():
    torch.manual_seed(0)
    network = PageNet(channels=(4, 6, 8, 8, 8), normalised=True)
    for _ in range(3):
        network(torch.rand(2, 3, 64, 64))
    network.eval()
    picture = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        for a, b in zip(network(picture), folded(network)(picture), strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    assert folded(network).state_dict().keys() == PageNet(channels=(4, 6, 8, 8, 8)).state_dict().keys()


def test_tiles_agree_with_the_whole(shipped, page, monkeypatch):
    whole = segment(page.image, shipped, "cpu", rescale=False)
    monkeypatch.setattr(segmentation, "MAX_PX", 1000)
    monkeypatch.setattr(segmentation, "TILE_PX", 512)
    tiled = segment(page.image, shipped, "cpu", rescale=False)
    assert np.abs(whole.trace - tiled.trace).mean() < 0.002


def test_the_shipped_weight_finds_curve_grid_and_names_of_a_clean_page(shipped, page):
    maps = segment(page.image, shipped, "cpu")
    assert dice(maps.trace, page.masks["trace"]) > 0.85
    assert maps.lead_name[page.masks["lead_name"] > 127].mean() > 0.6
    assert maps.lead_name[page.masks["lead_name"] == 0].mean() < 0.01
    lines = page.masks["grid"] > 0.8 * page.masks["grid"].max()
    assert maps.grid[lines].mean() > 3 * maps.grid[page.masks["grid"] == 0].mean()


def test_the_shipped_weight_finds_the_curve_of_a_photo(shipped, photo):
    maps = segment(photo.image, shipped, "cpu")
    assert dice(maps.trace, photo.masks["trace"]) > 0.75


def test_bfloat16_and_float32_see_the_same(shipped, page, monkeypatch):
    picture = page.image[:480, :640]
    quick = segment(picture, shipped, "cpu", rescale=False)
    monkeypatch.setattr(devices, "fast_bfloat16", lambda: False)
    exact = segment(picture, shipped, "cpu", rescale=False)
    assert np.abs(quick.trace - exact.trace).max() < 0.15
    assert ((quick.trace > 0.5) != (exact.trace > 0.5)).mean() < 0.001
