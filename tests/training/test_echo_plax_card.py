import numpy as np
import pytest

from engine.echo.letterbox import Letterbox
from engine.echo_plax.segmentation import Drawn
from training.echo_plax_card import Measured, card
from training.echo_plax_scores import ClipScore, calibration_gap, temperature
from training.echo_plax_view import Rule, Seen

OPERATING = {"least_confidence": 0.5, "floor": 24.0}


def scored(sure: float, right: float, clip: str = "drawn") -> ClipScore:
    """A clip of one frame, 20 x 20 px, where everything is said to be the ventricle with probability `sure` and a share is."""
    shares = np.full((1, 7, 20, 20), (1 - sure) / 6, np.float16)
    shares[:, 1] = sure
    truth = np.zeros((1, 20, 20), np.uint8)
    truth[:, : round(20 * right)] = 1
    drawn = Drawn(np.zeros((1, 20, 20), np.uint8), shares, Letterbox(0, 20, 0, 20, 20), 0.5)
    return ClipScore(
        clip,
        (0,),
        np.array([[right, 0.5, np.nan, 0.5, 0.5, 0.5]]),
        drawn,
        truth,
        truth,
        np.array([[0.1, np.nan, 0.3, 0.1, 0.1]]),
    )


def test_an_overconfident_network_is_cooled_and_an_honest_one_left_alone():
    assert temperature([scored(0.99, 0.7)]) > 1.5
    assert temperature([scored(0.7, 0.7)]) == pytest.approx(1.0, abs=0.15)


def test_the_calibration_gap_is_confidence_less_accuracy():
    assert calibration_gap([scored(0.9, 0.6)]) == pytest.approx(0.3, abs=1e-2)


def test_the_card_says_who_labelled_and_what_was_wrong():
    long_axis, other = Seen("long", True, None), Seen("other", False, None)
    found = card(
        Measured([scored(0.9, 0.8, "one")], [scored(0.9, 0.6, "two")], Rule((0.0,) * 8, 0.0), OPERATING, 0.3, 1.2, 0.03,
                 [(long_axis, True), (other, True)], []),
        "the command",
    )  # fmt: skip
    assert "No clinician labelled" in found.text
    assert "other (taken)" in found.text
    assert found.metrics["iou_lv"]["value"] == pytest.approx(0.7)
    assert found.metrics["others_refused"]["value"] == 0
    assert found.metrics["median_error_lvid"]["value"] == pytest.approx(0.1)
    assert "median_error_ivs" not in found.metrics
    assert "non-commercial" in found.text


def test_the_card_shows_what_each_step_brings_and_the_printed_curve():
    found = card(
        Measured([scored(0.9, 0.8)], [], Rule((0.0,) * 8, 0.0), OPERATING, 0.3, 1.2, 0.03, [], [],
                 courses=[("the first course", [scored(0.9, 0.6)])], curve=(0.96, 103)),
        "the command",
    )  # fmt: skip
    assert "| the first course | 1 | 0.520 | 0.600 |" in found.text
    assert "| the same with neighbouring frames along the motion, as shipped | 1 | 0.560 | 0.800 |" in found.text
    curve = found.metrics["printed_curve_r"]
    assert curve["value"] == 0.96
    assert 0.93 < curve["low"] < 0.96 < curve["high"] < 0.98
