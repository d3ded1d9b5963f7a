import numpy as np
import pytest

from engine.echo.letterbox import Letterbox
from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, RIGHT_VENTRICLE, SEPTUM, VENTRICLE
from engine.echo_plax.segmentation import Drawn
from engine.echo_plax.view import CODE, FEATURES, features, in_order, is_strip, judge, reason
from engine.models import LoadedModel
from engine.weights import Weight


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


def drawn_with(sure: float) -> Drawn:
    classes = drawn_heart()
    shares = np.zeros((2, 7, 160, 160), np.float16)
    shares[:, 0] = 1 - sure * (classes > 0)
    for number in range(1, 7):
        shares[:, number][:, classes == number] = sure
    return Drawn(np.zeros((2, 160, 160), np.uint8), shares, Letterbox(0, 160, 0, 160, 160), 0.5)


@pytest.mark.parametrize(("sure", "accepted"), [(0.95, True), (0.55, False)])
def test_the_view_is_judged_by_the_rule_of_the_weight(sure, accepted):
    rule = {"view_weights": [4.0] * len(FEATURES), "view_bias": -26.0, "view_threshold": 0.5}
    model = LoadedModel(Weight("echo-plax", "echo-plax", "", "", "", "", "", operating=rule), None, "cpu")
    found = judge(drawn_with(sure), model)
    assert found.accepted is accepted
    assert (found.reason == "") is accepted
    assert 0 <= found.probability <= 1
    assert CODE == "not_parasternal"


def test_features_are_shares():
    found = features(drawn_with(0.9).shares[0])
    assert found.shape == (len(FEATURES),)
    assert found[:6] == pytest.approx([0.9] * 6, abs=1e-2)
    assert found[6] == 1


def test_a_wide_picture_lit_to_its_corners_is_a_strip_in_time():
    shares = np.zeros((1, 7, 160, 160), np.float16)
    strip, sector = np.zeros((1, 160, 160), np.uint8), np.zeros((1, 160, 160), np.uint8)
    strip[:, 45:115] = 90
    for row in range(45, 115):  # a sector opens downwards
        sector[:, row, 80 - (row - 45) : 80 + (row - 45)] = 90
    wide = Letterbox(0, 350, 0, 800, 160)
    assert is_strip(Drawn(strip, shares, wide, 0.5))
    assert not is_strip(Drawn(sector, shares, wide, 0.5))
    assert not is_strip(Drawn(strip, shares, Letterbox(0, 600, 0, 800, 160), 0.5))
