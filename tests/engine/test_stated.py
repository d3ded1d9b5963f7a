"""Text becomes what a reader states, or a sentence that names the option and what it takes."""

import pytest

from engine import stated
from engine.errors import EngineError


def test_what_can_be_read_is_read():
    assert stated.number("height_cm", " 170.5", 50, 250) == 170.5
    assert stated.one_number_of("speed_mm_s", "25", (25.0, 50.0)) == 25.0
    assert stated.whole_number("page", "3") == 3
    assert stated.one_of("sex", "F", stated.SEXES) == "F"
    assert stated.sha256("own_network", "a" * 64) == "a" * 64
    stated.known({"page": "3"}, {"page": "of a PDF"})


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *[
            (lambda text: stated.number("x", text, 50, 250), text)
            for text in ("", "49.9", "251", "nan", "inf", "1e999")
        ],
        *[(lambda text: stated.one_number_of("x", text, (25.0, 50.0)), text) for text in ("", "26", "nan")],
        *[(lambda text: stated.whole_number("x", text), text) for text in ("", "-1", "1.0", "²", "1" * 5000)],
        *[(lambda text: stated.one_of("x", text, ("F", "M")), text) for text in ("", "f", "X")],
        *[(lambda text: stated.sha256("x", text), text) for text in ("", "A" * 64, "a" * 63, "../net.h5")],
    ],
)
def test_anything_else_is_named_with_its_option(read, text):
    with pytest.raises(EngineError, match="Expected x to be") as told:
        read(text)
    assert repr(text) in str(told.value)


def test_an_option_that_there_is_none_of_is_told_with_those_there_are():
    with pytest.raises(EngineError, match="no option 'pages'; it has page, layout"):
        stated.known({"pages": "3"}, {"page": "", "layout": ""})
