"""What a finding of cardiac MR rests on: pages and explanations draw on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.mr.cine import Cine
from engine.mr.segmentation import Segmentation
from engine.mr.views import Point
from engine.mr.volumes import Bullseye, Volumes


@dataclass(frozen=True)
class MrEvidence:
    """cine: the series that answered, number `chosen` of `series` (their names). views: (8,) probabilities of views.CLASSES.

    segmentation, volumes: of a short axis. points: landmarks by name, None where not visible. bullseye: of a stack.
    """

    cine: Cine
    series: tuple[str, ...]
    chosen: int
    views: np.ndarray
    segmentation: Segmentation | None
    volumes: Volumes | None
    bullseye: Bullseye | None
    points: dict[str, Point | None]
