"""What a reader states, read from text: each function takes the option's name and its text and tells what it expects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.errors import EngineError

SEXES = ("F", "M")


def known(fields: Mapping[str, str], names: Iterable[str]) -> None:
    """Raises EngineError where a field is none of the task's options."""
    listed = tuple(names)
    for name in fields:
        if name not in listed:
            raise EngineError(f"This task has no option {name!r}; it has {', '.join(listed)}.")


def number(name: str, text: str, low: float, high: float) -> float:
    """A number within low..high, both included. Raises EngineError for any other text."""
    value = _float(text)
    if not low <= value <= high:
        raise EngineError(f"Expected {name} to be a number from {low:g} to {high:g}, got {text!r}.")
    return value


def one_number_of(name: str, text: str, allowed: tuple[float, ...]) -> float:
    """One of a few numbers. Raises EngineError for any other text."""
    value = _float(text)
    if value not in allowed:
        raise EngineError(f"Expected {name} to be one of {', '.join(f'{a:g}' for a in allowed)}, got {text!r}.")
    return value


def whole_number(name: str, text: str) -> int:
    """A whole number from 0. Raises EngineError for any other text."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise EngineError(f"Expected {name} to be a whole number from 0, got {text!r}.")
    return int(text)


def one_of(name: str, text: str, allowed: Iterable[str]) -> str:
    """One of a few words. Raises EngineError for any other text."""
    listed = tuple(allowed)
    if text not in listed:
        raise EngineError(f"Expected {name} to be one of {', '.join(listed)}, got {text!r}.")
    return text


def sha256(name: str, text: str) -> str:
    """The hash that names a lent file. Raises EngineError for any other text."""
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise EngineError(f"Expected {name} to be a SHA-256 (64 hexadecimal digits), got {text!r}.")
    return text


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
