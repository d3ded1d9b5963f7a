from app_pages.shared.quality import checks
from engine.finding import Quality

PLAIN = {"einthoven_residual": ("fits within {value}", "does not fit: {value}")}


def test_a_check_is_told_in_words_by_its_outcome():
    assert "fits within 0.06" in checks((Quality("einthoven_residual", 0.06, True),), PLAIN)
    assert "does not fit: 0.61" in checks((Quality("einthoven_residual", 0.61, False),), PLAIN)


def test_an_unknown_check_is_told_by_its_name():
    assert "Sharpness: 3 px, not acceptable" in checks((Quality("sharpness", 3.0, False, "Sharpness", "px"),), {})


def test_a_value_that_is_none_is_a_dash():
    assert "–" in checks((Quality("einthoven_residual", float("nan"), False),), PLAIN)


def test_the_sign_differs_as_well_as_the_colour():
    good, bad = (checks((Quality("einthoven_residual", 0.1, ok),), PLAIN) for ok in (True, False))
    assert "✓" in good
    assert "✓" not in bad
