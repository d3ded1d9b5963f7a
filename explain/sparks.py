"""Why a recording was said to hold sparks: the network's attention over the frames, checked by removing frames."""

from __future__ import annotations

import numpy as np

from engine.analysis import Analysis
from engine.models import LoadedModel, ModelStore
from engine.progress import Progress, silent
from engine.sparks.evidence import SparksEvidence
from engine.sparks.frame_reading import attend
from engine.sparks.task import FRAMES
from explain.explanation import Explanation, Faithfulness
from explain.faithfulness import deletion

LABEL = "SPARKS_PRESENT"
AXES = {
    "attention": "(frame,): share of the network's attention, adds up to 1 over the recording",
    "frame_probability": "(frame,): calibrated probability that the frame holds a spark",
}


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation:
    """Attention and probability per frame of the recording; `faithfulness` is the deletion curve of the attention.

    Raises:
        Cancelled: if `progress` stopped the work.
    """
    evidence: SparksEvidence = analysis.evidence
    progress(0.1, "Removing frames to check the attention")
    check = deletion_curve(store.get(FRAMES), evidence.detection.frames)
    progress(1.0, "Explained")
    arrays = {
        "attention": evidence.attention.astype(np.float32),
        "frame_probability": evidence.frame_probability.astype(np.float32),
    }
    return Explanation(arrays, {k: AXES[k] for k in arrays}, (check,), {"explained": [LABEL]})


def deletion_curve(model: LoadedModel, described: np.ndarray) -> Faithfulness:
    """Whether the attention is faithful: the recording's probability when the frames with most of it are removed.

    described: (T, FRAME_FEATURES) working frames. A removed frame gets no attention and says nothing about the recording.
    """
    _, attention, _ = attend(model, described)

    def score(removed: np.ndarray) -> np.ndarray:
        logits = np.array([attend(model, described, ~gone)[2] for gone in removed])
        return 1 / (1 + np.exp(-logits))

    return deletion(LABEL, score, attention.astype(float))
