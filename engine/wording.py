"""How words and numbers are said to a reader, on the page and on paper."""

from __future__ import annotations

import math

from engine.finding import Measurement

UNITS = {  # UCUM codes that read badly as they are
    "1": "", "/min": "per min", "{beats}": "beats", "{sparks}": "", "deg": "°", "um": "µm", "um3": "µm³", "um2": "µm²",
    "m2": "m²", "10*-3/um2/s": "per 1000 µm² per s", "10*-2/um/s": "per 100 µm per s",
}  # fmt: skip
PLACES = ("lead", "beat", "spark", "frame", "phase")  # kinds of place that a reader knows by name
COUNTED_FROM_ONE = ("phase",)  # on the page, though a finding counts them from 0
SMALL_STEPS = {"mV": 2, "s": 2, "1": 2, "mm": 1}  # decimals; other units are told in whole numbers from 10 on


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
    digits = SMALL_STEPS.get(unit, 0 if abs(value) >= 10 or value == round(value) else 1)
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0: no negative zero


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


def against_range(measurement: Measurement) -> str:
    """In words and with a sign: within, above or below its reference range; empty without one."""
    if measurement.in_range is None:
        return ""
    if measurement.in_range:
        return "✓ within"
    return "▲ above" if measurement.high is not None and measurement.value > measurement.high else "▼ below"


def place(measurement: Measurement) -> str:
    """Where it was read, e.g. `lead II, beat 3`; times and pixels are left to the drawing."""
    return ", ".join(_place(name, at) for name, at in measurement.where.items() if name in PLACES)


def _place(kind: str, at: object) -> str:
    several = at if isinstance(at, (list, tuple)) else (at,)
    shown = [one + 1 if kind in COUNTED_FROM_ONE and isinstance(one, int) else one for one in several]
    return f"{kind} {', '.join(map(str, shown))}"
