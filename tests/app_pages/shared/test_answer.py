import pytest

from app_pages.shared.answer import _parts, headline, state
from engine.finding import Label


def label(code="AF", probability=0.9, positive=True, uncertain=False, validated=True):
    return Label(code, f"Name of {code}", probability, 0.4, positive, uncertain, validated)


def test_the_surest_class_comes_first():
    line, _ = headline((label("STD", 0.6), label("AF", 0.93), label("PVC", 0.1, positive=False)))
    assert line.index("Name of AF") < line.index("93 %") < line.index("Name of STD") < line.index("60 %")
    assert "PVC" not in line


def test_an_uncertain_class_is_no_answer_but_is_named():
    line, explained = headline((label("AF", 0.42, positive=False, uncertain=True),))
    assert line == "No class is certain"
    assert "Too close to call: Name of AF (42 %)" in explained


def test_no_class_at_all_is_said():
    assert headline((label(probability=0.1, positive=False),))[0] == "None of the classes reaches its threshold"


def test_a_class_without_enough_test_cases_says_so():
    assert "Not validated: too few test cases of Name of STE" in headline((label("STE", validated=False),))[1]
    assert state(label("STE", validated=False)) == "✓ found, not validated"


def test_a_positive_class_in_its_uncertain_zone_is_found():
    assert state(label(positive=True, uncertain=True)) == "✓ found"
    assert state(label(positive=False, uncertain=True)) == "? too close to call"


@pytest.mark.parametrize(
    ("message", "reason", "remedy"),
    [
        ("No page was found; photograph it from above.", "No page was found.", "Photograph it from above."),
        ("No page was found. Photograph it from above.", "No page was found.", "Photograph it from above."),
        ("No page was found.", "No page was found.", "Choose another picture or file."),
    ],
)
def test_a_refusal_divides_into_reason_and_remedy(message, reason, remedy):
    assert _parts(message) == (reason, remedy)
