import math

from app_pages.ecg_views.numbers import named
from engine.ecg.measured import FEATURES


def test_every_measured_number_has_words_of_its_own():
    words = [named(name, 1.0)[0] for name in FEATURES]
    assert len(set(words)) == len(FEATURES)
    assert not [name for name in words if "_" in name]


def test_a_number_is_told_with_its_unit_and_its_lead():
    assert named("pr", 212.0) == ("PR interval", "212 ms")
    assert named("st_60_V3", -0.125) == ("ST level in V3, J + 60 ms", "−0.12 mV")
    assert named("p_height_II", 0.1) == ("Height of the P wave in II", "0.10 mV")


def test_a_sign_is_told_as_yes_or_no():
    assert named("late_r_V1", 1.0) == ("A second or late R wave in V1", "yes")
    assert named("wide_s_V6", 0.0)[1] == "no"


def test_what_could_not_be_measured_is_said():
    assert named("pr", math.nan)[1] == "not measurable"
    assert named("q_I", math.nan)[1] == "not measurable"
