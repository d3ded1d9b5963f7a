import re

import numpy as np
import pytest

from app_pages.ecg_views.paper import LEVELS, Mark, _cells, _halo, paper, usual_arrangement
from engine.ecg.leads import LEADS
from engine.ecg.signal import EcgSignal


def signal(seconds=10.0, columns=4, strips=("II",)):
    """As a page prints it: each lead for its column's time, rhythm strips throughout; 0.1 mV everywhere."""
    samples = np.full((round(seconds * 500), 12), np.nan, np.float32)
    share, per_column = len(samples) // columns, 12 // columns
    for k in range(12):
        column = k // per_column
        samples[column * share : (column + 1) * share, k] = 0.1
    for lead in strips:
        samples[:, LEADS.index(lead)] = 0.1
    return EcgSignal(samples, np.isfinite(samples).astype(np.float32))


@pytest.mark.parametrize(("columns", "expected"), [(4, "3 × 4"), (2, "6 × 2"), (1, "3 × 4")])
def test_a_page_is_drawn_as_it_is_printed(columns, expected):
    assert usual_arrangement(signal(columns=columns, strips=())) == expected


def test_every_lead_has_its_place_and_the_rhythm_strip_runs_through():
    cells, rows = _cells(signal(), 4, 0.0, 10.0)
    assert [cell.lead for cell in cells] == [*LEADS, "II"]
    assert rows == 4
    assert {cell.lead: cell.start_s for cell in cells[:12]}["V4"] == 7.5
    assert (cells[-1].start_s, cells[-1].stop_s, cells[-1].row) == (0.0, 10.0, 3)


def test_one_second_is_25_mm_and_one_millivolt_10_mm():
    drawn = paper(signal(), "3 × 4", "t")
    assert "h1v-10h5v10h1" in drawn  # the calibration pulse
    strip = [float(x) for x in re.findall(r"[ML]([\d.]+) ", drawn.split("class='trace'")[-1])]
    assert strip[-1] - strip[0] == pytest.approx(250, abs=0.3)


def test_a_lead_that_starts_elsewhere_is_drawn_where_it_is_given():
    cells, _ = _cells(signal(columns=2, strips=()), 4, 0.0, 10.0)
    assert {cell.lead: cell.start_s for cell in cells}["V1"] == 5.0  # its column on a 3 x 4 page shows 5 to 7.5 s
    assert {cell.lead: cell.start_s for cell in cells}["aVR"] == 2.5
    assert {cell.lead: cell.start_s for cell in cells}["V6"] == 7.5


def test_more_attribution_has_a_higher_level_and_none_is_bare():
    read = signal(strips=())
    cell = _cells(read, 4, 0.0, 10.0)[0][0]
    weights = np.full((5000, 12), np.nan)
    weights[:1250, 0] = np.repeat([0.0, 1.0], 625)
    drawn = _halo(read, cell, 20.0, weights)
    assert f"l{LEVELS - 1}" in drawn
    assert drawn.count("<path") == 1
    left = min(float(x) for x in re.findall(r"[ML]([\d.]+) ", drawn))
    assert left == pytest.approx(cell.x(1.25), abs=0.2)


def test_a_mark_covers_its_time_in_its_lead_only():
    drawn = paper(signal(strips=()), "3 × 4", "t", marks=(Mark(8.0, 8.4, "V5", "QRS <1>"),))
    marks = re.findall(r"<rect class='mark' x='([\d.]+)' y='[\d.]+' width='([\d.]+)'", drawn)
    assert len(marks) == 1
    assert float(marks[0][1]) == pytest.approx(10.0)
    assert "QRS &lt;1&gt;" in drawn


def test_a_long_record_starts_where_asked():
    samples = np.zeros((15000, 12), np.float32)
    cells, _ = _cells(EcgSignal(samples, np.ones_like(samples)), 1, 12.0, 10.0)
    assert (cells[0].start_s, cells[0].stop_s) == (12.0, 22.0)


def test_gaps_break_the_line():
    read = signal(strips=())
    read.samples_mv[500:600, 0] = np.nan
    first = paper(read, "3 × 4", "t").split("class='trace'")[4]  # after the pulses of three rows
    assert first.count("M") == 2
