"""What an explanation is, for every task: arrays on the input's own axes, and how faithful they are."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.analysis import Analysis
from engine.models import ModelStore
from engine.progress import Progress, silent
from engine.registry import task


@dataclass(frozen=True)
class Faithfulness:
    """The deletion check of one explained class.

    fractions: (n,) share of the input removed, 0..1. attributed, random: (n,) class score after removing the most
    attributed / a random share. passed: removing the most attributed tenth lowered the score more than a random tenth.
    """

    label: str
    fractions: np.ndarray
    attributed: np.ndarray
    random: np.ndarray
    passed: bool


@dataclass(frozen=True)
class Explanation:
    """arrays: one per method, named after it; `axes` says what each array's axes are. faithfulness: one per explained class."""

    arrays: dict[str, np.ndarray]
    axes: dict[str, str]
    faithfulness: tuple[Faithfulness, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def to_npz(self) -> bytes:
        """The artefact `explanation.npz`."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self.arrays)  # type: ignore[arg-type]
        return buffer.getvalue()


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation | None:
    """The explanation of an answered study; None for a refused one. Each task's own is `explain/<package>.py: explain`."""
    if analysis.finding.refusal:
        return None
    package = task(analysis.finding.task).package
    return importlib.import_module(f"explain.{package}").explain(analysis, store, progress)
