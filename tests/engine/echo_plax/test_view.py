import numpy as np

from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, RIGHT_VENTRICLE, SEPTUM, VENTRICLE
from engine.echo_plax.view import in_order, reason


def drawn_heart() -> np.ndarray:
    classes = np.zeros((160, 160), np.uint8)
    classes[20:45, 60:110] = RIGHT_VENTRICLE
    classes[48:56, 20:90] = SEPTUM
    classes[56:90, 20:90] = VENTRICLE
    classes[90:100, 20:90] = OUTER_WALL
    classes[50:72, 92:120] = AORTA
    classes[74:100, 92:125] = ATRIUM
    return classes


def test_a_long_axis_is_in_order_and_its_mirror_or_turn_is_not():
    classes = drawn_heart()
    assert in_order(classes) == 1
    assert in_order(classes[:, ::-1]) < 0.7
    assert in_order(np.rot90(classes)) < 0.7
    assert in_order(np.zeros_like(classes)) == 0


def test_the_reason_names_what_is_missing():
    assert "no aorta" in reason(np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.7, 1.0]))
    assert "do not lie" in reason(np.ones(8))
