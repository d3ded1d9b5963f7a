"""How every task's page ends: the reader's own verdict, what they take along, the cards of the models that answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app_pages.shared.desk import Result
from app_pages.shared.export import export
from app_pages.shared.model_card import cards
from app_pages.shared.section import section
from app_pages.shared.verdict import verdict
from engine.analysis import Analysis
from service.report import Picture


def closing(
    analysis: Analysis,
    found: Result,
    pictures: Callable[[], Sequence[Picture]],
    own_exports: Callable[[], None] | None = None,
) -> None:
    """analysis: as it stands after the reader's choices. pictures: makes the report's. own_exports: files of this task alone."""
    section("Your reading", "Goes into the finding.json that you download, and nowhere else.")
    said = verdict(analysis.finding, f"verdict-{found.key}")
    section("Take it with you")
    export(analysis, said, found.explanation, pictures, found.key)
    if own_exports is not None:
        own_exports()
    cards(analysis.finding.provenance.weights)
