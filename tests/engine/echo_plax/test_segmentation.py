import numpy as np
import pytest

from engine.echo.letterbox import Letterbox
from engine.echo_plax.anatomy import AORTA, VENTRICLE
from engine.echo_plax.segmentation import SIDE, Drawn, lifted, structure_confidence


def shares_of(ventricle: float, aorta: float) -> np.ndarray:
    """One frame whose ventricle (40 x 60 px) and aorta (20 x 20 px) have these probabilities, the rest background."""
    shares = np.zeros((7, SIDE, SIDE), np.float16)
    shares[0] = 1
    for structure, sure, area in ((VENTRICLE, ventricle, np.s_[60:100, 20:80]), (AORTA, aorta, np.s_[60:80, 100:120])):
        shares[structure][area], shares[0][area] = sure, 1 - sure
    return shares


def test_confidence_is_the_mean_probability_where_a_structure_is_drawn():
    np.testing.assert_allclose(structure_confidence(shares_of(0.9, 0.6)), [0.9, 0, 0, 0, 0, 0.6], atol=1e-3)


def test_an_uncertain_structure_is_absent_not_guessed():
    box = Letterbox(0, 320, 0, 320, SIDE)
    drawn = Drawn(np.zeros((1, SIDE, SIDE), np.uint8), shares_of(0.9, 0.6)[None], box, least=0.7)
    assert drawn.confidence[0] == pytest.approx([0.9, 0, 0, 0, 0, 0], abs=1e-3)
    assert set(np.unique(drawn.masks())) == {0, VENTRICLE}
    (mask,) = drawn.full_masks((320, 320))
    assert mask[160, 100] == VENTRICLE
    assert mask[140, 220] == 0
    assert (mask > 0).sum() == pytest.approx(80 * 120, rel=0.05)


def test_the_confidence_map_lies_on_the_frame():
    box = Letterbox(40, 360, 10, 330, SIDE)
    drawn = Drawn(np.zeros((1, SIDE, SIDE), np.uint8), shares_of(0.8, 0.6)[None], box, least=0.5)
    sure = drawn.confidence_map(0, (400, 400))
    assert sure[40 + 160, 10 + 100] == pytest.approx(0.8, abs=1e-2)
    assert sure[0, 0] == 1


def test_black_inside_the_sector_is_told_from_black_around_it():
    squares = np.array([[[0, 0], [128, 255]]], np.uint8)
    seen = np.array([[True, False], [True, True]])
    assert lifted(squares, seen, 24).tolist() == [[[24, 0], [140, 255]]]
    assert (lifted(squares, np.ones((2, 2), bool), 0) == squares).all()
