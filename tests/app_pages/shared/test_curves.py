import numpy as np

from app_pages.shared.curves import BOTTOM, TOP, deletion_curve, sentence
from explain.explanation import Faithfulness


def check(passed):
    return Faithfulness("AF", np.array([0, 0.1, 0.2]), np.array([1.0, 0.5, 0.0]), np.array([1.0, 0.9, 0.8]), passed)


def test_the_sentence_says_whether_it_passed_and_by_how_much():
    assert sentence(check(True)).startswith(
        "Passed: without the most coloured tenth the probability goes from > 99 % to 50 %"
    )
    assert sentence(check(False)).startswith("Not passed:")
    assert "Do not rely" in sentence(check(False))


def test_where_a_tenth_moves_less_than_is_written_a_larger_share_tells():
    late = Faithfulness("AF", np.array([0, 0.1, 0.2]), np.array([1.0, 0.995, 0.3]), np.array([1.0, 0.999, 0.9]), True)
    assert sentence(late).startswith(
        "Passed: without the most coloured 20 % the probability goes from > 99 % to 30 %; without a random 20 %, to 90 %"
    )


def test_the_curve_runs_from_the_top_to_the_bottom():
    drawn = deletion_curve(check(True))
    assert f"M48.0 {TOP}.0" in drawn
    assert f"L470.0 {BOTTOM}.0" in drawn
