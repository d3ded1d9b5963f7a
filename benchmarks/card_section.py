"""What a benchmark puts on a weight's card: its section, which comes last or is replaced where it stands."""

from __future__ import annotations

from engine.settings import settings


def with_section(card: str, heading: str, body: str) -> str:
    """The card's Markdown with this second-level section; other sections stay as and where they are."""
    before, _, rest = card.partition(f"\n## {heading}\n")
    _, following, after = rest.partition("\n## ")
    return f"{before.rstrip()}\n\n## {heading}\n{body.strip()}\n{following}{after}"


def put_on_card(weight: str, heading: str, body: str) -> None:
    """Rewrites the section on the shipped weight's card."""
    card = settings().weights / f"{weight}.md"
    card.write_text(with_section(card.read_text(encoding="utf-8"), heading, body), encoding="utf-8")
