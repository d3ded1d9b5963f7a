"""Everything the ECG page and the explanations draw on, beside the finding itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.ecg.criteria import Criterion
from engine.ecg.delineate import Beats
from engine.ecg.digitisation import Digitisation
from engine.ecg.signal import EcgSignal


@dataclass(frozen=True)
class EcgEvidence:
    """photo: (H, W, 3) uint8 as uploaded (EXIF turned), None for stored signals. probabilities: (9,) in the order of CLASSES.

    measured_logits: (9,) the part of the answer that comes from the measured beats, not from the network.
    """

    signal: EcgSignal
    photo: np.ndarray | None
    digitisation: Digitisation | None
    beats: Beats
    criteria: tuple[Criterion, ...]
    probabilities: np.ndarray
    measured_logits: np.ndarray
