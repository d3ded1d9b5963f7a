"""The checks of the input, each in plain words with its sign."""

from __future__ import annotations

from collections.abc import Mapping

from app_pages.shared.wording import text, with_unit
from engine.finding import Quality


def checks(quality: tuple[Quality, ...], plain: Mapping[str, tuple[str, str]]) -> str:
    """HTML list of the checks. plain: code -> what it means where it is acceptable, and where it is not; {value} is put in."""
    return f"<ul class='checks'>{''.join(_check(item, plain) for item in quality)}</ul>" if quality else ""


def _check(item: Quality, plain: Mapping[str, tuple[str, str]]) -> str:
    tone, sign = ("good", "✓") if item.acceptable else ("warn", "!")
    value = _value(item)
    if item.code in plain:
        sentence = plain[item.code][0 if item.acceptable else 1].format(value=value)
    else:
        sentence = f"{item.name or item.code}: {value}, {'acceptable' if item.acceptable else 'not acceptable'}"
    return f"<li><span class='sign {tone}' aria-hidden='true'>{sign}</span><span>{text(sentence)}</span></li>"


def _value(item: Quality) -> str:
    """Whole numbers (counts) without decimals."""
    if float(item.value).is_integer():
        return f"{item.value:.0f} {item.unit}".strip()
    return with_unit(item.value, item.unit or "1")
