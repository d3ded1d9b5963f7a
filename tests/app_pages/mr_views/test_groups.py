"""The patient among the groups of the training cohort."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from app_pages.mr_views.groups import CODES, GROUPS, among_groups, density
from engine.finding import Measurement


def finding(code, value):
    row = Measurement(code, "LV ejection fraction", value, "%")
    return SimpleNamespace(measurement=lambda asked: row if asked == code else None)


def test_a_distribution_is_highest_where_its_values_crowd_and_empty_far_away():
    values = np.array([10.0, 40.0, 42.0, 43.0, 44.0, 46.0])
    found = density(values, np.array([0.0, 10.0, 43.0, 100.0]))
    assert found[2] == 1
    assert 0.05 < found[1] < 0.5
    assert found[3] < 1e-3


def test_a_group_of_equal_values_is_still_drawn():
    assert density(np.full(5, 3.0), np.array([3.0, 4.0])).tolist() == [1.0, 0.0]


def test_every_group_is_drawn_with_the_patients_line_where_its_value_lies():
    low, high = (among_groups(finding(CODES[0], value)) for value in (20.0, 60.0))
    for group in GROUPS.values():
        assert group in high
    assert high.count("<path d='M") == 3 * len(GROUPS) + 1
    place = [float(re.findall(r"<path d='M([\d.]+) 18V", drawing)[0]) for drawing in (low, high)]
    assert place[1] - place[0] > 100


def test_what_was_not_measured_is_not_drawn():
    assert among_groups(finding("heart_rate", 60.0)) == ""


def test_medians_are_told_to_those_who_cannot_see_the_drawing():
    said = re.search(r"aria-label='([^']*)'", among_groups(finding(CODES[0], 55.0)))[1]
    assert "medians: Normal" in said
    assert float(re.search(r"Normal ([\d.]+)", said)[1]) == pytest.approx(62, abs=6)
