"""Words as HTML; how numbers and units are said comes from the engine, as on paper."""

from __future__ import annotations

from html import escape

from engine.wording import listed, number, percent, reference, unit_name, with_unit

__all__ = ["listed", "number", "percent", "reference", "text", "unit_name", "with_unit"]


def text(words: object) -> str:
    """Words as HTML that cannot be taken for mark-up."""
    return escape(str(words), quote=True)
