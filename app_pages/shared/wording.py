"""How words and numbers are said to a reader."""

from __future__ import annotations

import math
from html import escape

UNITS = {"1": "", "/min": "per min", "{beats}": "beats", "deg": "°"}  # UCUM codes that read badly as they are
SMALL_STEPS = {"mV": 2, "s": 2, "1": 2}  # decimals; other units are told in whole numbers from 10 on


def text(words: object) -> str:
    """Words as HTML that cannot be taken for mark-up."""
    return escape(str(words), quote=True)


def percent(share: float) -> str:
    """A probability as whole percent; never 0 % or 100 %, which no model can promise."""
    if share < 0.01:
        return "< 1 %"
    if share > 0.99:
        return "> 99 %"
    return f"{share * 100:.0f} %"


def number(value: float, unit: str = "") -> str:
    """A value with as many digits as its unit deserves; an en dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if unit in SMALL_STEPS:
        return f"{value:.{SMALL_STEPS[unit]}f}".replace("-", "−")
    return (
        f"{value:.0f}".replace("-", "−")
        if abs(value) >= 10 or value == round(value)
        else f"{value:.1f}".replace("-", "−")
    )


def unit_name(unit: str) -> str:
    """A UCUM code as a reader knows it."""
    return UNITS.get(unit, unit)


def with_unit(value: float, unit: str) -> str:
    """A value and its unit, e.g. `168 ms`."""
    return f"{number(value, unit)} {unit_name(unit)}".strip()


def reference(low: float | None, high: float | None, unit: str) -> str:
    """A reference range in words, empty without one."""
    if low is not None and high is not None:
        return f"{number(low, unit)} to {number(high, unit)}"
    if high is not None:
        return f"up to {number(high, unit)}"
    return f"from {number(low, unit)}" if low is not None else ""


def listed(words: list[str] | tuple[str, ...], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
