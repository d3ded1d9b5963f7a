"""Marks that somebody made by hand beside the sparks that were found: which agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.sparks.events import Spark
from engine.sparks.recording import Annotation

NEAR_PX = 20.0  # how far a mark made by hand may lie from the spark that it means
NEAR_FRAMES = 1  # by how many frames their times may miss each other


@dataclass(frozen=True)
class Agreement:
    """found_as: per mark, the number of the spark that it means, None where none was found. unmarked: sparks without a mark."""

    found_as: tuple[int | None, ...]
    unmarked: tuple[int, ...]

    @property
    def found(self) -> int:
        return sum(number is not None for number in self.found_as)


def agreement(marks: Sequence[Annotation], sparks: Sequence[Spark]) -> Agreement:
    """Pairs marks and sparks one to one, the nearest first, where frames overlap and centres lie within NEAR_PX."""
    near = sorted(
        (distance, i, j)
        for i, mark in enumerate(marks)
        for j, spark in enumerate(sparks)
        if (distance := float(np.hypot(mark.x - spark.x, mark.y - spark.y))) <= NEAR_PX
        and mark.t_start - NEAR_FRAMES <= spark.t_end
        and spark.t_start <= mark.t_end + NEAR_FRAMES
    )
    found_as: list[int | None] = [None] * len(marks)
    taken: set[int] = set()
    for _, i, j in near:
        if found_as[i] is None and j not in taken:
            found_as[i] = sparks[j].number
            taken.add(j)
    return Agreement(tuple(found_as), tuple(s.number for j, s in enumerate(sparks) if j not in taken))
