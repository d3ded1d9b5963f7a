"""What six structures are explained by: maps on the input's own pixels that stay with the structure they are of."""

import numpy as np
import pytest

from engine import models
from engine.registry import TASKS
from engine.study import read_bytes
from explain.echo_plax import AXES, explain, scaled
from tests.engine.echo.drawn_videos import avi
from training.echo_plax_simulator import PlaxScene, simulate


@pytest.fixture(scope="module")
def analysed():
    frames, _ = simulate(PlaxScene(seconds=1.2))
    return TASKS["echo-plax"].analyse(read_bytes("a.avi", avi(frames, 30)), None, models.store("cpu"))


@pytest.fixture(scope="module")
def explained(analysed):
    return explain(analysed, models.store("cpu"))


def test_every_array_says_its_axes_and_lies_on_the_input_s_pixels(explained):
    assert explained.arrays.keys() == AXES.keys()
    n = len(explained.details["frames"])
    for name, array in explained.arrays.items():
        assert array.shape == ((n, 6, 300, 400) if name == "attribution" else (n, 300, 400))


def test_confidence_and_margin_are_shares(explained):
    for name in ("confidence", "margin"):
        assert explained.arrays[name].min() >= 0
        assert explained.arrays[name].max() <= 1.001
    assert (explained.arrays["margin"] <= explained.arrays["confidence"] + 1e-3).all()


def test_where_the_margin_is_large_the_two_likeliest_differ(explained):
    sure = explained.arrays["margin"] > 0.05
    inside = explained.arrays["confidence"] < 1
    assert (explained.arrays["likeliest"] != explained.arrays["second"])[sure & inside].mean() > 0.97


def test_the_ventricle_rests_on_the_heart_and_not_on_the_corner(explained):
    cavity = explained.arrays["likeliest"][0] == 1
    attribution = explained.arrays["attribution"][0, 0].astype(float)
    assert attribution[cavity].mean() > 3 * attribution[:30, :30].mean()


def test_the_ventricle_s_map_was_checked(explained):
    assert [check.label for check in explained.faithfulness] == ["left_ventricle"]
    assert explained.faithfulness[0].attributed[0] > 0.5


def test_a_structure_that_is_not_drawn_rests_on_nothing():
    np.testing.assert_array_equal(scaled(np.zeros((4, 4))), 0)
    assert scaled(np.array([[0.0, 2.0]])).max() == 1
