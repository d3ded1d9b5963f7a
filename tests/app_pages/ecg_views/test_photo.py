import io

import numpy as np
import pytest
from PIL import Image

from app_pages.ecg_views import photo
from engine.ecg.digitisation import Calibration, Digitisation, LeadTrace
from engine.ecg.leads import LEADS
from engine.ecg.signal import EcgSignal


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.fixture
def read():
    """One lead across the middle of a white picture of 800 x 400 px; the page is the picture."""
    x = np.linspace(100, 700, 500)
    xy = np.stack([x, np.full(500, 200.0)], axis=1).astype(np.float32)
    samples = np.full((500, 12), np.nan, np.float32)
    samples[:, 1] = 0
    trace = LeadTrace("II", 0, np.zeros(500), np.ones(500), xy, xy)
    corners = np.array([[20, 20], [780, 20], [780, 380], [20, 380]], float)
    calibration = Calibration(25, 10, "reader", "reader", 8.0, 8.0)
    white = np.full((400, 800, 3), 255, np.uint8)
    return Digitisation(EcgSignal(samples, np.isfinite(samples)), (trace,), "12x1", calibration, white, corners)


@pytest.fixture
def white():
    return np.full((400, 800, 3), 255, np.uint8)


def test_the_trace_is_drawn_where_it_lies_on_the_photo(white, read):
    drawn = decoded(photo.understood(white, read, ("Trace",)))
    scale = drawn.shape[1] / 800
    assert drawn[round(200 * scale), round(400 * scale)].sum() < 500
    assert drawn[round(100 * scale), round(400 * scale)].min() > 245


def test_no_layer_leaves_the_photo_as_it_is(white, read):
    assert decoded(photo.understood(white, read, ())).min() > 250


def test_the_printed_area_is_outlined(white, read):
    drawn = decoded(photo.understood(white, read, ("Printed area",)))
    scale = drawn.shape[1] / 800
    red, _, blue = drawn[round(200 * scale), round(20 * scale)]
    assert blue > red + 60  # Okabe-Ito blue


def test_more_attribution_is_lighter_and_wider(white, read):
    weights = np.full((12, 500), np.nan)
    weights[LEADS.index("II")] = np.repeat([0.02, 0.99], 250)
    drawn = decoded(photo.attributed(white, read, weights))
    scale = drawn.shape[1] / 800
    low, high = (drawn[:, round(x * scale)] for x in (250, 550))
    assert (low.sum(axis=1) < 690).sum() < (high.sum(axis=1) < 690).sum()
    assert drawn[round(200 * scale), round(250 * scale)].sum() < drawn[round(200 * scale), round(550 * scale)].sum()


def test_ink_that_was_not_read_is_not_drawn(white, read):
    read.traces[0].photo_xy[200:300] = np.nan
    drawn = decoded(photo.understood(white, read, ("Trace",)))
    scale = drawn.shape[1] / 800
    assert drawn[round(200 * scale), round(400 * scale)].min() > 245


def test_pictures_are_bounded():
    assert decoded(photo.plain(np.zeros((3000, 6000, 3), np.uint8))[0]).shape[:2] == (800, 1600)
