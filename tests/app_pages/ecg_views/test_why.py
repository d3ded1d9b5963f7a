import numpy as np
import pytest

from app_pages.ecg_views.why import WEAKEST, colour
from engine.ecg.leads import CLASSES
from explain.explanation import Explanation


def explanation(**arrays):
    return Explanation(arrays, {})


def test_a_class_fills_the_colours_unless_it_is_weak_beside_the_strongest():
    maps = np.zeros((9, 12, 1000))
    maps[1, 0, :500], maps[2, 0, :500], maps[3, 0, :500] = 10.0, 5.0, 0.5
    found = explanation(grad_cam=maps)
    assert colour(found, "grad_cam", CLASSES[1]).max() == pytest.approx(1)
    assert colour(found, "grad_cam", CLASSES[2]).max() == pytest.approx(1)
    assert colour(found, "grad_cam", CLASSES[3]).max() == pytest.approx(0.5 / (WEAKEST * 10.0))


def test_what_speaks_against_a_class_is_left_bare():
    shares = np.full((9, 12, 1000), np.nan)
    shares[1] = -1.0
    shares[1, 0, 400:600] = 1.0
    drawn = colour(explanation(integrated_gradients=shares), "integrated_gradients", CLASSES[1])
    assert drawn[0, 500] == pytest.approx(1)
    assert drawn[0, 100] == 0
    assert drawn[5].max() == 0


def test_a_class_that_was_not_explained_has_no_colours():
    shares = np.full((9, 12, 1000), np.nan)
    assert colour(explanation(integrated_gradients=shares), "integrated_gradients", CLASSES[1]) is None
