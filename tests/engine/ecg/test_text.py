"""What printed words mean, and where words stand on a map."""

import numpy as np
import pytest

from engine.ecg.text import Word, lead_likeness, settings_of, word_boxes


@pytest.mark.parametrize(
    ("text", "lead"),
    [("aVR", "aVR"), ("AVF", "aVF"), ("V1", "V1"), ("VI", "V1"), ("v 6", "V6"), ("III", "III"), ("-aVR", "-aVR")],
)
def test_a_name_means_its_lead_most(text, lead):
    like = lead_likeness(text)
    assert max(like, key=lambda name: like[name]) == lead


@pytest.mark.parametrize("text", ["Name:", "sinus", "25mm/s", "", "kg"])
def test_other_words_mean_no_lead(text):
    assert lead_likeness(text) == {}


def words(text: str, confidence: float = 0.9) -> list[Word]:
    return [Word(text, confidence, (0.0, 0.0, 10.0, 10.0))]


def test_speed_and_gain_are_read():
    stated = settings_of(words("50 mm/s") + words("5mm/mV"))
    assert (stated.speed_mm_s, stated.gain_mm_mv) == (50, 5)


def test_values_that_no_paper_has_and_doubtful_words_are_not_taken():
    assert settings_of(words("33 mm/s 7 mm/mV")).speed_mm_s is None
    assert settings_of(words("25mm/s", confidence=0.3)).speed_mm_s is None


def test_letters_close_together_are_one_word():
    sheet = np.zeros((200, 400), np.float32)
    for left in (40, 60, 300):
        sheet[80:110, left : left + 14] = 1
    boxes = word_boxes(sheet, px_per_mm=8, gap_mm=1.2)
    assert sorted(box[0] for box in boxes) == [40, 300]
