"""Layouts from names at known places, with wrong and missing ones among them."""

import numpy as np
import pytest

from engine.ecg.layout import LAYOUTS, candidates, column_starts
from engine.ecg.text import Word

SPAN = (100.0, 2100.0)


def named(layout: str, skip: tuple[str, ...] = ()) -> tuple[list[Word], np.ndarray]:
    """The words of a page of that layout, each a little above its curve, and the curves' heights."""
    columns = LAYOUTS[layout].columns
    y = 200.0 + 250 * np.arange(LAYOUTS[layout].rows)
    width = (SPAN[1] - SPAN[0]) / len(columns)
    words = [
        Word(lead, 0.95, (SPAN[0] + c * width + 5, y[r] - 60, SPAN[0] + c * width + 45, y[r] - 35))
        for c, leads in enumerate(columns)
        for r, lead in enumerate(leads)
        if lead not in skip
    ]
    return words, y


@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "3x4+3", "6x2", "12x1", "3x4+1 Cabrera"])
def test_all_names_say_the_layout(layout):
    words, y = named(layout)
    best = candidates(words, y, np.ones(len(y)), SPAN)[0]
    assert best.name == layout
    assert len(best.matched) == len(words)


def test_half_of_the_names_are_enough():
    words, y = named("3x4+1", skip=("I", "II", "III", "aVL", "V2", "V5"))
    assert candidates(words, y, np.ones(len(y)), SPAN)[0].name == "3x4+1"


def test_a_faint_row_is_no_curve():
    words, y = named("3x4+1")
    wide = np.append(y, 1300.0)
    best = candidates(words, wide, np.array([1, 1, 1, 1, 0.1]), SPAN)[0]
    assert (best.name, best.rows) == ("3x4+1", (0, 1, 2, 3))


def test_the_reader_decides():
    words, y = named("3x4")
    assert {placed.name for placed in candidates(words, y, np.ones(3), SPAN, only="3x4 Cabrera")} == {"3x4 Cabrera"}


def test_two_rows_are_no_page():
    assert candidates([], np.array([200.0, 400.0]), np.ones(2), SPAN) == []


def test_columns_begin_at_the_separators():
    words, y = named("3x4+1")
    best = candidates(words, y, np.ones(len(y)), SPAN)[0]
    starts = column_starts(best, np.array([605.0, 1105.0, 1605.0]), SPAN, (500.0,))
    np.testing.assert_allclose(starts[1:4], [605, 1105, 1605], atol=8)


def test_curves_as_long_as_four_columns_say_more_than_names_that_stand_wider():
    columns = LAYOUTS["3x4+1"].columns
    y = 200.0 + 250 * np.arange(4)
    words = [
        Word(lead, 0.95, (SPAN[0] + 535.0 * c - 20, y[r] - 60, SPAN[0] + 535.0 * c + 20, y[r] - 35))
        for c, leads in enumerate(columns)
        for r, lead in enumerate(leads)
    ]
    best = candidates(words, y, np.ones(4), SPAN)[0]
    starts = column_starts(best, np.array([660.0, 1195.0]), SPAN, (250.0, 500.0, 1000.0))
    np.testing.assert_allclose(starts, [100, 600, 1100, 1600, 2100], atol=16)


def test_limb_leads_as_wide_as_the_page_are_no_halves_of_twelve_leads():
    words, y = named("6x1")
    assert candidates(words, y, np.ones(len(y)), SPAN)[0].name == "6x1"
