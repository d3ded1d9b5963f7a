"""A section on a card, put there once and replaced after."""

from benchmarks.card_section import with_section

CARD = "# A weight\n\n## Limits\n- some\n"


def test_a_new_section_comes_last():
    assert with_section(CARD, "Speed", "| table |") == f"{CARD}\n## Speed\n| table |\n"


def test_an_old_one_is_replaced_where_it_stands():
    before = with_section(CARD, "Speed", "| table |") + "\n## Made with\nthis\n"
    after = with_section(before, "Speed", "| other |")
    assert after == f"{CARD}\n## Speed\n| other |\n\n## Made with\nthis\n"
