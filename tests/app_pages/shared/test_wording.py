import pytest

from app_pages.shared.wording import listed, number, percent, reference, text, with_unit


@pytest.mark.parametrize(("share", "told"), [(0.0, "< 1 %"), (0.414, "41 %"), (0.995, "> 99 %"), (1.0, "> 99 %")])
def test_no_probability_is_told_as_certain(share, told):
    assert percent(share) == told


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (72.4, "/min", "72 per min"),
        (-0.131, "mV", "−0.13 mV"),
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


def test_words_are_never_mark_up():
    assert text("<b>'1' & \"2\"</b>") == "&lt;b&gt;&#x27;1&#x27; &amp; &quot;2&quot;&lt;/b&gt;"


def test_lists_read_as_sentences():
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed([])] == [
        "a",
        "a and b",
        "a, b and c",
        "",
    ]


def test_nothing_is_a_dash():
    assert number(float("inf")) == "–"
