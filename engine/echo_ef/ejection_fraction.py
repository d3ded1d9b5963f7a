"""From an estimated ejection fraction and its measured error to the probability of each class of ventricle.

Classes: universal definition of heart failure (Bozkurt 2021): reduced <= 40 %, mildly reduced 41 to 49 %, preserved >= 50 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.finding import Label

REDUCED, PRESERVED = 40.0, 50.0  # %
CLASSES = (
    ("EF_REDUCED", "Reduced ejection fraction (40 % or less)"),
    ("EF_MILDLY_REDUCED", "Mildly reduced ejection fraction (41 to 49 %)"),
    ("EF_PRESERVED", "Preserved ejection fraction (50 % or more)"),
)
POSITIVE = 0.5  # a class is stated when it is likelier than all others together
UNSURE = 0.65  # below this even the likeliest class is uncertain


@dataclass(frozen=True)
class MeasuredError:
    """How far estimates lay from the reference on patients that the network had not seen.

    Bands are by estimated EF: up to `edges[0]`, up to `edges[1]`, above. bias: estimate minus reference, mean, % points;
    deviation: standard deviation, % points.
    """

    edges: tuple[float, float]
    bias: tuple[float, float, float]
    deviation: tuple[float, float, float]

    @staticmethod
    def of(operating: Mapping[str, Any]) -> MeasuredError:
        return MeasuredError(*(tuple(operating[k]) for k in ("edges", "bias", "deviation")))

    def at(self, estimate: float) -> tuple[float, float]:
        """(bias, deviation) for an estimate in %: straight between the middles of the bands, so that no step is seen."""
        middles = (self.edges[0] - 10, sum(self.edges) / 2, self.edges[1] + 10)
        return float(np.interp(estimate, middles, self.bias)), float(np.interp(estimate, middles, self.deviation))


@dataclass(frozen=True)
class Estimate:
    """EF in % with the standard deviation of its error and its 95 % interval."""

    percent: float
    deviation: float

    @property
    def interval(self) -> tuple[float, float]:
        half = 1.96 * self.deviation
        return max(0.0, self.percent - half), min(100.0, self.percent + half)


def estimate(per_beat: np.ndarray, error: MeasuredError, disagreement: float = 0.0) -> Estimate:
    """The median over the beats, its deviation widened by their spread and by what two methods disagree (% points).

    per_beat: (n,) EF in %, n >= 1. The median keeps one badly drawn beat from moving the answer.
    """
    middle = float(np.median(per_beat))
    spread = float(np.std(per_beat, ddof=1) / math.sqrt(len(per_beat))) if len(per_beat) > 1 else 0.0
    bias, deviation = error.at(middle)
    return Estimate(middle - bias, math.sqrt(deviation**2 + spread**2 + (disagreement / 2) ** 2))


def labels(found: Estimate) -> tuple[Label, ...]:
    """The three classes with their probabilities, which add up to 1 (normal error)."""
    below = [_normal_below(edge, found) for edge in (REDUCED, PRESERVED)]
    shares = (below[0], below[1] - below[0], 1 - below[1])
    return tuple(
        Label(code, name, round(share, 4), POSITIVE, share >= POSITIVE, share == max(shares) and share < UNSURE)
        for (code, name), share in zip(CLASSES, shares, strict=True)
    )


def _normal_below(edge: float, found: Estimate) -> float:
    return 0.5 * (1 + math.erf((edge - found.percent) / (found.deviation * math.sqrt(2))))
