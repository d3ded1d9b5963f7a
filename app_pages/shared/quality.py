"""The checks of the input, each in plain words with its sign."""

from __future__ import annotations

from collections.abc import Mapping

from app_pages.shared.wording import text, with_unit
from engine.finding import Quality


def checks(quality: tuple[Quality, ...], plain: Mapping[str, tuple[str, str]]) -> str:
    """HTML list of the checks. plain: code -> what it means where it is acceptable, and where it is not; {value} is put in."""
    return f"<ul class='checks'>{''.join(_check(item, plain) for item in quality)}</ul>" if quality else ""


def _check(item: Quality, plain: Mapping[str, tuple[str, str]]) -> str:
    sign = "<span class='sign good' aria-hidden='true'>✓</span>" if item.acceptable else "<span class='sign warn' aria-hidden='true'>!</span>"
    value = with_unit(item.value, item.unit or "1") if item.value != int(item.value) else f"{item.value:.0f} {item.unit}".strip()
    if item.code in plain:
        sentence = plain[item.code][0 if item.acceptable else 1].format(value=value)
    else:
        sentence = f"{item.name or item.code}: {value}, {'acceptable' if item.acceptable else 'not acceptable'}"
    return f"<li>{sign}<span>{text(sentence)}</span></li>"
