"""Everything the page and the explanation of a spark finding draw on, beside the finding itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.sparks.detect import Detection
from engine.sparks.events import Spark
from engine.sparks.recording import Recording


@dataclass(frozen=True)
class SparksEvidence:
    """attention, frame_probability: (T,) per frame of the recording. probability: that the recording holds a spark."""

    recording: Recording
    detection: Detection
    sparks: tuple[Spark, ...]
    attention: np.ndarray
    frame_probability: np.ndarray
    probability: float
