import pytest

from app_pages.shared.measurements import place, verdict_on
from engine.finding import Measurement


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [(80, 60, 100, "✓ within"), (120, 60, 100, "▲ above"), (40, 60, 100, "▼ below"), (40, None, None, "")],
)
def test_a_value_is_told_against_its_range_by_word_and_sign(value, low, high, told):
    assert verdict_on(Measurement("heart_rate", "Heart rate", value, "/min", low, high)) == told


def test_the_place_is_named():
    assert place(Measurement("x", "X", 1, "ms", where={"lead": "V5", "beat": 3, "start_s": 1.0})) == "lead V5, beat 3"
    assert place(Measurement("x", "X", 1, "ms", where={"lead": ["I", "aVF"]})) == "lead I, aVF"
    assert place(Measurement("x", "X", 1, "ms")) == ""
