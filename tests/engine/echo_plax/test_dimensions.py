"""Curves, beats and the sizes that follow from them, on callipers whose course is known."""

import csv
import io

import numpy as np
import pytest

from engine.echo_plax.calipers import Caliper, Calipers
from engine.echo_plax.dimensions import measurements, over_time, steady

RATE = 30.0


def beating(seconds=3.2, lvid=(48.0, 30.0), la=(30.0, 38.0), missing=(), rate=RATE):
    """Callipers of a heart of 75 beats a minute, from mid-diastole on. Wall and septum 9 and 10 at end-diastole, root 32."""
    phase = (np.arange(round(seconds * rate)) / rate / 0.8 + 0.8) % 1.0
    fall = np.where(phase < 0.4, np.sin(np.pi / 2 * phase / 0.4) ** 2, np.cos(np.pi / 2 * (phase - 0.4) / 0.6) ** 2)

    def line(length):
        return Caliper(float(length), (0.0, 0.0), (0.0, float(length)))

    frames = []
    for c in fall:
        sizes = {
            "lvid": lvid[0] - (lvid[0] - lvid[1]) * c, "ivs": 10 + 3 * c, "lvpw": 9 + 4 * c,
            "la": la[0] + (la[1] - la[0]) * c, "aorta": 32.0,
        }  # fmt: skip
        frames.append(Calipers(**{name: None if name in missing else line(v) for name, v in sizes.items()}))
    return frames


def by_code(dimensions, sex=""):
    return {m.code: m for m in measurements(dimensions, sex)}


def test_sizes_are_read_at_the_phase_that_the_guideline_names():
    found = by_code(over_time(beating(), 1.0, RATE))
    for code, value in {
        "lvid_d": 48,
        "lvid_s": 30,
        "ivs_d": 10,
        "lvpw_d": 9,
        "la_diameter": 38,
        "aortic_root": 32,
    }.items():
        assert found[code].value == pytest.approx(value, rel=0.03)
        assert found[code].unit == "mm"
    assert found["fractional_shortening"].value == pytest.approx(100 * (1 - 30 / 48), abs=1.5)
    assert found["heart_rate"].value == pytest.approx(75, abs=2)


def test_mass_and_relative_wall_thickness_are_the_guideline_s_formulas():
    found = by_code(over_time(beating(), 1.0, RATE))
    assert found["relative_wall_thickness"].value == pytest.approx(2 * 9 / 48, abs=0.02)
    cube = 0.8 * 1.04 * (6.7**3 - 4.8**3) + 0.6
    assert found["lv_mass"].value == pytest.approx(cube, rel=0.06)


def test_without_a_pixel_size_there_are_pixels_and_ratios_alone():
    found = by_code(over_time(beating(), None, RATE))
    assert "lv_mass" not in found
    assert found["lvid_d"].unit == "px"
    assert found["lvid_d"].low is None
    assert found["fractional_shortening"].low == 25
    assert found["relative_wall_thickness"].unit == "1"


@pytest.mark.parametrize(("sex", "range_"), [("M", (42.0, 58.4)), ("F", (37.8, 52.2)), ("", (37.8, 58.4))])
def test_ranges_are_the_guideline_s_for_the_sex(sex, range_):
    row = by_code(over_time(beating(), 1.0, RATE), sex)["lvid_d"]
    assert (row.low, row.high) == range_
    assert row.source.startswith("Lang 2015")


def test_a_size_that_no_frame_shows_is_not_stated():
    found = by_code(over_time(beating(missing=("la", "ivs")), 1.0, RATE))
    assert not {"la_diameter", "ivs_d", "lv_mass"} & found.keys()
    assert "lvid_d" in found


def test_a_still_heart_has_no_phase_to_read_at():
    assert measurements(over_time(beating(lvid=(48.0, 47.9)), 1.0, RATE)) == ()


def test_a_single_frame_has_sizes_and_nothing_of_end_systole():
    rows = measurements(over_time(beating()[:1], 1.0, None))
    assert [row.code for row in rows] == ["lvid", "ivs", "lvpw", "la", "aorta"]
    assert all(row.low is None and row.high is None for row in rows)


def test_the_table_has_a_row_per_frame_and_gaps_where_nothing_is_shown():
    frames = beating()
    frames[7] = Calipers()
    table = over_time(frames, 0.4, RATE).csv().decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert list(rows[0]) == ["frame", "lvid", "ivs", "lvpw", "la", "aorta", "unit", "mm_per_px"]
    assert [int(row["frame"]) for row in rows] == list(range(len(frames)))
    assert rows[7]["lvid"] == rows[7]["aorta"] == ""
    assert float(rows[3]["lvid"]) > 20
    assert {row["unit"] for row in rows} == {"mm"}
    assert float(rows[0]["mm_per_px"]) == pytest.approx(0.4)


def test_without_a_scale_the_table_says_pixels():
    rows = list(csv.DictReader(io.StringIO(over_time(beating(), None, RATE).csv().decode())))
    assert rows[0]["unit"] == "px"
    assert rows[0]["mm_per_px"] == ""


def test_single_bad_frames_do_not_reach_the_curve():
    sizes = np.linspace(40, 50, 40)
    sizes[[9, 20]] = 5, 120
    smoothed = steady(sizes, RATE)
    np.testing.assert_allclose(smoothed, np.linspace(40, 50, 40), atol=0.8)


def test_a_frame_without_a_size_stays_without():
    sizes = np.linspace(40, 50, 30)
    sizes[4:8] = np.nan
    np.testing.assert_array_equal(np.isnan(steady(sizes, RATE)), np.isnan(sizes))
