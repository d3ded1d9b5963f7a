"""The textbook criteria of the nine classes, each met, not met or not measurable, beside what the network says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criterion:
    """One textbook sentence about one class, checked on this record.

    met: None where the record does not allow to measure it. value: the number that decided, in `unit` (UCUM), None without one.
    leads: where it was read. source: guideline or table that the criterion comes from.
    """

    class_code: str
    text: str
    met: bool | None
    value: float | None = None
    unit: str = ""
    leads: tuple[str, ...] = ()
    source: str = ""
