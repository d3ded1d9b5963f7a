"""Separators on drawn maps whose strokes are known."""

import numpy as np
import pytest

from engine.ecg.separators import find_separators, without_ruled

PX_PER_MM = 8.0
ROWS, COLUMNS = (200, 450, 700), (600, 1100, 1600)


@pytest.fixture
def drawn() -> np.ndarray:
    """(900, 2200) with a stroke 10 px wide and 60 px high at every border between columns."""
    picture = np.zeros((900, 2200), np.float32)
    for y in ROWS:
        for x in COLUMNS:
            picture[y - 30 : y + 30, x - 5 : x + 5] = 1
    return picture


def test_strokes_that_stand_alike_are_separators(drawn):
    found = find_separators(drawn, PX_PER_MM)
    np.testing.assert_allclose(found.x, np.array(COLUMNS) - 0.5, atol=1)
    assert found.hidden[200, 600]
    assert not found.hidden[300, 600]
    assert found.ends() == pytest.approx((99.5, 2099.5), abs=1)


def test_a_qrs_complex_beside_a_separator_is_given_back_to_the_curve(drawn):
    drawn[160:250, 615:620] = 0.9  # close to the first stroke, higher than it
    found = find_separators(drawn, PX_PER_MM)
    assert len(found.x) == 3
    assert not found.hidden[160:250, 615:620].any()
    assert found.beside[160:250, 615:620].all()


def test_qrs_complexes_one_below_the_other_beside_separators_are_no_column(drawn):
    for y in ROWS[1:]:
        drawn[y - 50 : y + 25, 1621:1626] = 0.9
    assert len(find_separators(drawn, PX_PER_MM).x) == 3


def test_a_curve_s_stroke_that_touches_a_separator_does_not_widen_it(drawn):
    drawn[185:215, 605:612] = 0.9
    found = find_separators(drawn, PX_PER_MM)
    assert found.x[0] == pytest.approx(599.5, abs=1)
    assert not found.hidden[200, 609]


def test_a_separator_that_was_missed_is_filled_in_from_its_row_and_column(drawn):
    drawn[420:480, 1095:1105] = 0
    assert find_separators(drawn, PX_PER_MM).hidden[450, 1100]


def test_a_row_without_separators_is_not_broken(drawn):
    found = find_separators(drawn, PX_PER_MM)
    assert len(found.crossed(450, 80)) == 3
    assert len(found.crossed(860, 80)) == 0


def test_no_strokes_are_no_separators():
    found = find_separators(np.zeros((300, 400), np.float32), PX_PER_MM)
    assert len(found.x) == 0
    assert not found.hidden.any()
    assert found.ends() is None


def test_lines_of_the_grid_here_and_there_are_no_column(drawn):
    more = np.pad(drawn, ((0, 250), (0, 0)))
    for x in COLUMNS:
        more[920:980, x - 5 : x + 5] = 1  # four rows
    for y in (200, 450):
        more[y - 30 : y + 30, 850:853] = 1
    np.testing.assert_allclose(find_separators(more, PX_PER_MM).x, np.array(COLUMNS) - 0.5, atol=1)


def test_a_line_across_the_rows_hides_curves_where_they_break_it_up():
    line = np.zeros((1000, 800), np.float32)
    line[200:520, 398:402] = 1
    line[545:850, 398:402] = 1
    found = find_separators(line, PX_PER_MM)
    assert found.hidden[200 - 80 : 850 + 80, 400].all()
    assert not found.hidden[60, 400]


def test_a_heavy_line_of_the_grid_hides_curves_over_the_whole_page_but_ends_no_column(drawn):
    ink = drawn.copy()
    ink[200:700, 900:904] = 0.4  # as the network sees it: ink in part
    ink[150:600, 1300:1304] = 0.9  # QRS complexes of two rows, one below the other
    found = without_ruled(find_separators(drawn, PX_PER_MM), ink)
    assert found.hidden[:, 900:904].all()
    assert not found.hidden[:, 1300:1304].any()
    np.testing.assert_allclose(found.x, np.array(COLUMNS) - 0.5, atol=1)


def test_a_page_without_ink_has_no_heavy_lines(drawn):
    separators = find_separators(drawn, PX_PER_MM)
    assert without_ruled(separators, np.zeros_like(drawn)) is separators
