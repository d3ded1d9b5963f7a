"""The figures of digitisation, on signals whose ratios are known by hand."""

import gzip

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from benchmarks.ecg_digitisation import (
    BEST_DB,
    WORST_DB,
    Reading,
    align,
    folder_cases,
    main,
    read_truth,
    right_leads,
    snr_db,
    table,
)
from engine.ecg.leads import LEADS
from engine.ecg.signal import EcgSignal

RNG = np.random.default_rng(3)


@pytest.fixture
def printed():
    """Twelve unlike leads of noise at 3x4: each quarter of ten seconds prints three, and lead II runs through."""
    return page(RNG.normal(size=(5000, 12)))


def page(signal: np.ndarray) -> np.ndarray:
    shown = np.zeros((5000, 12), bool)
    for column in range(4):
        shown[1250 * column : 1250 * (column + 1), 3 * column : 3 * column + 3] = True
    shown[:, LEADS.index("II")] = True
    return np.where(shown, signal, np.nan)


def test_a_perfect_reading_is_the_best(printed):
    assert snr_db(printed, align(printed, printed)) == BEST_DB
    assert right_leads(printed, align(printed, printed)) == 1.0


@pytest.mark.parametrize("ratio_db", [0.0, 6.0, 20.0])
def test_noise_of_known_power_gives_its_ratio(printed, ratio_db):
    noisy = printed + RNG.normal(size=printed.shape) * 10 ** (-ratio_db / 20)
    assert snr_db(printed, align(printed, noisy)) == pytest.approx(ratio_db, abs=0.4)


@pytest.mark.parametrize("shift", [-250, -17, 0, 250])
def test_a_shifted_record_and_an_offset_cost_nothing(printed, shift):
    moved = np.full((6000, 12), np.nan)
    moved[500 + shift : 5500 + shift] = printed + 3.0
    moved = moved[500:] if shift >= 0 else moved[250:]
    wanted = shift if shift >= 0 else shift + 250
    assert wanted >= 0
    assert snr_db(printed, align(printed, moved)) == BEST_DB


def test_one_lead_may_lie_a_little_beside_the_others(printed):
    moved = printed.copy()
    moved[:, 1] = np.roll(printed[:, 1], 8)
    moved[:8, 1] = np.nan
    assert snr_db(printed, align(printed, moved)) > 20


def test_what_was_not_read_counts_as_zero(printed):
    half = printed.copy()
    half[:, ::2] = np.nan
    assert snr_db(printed, align(printed, half)) == pytest.approx(10 * np.log10(2), abs=1.2)
    assert snr_db(printed, align(printed, np.full((100, 12), np.nan))) == 0.0


def test_swapped_leads_are_not_right():
    printed = page(uniform_filter1d(RNG.normal(size=(5000, 12)), 100, axis=0))  # slow: 20 ms hide no likeness
    swapped = printed.copy()
    swapped[:, [3, 4]] = printed[:, [4, 3]]
    assert right_leads(printed, align(printed, swapped)) == pytest.approx(10 / 12)


def test_the_truth_is_read_with_its_gaps(tmp_path, printed):
    path = tmp_path / "page.csv.gz"
    path.write_bytes(gzip.compress(EcgSignal(printed, np.ones_like(printed)).to_csv()))
    np.testing.assert_allclose(read_truth(path), printed, atol=6e-5)


def test_a_folder_gives_the_pictures_that_have_a_truth(tmp_path, printed):
    (tmp_path / "clean").mkdir()
    csv = EcgSignal(printed, np.ones_like(printed)).to_csv()
    for name, data in {"a.jpg": b"picture", "a.csv": csv, "b.jpg": b"without truth"}.items():
        (tmp_path / "clean" / name).write_bytes(data)
    (case,) = folder_cases(tmp_path)
    assert (case.group, case.study.parts[0].data) == ("clean", b"picture")
    assert case.printed_mv.shape == (5000, 12)


def test_the_table_states_median_interval_and_refusals():
    readings = [Reading("clean", value, 1.0, 2.0) for value in (10.0, 20.0, 20.0, 20.0)]
    readings.append(Reading("clean", WORST_DB, 0.0, 1.0, True))
    row = table(readings).splitlines()[-1]
    assert row.startswith("| clean | 5 | 20.0 | ")
    assert "| 80.0 % | 1 | 2.0 |" in row


def test_an_empty_folder_is_bad_usage(tmp_path, capsys):
    assert main(["--data", str(tmp_path)]) == 2
    assert "no picture" in capsys.readouterr().err
