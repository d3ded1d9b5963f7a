"""Pages of our own renderer read back to their signals, with the shipped network; and what is no ECG."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from engine import models
from engine.ecg.digitisation import Calibration, Digitisation, DigitiseOptions
from engine.ecg.digitise import (
    Piece,
    Reading,
    _moved,
    _piece,
    _refuse_part_of_page,
    _smoothed,
    _without_rims,
    digitise,
)
from engine.ecg.layout import Placed
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal
from engine.ecg.trace import RowCurve
from engine.errors import RefusedStudy
from training.ecg_page import RenderedPage, plain_style, render
from training.ecg_simulator import EcgProfile, simulate


@pytest.fixture(scope="module")
def network() -> models.LoadedModel:
    return models.store("cpu").get("ecg-page")


@pytest.fixture(scope="module")
def page() -> RenderedPage:
    signal = simulate(EcgProfile(), 10, np.random.default_rng(1))
    return render(signal, plain_style(px_per_mm=6), np.random.default_rng(1))


@pytest.fixture(scope="module")
def read(page, network) -> Digitisation:
    return digitise(page.image, DigitiseOptions(), network)


def snr_db(true: np.ndarray, found: np.ndarray) -> float:
    """Of the best of shifts up to 40 ms; medians removed, missing samples 0."""
    true = true - np.median(true)
    found = np.nan_to_num(found - np.nanmedian(found))
    errors = [((true - np.roll(found, shift))[40:-40] ** 2).sum() for shift in range(-20, 21)]
    return float(10 * np.log10((true[40:-40] ** 2).sum() / min(errors)))


def test_layout_and_calibration_of_a_clean_page(read):
    assert read.layout == "3x4+1"
    assert (read.calibration.speed_mm_s, read.calibration.gain_mm_mv) == (25, 10)
    assert read.grid_found
    assert tuple(read.signal.given()) == tuple(LEADS)


def test_the_signals_of_a_clean_page_come_back(read, page):
    found = {(trace.lead, trace.rhythm): trace for trace in read.traces}
    values = []
    for drawn in page.leads:
        trace = found[drawn.lead, drawn.rhythm]
        count = min(len(drawn.values_mv), len(trace.values_mv))
        values.append(snr_db(drawn.values_mv[:count], trace.values_mv[:count]))
    assert np.median(values) > 10


def test_a_page_upside_down_is_turned(page, network):
    found = digitise(np.ascontiguousarray(page.image[::-1, ::-1]), DigitiseOptions(), network)
    assert found.layout == "3x4+1"
    assert abs(abs(found.rotation_deg) - 180) < 1


def test_the_reader_s_gain_counts(page, read, network):
    twice = digitise(page.image, DigitiseOptions(gain_mm_mv=20.0), network)
    assert twice.calibration.gain_from == "reader"
    ratio = np.nanstd(read.signal.samples_mv) / np.nanstd(twice.signal.samples_mv)
    assert ratio == pytest.approx(2, rel=0.02)


def test_an_empty_page_is_refused(network):
    with pytest.raises(RefusedStudy, match="curves of an ECG"):
        digitise(np.full((600, 800, 3), 240, np.uint8), DigitiseOptions(), network)


def test_a_corner_of_a_page_is_refused(page, network):
    height, width = page.image.shape[:2]
    with pytest.raises(RefusedStudy):
        digitise(page.image[: int(0.42 * height), : int(0.27 * width)].copy(), DigitiseOptions(), network)


@pytest.mark.parametrize(("seconds", "refused"), [(10.0, False), (5.0, False), (2.5, True)])
def test_four_columns_of_leads_in_the_width_of_one_are_a_part_of_a_page(seconds, refused):
    samples = np.zeros((round(seconds * RATE_HZ), len(LEADS)), np.float32)
    placed = Placed("3x4+1", (0, 1, 2, 3), 5.0, 5, ())
    calibration = Calibration(25, 10, "printed text", "printed text", 8, 8)
    reading = Reading(placed, np.zeros(5), calibration, (), EcgSignal(samples, np.ones_like(samples)), ())
    with pytest.raises(RefusedStudy, match="part of a page") if refused else nullcontext():
        _refuse_part_of_page(reading)


def test_a_jump_at_the_end_of_a_column_is_not_read():
    values = 0.02 * np.sin(np.arange(400) / 30)
    values[-4:] = 0.9
    at = np.arange(400.0)
    piece = Piece("I", 0, values, np.ones(400), at, at.copy(), False)
    kept = np.isfinite(_without_rims(piece).values_mv)
    assert kept[:-4].all()
    assert not kept[-4:].any()


def test_a_pulse_s_edge_is_not_read_where_the_ink_begins_late():
    values = 0.02 * np.sin(np.arange(400) / 30)
    values[:7] = np.nan
    values[7:11] = 0.9
    at = np.arange(400.0)
    kept = np.isfinite(_without_rims(Piece("I", 0, values, np.ones(400), at, at.copy(), False)).values_mv)
    assert not kept[:11].any()
    assert kept[11:].all()


def test_a_steep_stroke_up_to_a_separator_is_read():
    values = 0.02 * np.sin(np.arange(400) / 30)
    values[-4:] = 0.9
    at = np.arange(400.0)
    piece = Piece("I", 0, values, np.ones(400), at, at.copy(), False)
    assert np.isfinite(_without_rims(piece, (False, True)).values_mv).all()


def test_a_wave_inside_a_column_is_read():
    values = 1.2 * np.exp(-(((np.arange(400) - 200) / 6.0) ** 2))
    at = np.arange(400.0)
    assert np.isfinite(_without_rims(Piece("I", 0, values, np.ones(400), at, at.copy(), False)).values_mv).all()


def test_a_reader_is_told_that_rows_were_moved_and_how_far():
    (told,) = _moved({"I": np.array([0.0, 2.0, 4.0]), "III": np.array([-6.0, 0.0, 0.0])})
    assert "12 ms" in told
    assert _moved({}) == ()


def test_smoothing_takes_the_grain_and_leaves_the_wave():
    at = np.arange(400)
    true = 1.0 * np.exp(-(((at - 200) / 12.0) ** 2))  # QRS complex of 40 ms at half its height
    grain = 0.05 * (-1.0) ** at
    read = _smoothed(true + grain, 19)
    assert read[200] == pytest.approx(1.0, abs=0.02)
    assert np.sqrt(np.mean((read - true) ** 2)) < 0.01


def test_a_stretch_shorter_than_the_window_stays_as_it_is():
    values = np.array([0.0, 1.0, 0.0])
    np.testing.assert_array_equal(_smoothed(values, 19), values)


def test_a_curve_keeps_its_level_where_the_pen_is_on_its_way_to_the_next_column():
    at = np.arange(400.0)
    y = np.where(at < 198, 100.0, np.where(at < 203, 150.0, 200.0))  # a pen of 4 px goes from one level to the next
    curve = RowCurve(y, np.ones(400), 4.0, 150.0, at, y)
    calibration = Calibration(25.0, 10.0, "reader", "reader", 8.0, 8.0)
    piece = _piece(curve, "I", 0.0, 200.0, 0.0, calibration, False)
    np.testing.assert_allclose(piece.values_mv, 0, atol=1e-9)


def test_a_page_that_contradicts_itself_is_read_again_as_curled_paper(page, network, monkeypatch):
    """Rows printed at once that lie 60 ms apart, as on curled paper: the reading that fits together is kept."""
    from engine.ecg import digitise as steps

    maps = steps.segment(page.image, network.module, network.device)
    plain = steps._read_sheet(steps._sheet(page.image, maps), DigitiseOptions())
    samples = plain[1].signal.samples_mv.copy()
    samples[:, 0] = np.roll(samples[:, 0], 200)
    apart = replace(plain[1], signal=EcgSignal(samples, plain[1].signal.confidence))
    assert apart.laws.contradiction > plain[1].laws.contradiction
    monkeypatch.setattr(steps, "bent_page", lambda *_: plain[0].page)
    _, reading = steps._read_curled(page.image, maps, DigitiseOptions(), (plain[0], apart))
    assert reading.laws.contradiction == pytest.approx(plain[1].laws.contradiction)
    monkeypatch.setattr(steps, "bent_page", lambda *_: None)
    assert steps._read_curled(page.image, maps, DigitiseOptions(), (plain[0], apart))[1] is apart
