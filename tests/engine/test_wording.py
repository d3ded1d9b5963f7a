import pytest

from engine.finding import Measurement
from engine.wording import against_range, listed, number, percent, place, reference, with_unit


@pytest.mark.parametrize(("share", "told"), [(0.0, "< 1 %"), (0.414, "41 %"), (0.995, "> 99 %"), (1.0, "> 99 %")])
def test_no_probability_is_told_as_certain(share, told):
    assert percent(share) == told


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (72.4, "/min", "72 per min"),
        (-0.131, "mV", "−0.13 mV"),
        (-0.001, "mV", "0.00 mV"),
        (9.26, "%", "9.3 %"),
        (float("nan"), "ms", "– ms"),
        (3.0, "1", "3.00"),
    ],
)
def test_values_have_the_digits_that_their_unit_deserves(value, unit, told):
    assert with_unit(value, unit) == told


def test_a_range_may_lack_an_end():
    assert reference(60, 100, "/min") == "60 to 100"
    assert reference(None, 450, "ms") == "up to 450"
    assert reference(120, None, "ms") == "from 120"
    assert reference(None, None, "ms") == ""


def test_lists_read_as_sentences():
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed([])] == [
        "a",
        "a and b",
        "a, b and c",
        "",
    ]


def test_nothing_is_a_dash():
    assert number(float("inf")) == "–"


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [(80, 60, 100, "✓ within"), (120, 60, 100, "▲ above"), (40, 60, 100, "▼ below"), (40, None, None, "")],
)
def test_a_value_is_told_against_its_range_by_word_and_sign(value, low, high, told):
    assert against_range(Measurement("heart_rate", "Heart rate", value, "/min", low, high)) == told


def test_the_place_is_named():
    assert place(Measurement("x", "X", 1, "ms", where={"lead": "V5", "beat": 3, "start_s": 1.0})) == "lead V5, beat 3"
    assert place(Measurement("x", "X", 1, "ms", where={"lead": ["I", "aVF"]})) == "lead I, aVF"
    assert place(Measurement("x", "X", 1, "mL", where={"phase": [0, 6]})) == "phase 1, 7"  # as the cine counts them
    assert place(Measurement("x", "X", 1, "ms")) == ""
