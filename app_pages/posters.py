"""`python -m app_pages.posters`: the home page's pictures, each synthetic example as the app itself reads it.

With task ids behind it, of these tasks alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from app_pages.ecg_views.photo import attributed
from app_pages.ecg_views.why import colour
from app_pages.mr_views.pictures import slice_picture
from app_pages.shared.intake import EXAMPLES, example
from app_pages.sparks_views.heat import hot_spots, picture
from engine import models, study
from engine.analysis import Analysis
from engine.models import ModelStore
from engine.registry import task
from explain.explanation import explain

WIDTH = 1200  # px of a picture
GAP = 12  # px between the pictures of a pair
QUALITY = 85

Drawing = Callable[[Analysis, ModelStore], np.ndarray]  # -> (H, W, 3) uint8 RGB


def ecg(analysis: Analysis, store: ModelStore) -> np.ndarray:
    """The photo with the trace coloured by what speaks for the most probable class."""
    explanation = explain(analysis, store)
    assert explanation is not None
    best = max(analysis.finding.labels, key=lambda label: (label.positive, label.probability))
    weights = colour(explanation, "grad_cam", best.code)
    assert weights is not None
    return _decoded(attributed(analysis.evidence.photo, analysis.evidence.digitisation, weights))


def echo(analysis: Analysis, store: ModelStore) -> np.ndarray:
    """The first beat's end-diastole and end-systole with the structures drawn."""
    beat, drawn = analysis.evidence.beats[0], analysis.evidence.drawn
    return _pair(_decoded(drawn[beat.ed_frame]), _decoded(drawn[beat.es_frame]))


def echo_plax(analysis: Analysis, store: ModelStore) -> np.ndarray:
    """The first beat's end-diastole and end-systole with the structures and the callipers."""
    beat, drawn = analysis.evidence.dimensions.beats[0], analysis.evidence.drawn
    return _pair(_decoded(drawn[beat.ed_frame]), _decoded(drawn[beat.es_frame]))


def cardiac_mr(analysis: Analysis, store: ModelStore) -> np.ndarray:
    """The middle slice at end-diastole and end-systole with the outlines."""
    evidence, found = analysis.evidence, analysis.evidence.volumes
    phases = (found.end_diastole, found.end_systole)
    return _pair(*(slice_picture(evidence, phase, evidence.cine.slices // 2, True, 560) for phase in phases))


def calcium_sparks(analysis: Analysis, store: ModelStore) -> np.ndarray:
    """The cell with the places that fire."""
    return picture(analysis.evidence, hot_spots(analysis.evidence, analysis.evidence.sparks))


DRAWINGS: Mapping[str, Drawing] = {
    "ecg": ecg, "echo-ef": echo, "echo-plax": echo_plax, "cardiac-mr": cardiac_mr, "calcium-sparks": calcium_sparks,
}  # fmt: skip


def main(asked: Sequence[str]) -> int:
    store = models.store()
    for task_id in asked or DRAWINGS:
        path = example(task(task_id))
        if path is None:
            print(f"{task_id} has no example; make it with `python -m training.examples`.", file=sys.stderr)
            return 1
        analysis = task(task_id).analyse(study.read_path(path), store=store)
        if analysis.finding.refusal:
            print(f"The example of {task_id} is refused: {analysis.finding.refusal.message}", file=sys.stderr)
            return 1
        (EXAMPLES / f"{task_id}_result.jpg").write_bytes(_jpeg(DRAWINGS[task_id](analysis, store)))
    return 0


def _pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.hstack([left, np.full((left.shape[0], GAP, 3), 255, np.uint8), right])


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB))


def _jpeg(drawn: np.ndarray) -> bytes:
    height = round(drawn.shape[0] * WIDTH / drawn.shape[1])
    sized = cv2.resize(
        drawn, (WIDTH, height), interpolation=cv2.INTER_AREA if drawn.shape[1] > WIDTH else cv2.INTER_CUBIC
    )
    return cv2.imencode(".jpg", cv2.cvtColor(sized, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[
        1
    ].tobytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
