"""How long work tells what it does, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the share of the work done (0..1) and a few words; raises `Cancelled` to stop the work."""


def silent(share: float, doing: str) -> None:
    """The progress nobody watches."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """The progress of a part of the work that covers `start`..`stop` of the whole."""
    return lambda share, doing: progress(start + share * (stop - start), doing)
