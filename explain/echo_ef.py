"""Why an ejection fraction: how sure each pixel is, how much each frame moves the answer, what the cavity rests on."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.analysis import Analysis
from engine.echo_ef import echonet
from engine.echo_ef.beats import find_beats
from engine.echo_ef.confidence import calibrated
from engine.echo_ef.evidence import EchoEfEvidence
from engine.echo_ef.peers import PeerOpinion
from engine.echo_ef.task import networks
from engine.echo_ef.volumes import CAVITY
from engine.models import ModelStore
from engine.progress import Progress, part, silent
from explain.explanation import Explanation
from explain.structure_maps import grad_cam
from explain.video_maps import clip_maps

AXES = {
    "confidence": "(frame, y, x) 0..1: calibrated probability of the structure drawn there; frames as details.frames, pixels of "
    "the square that the network saw (details.box: its top, bottom, left, right in the recording's pixels)",
    "grad_cam": "(frame, y, x), as confidence: what raises the drawn LV cavity's score (Grad-CAM, the mean of "
    "both networks), 0 or more",
    "frame_influence": "(frame) of the whole recording: EF in points with every frame minus EF without this one; NaN where no "
    "EF can be told without it",
    "video_grad_cam": "(clip, frame, y, x) of the clips that your video network saw (details.clip_frames: their frames in the "
    "recording; 112 x 112 px of details.box): what raises the EF that it states (Grad-CAM over space and time), 0 or more; "
    "only where such a network was asked",
}
MOST_CLIPS = 4  # that the user's video network is asked about


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation:
    """Arrays as AXES says; `details`: `frames` that the maps are of (end-diastole and end-systole per beat), `box`."""
    evidence: EchoEfEvidence = analysis.evidence
    frames = key_frames(evidence)
    progress(0.0, "Asking the network what the ventricle rests on")
    maps = np.mean(
        [
            grad_cam(evidence.squares[frames], model, CAVITY, part(progress, 0.4 * k, 0.4 * (k + 1)))
            for k, model in enumerate(networks(store))
        ],
        axis=0,
    )
    progress(0.8, "Leaving out each frame")
    arrays = {
        "confidence": calibrated(evidence.shares[frames], evidence.temperature).max(1),
        "grad_cam": maps,
        "frame_influence": frame_influence(evidence.volumes, evidence.frame_rate_hz),
    }
    box = evidence.box
    details: dict[str, Any] = {"frames": frames, "box": [box.top, box.bottom, box.left, box.right]}
    said = evidence.peers
    if said is not None and said.clip_starts:
        arrays["video_grad_cam"], details["clip_frames"] = video_maps(said, store, part(progress, 0.85, 1.0))
    progress(1.0, "Explained")
    return Explanation(arrays, {name: AXES[name] for name in arrays}, (), details)


def video_maps(said: PeerOpinion, store: ModelStore, progress: Progress) -> tuple[np.ndarray, list[list[int]]]:
    """(n, 32, 112, 112) Grad-CAM of the user's video network on at most MOST_CLIPS clips, and each clip's frames.

    Frames beyond the recording's end were the mean grey.
    """
    chosen = np.linspace(0, len(said.clip_starts) - 1, min(MOST_CLIPS, len(said.clip_starts))).round().astype(int)
    starts = [said.clip_starts[k] for k in chosen]
    model = store.lent(echonet.VIDEO, said.video or "")
    maps = clip_maps(echonet.clips(said.squares, starts), model, progress)
    return maps, [list(range(start, start + echonet.CLIP_SPAN, echonet.PERIOD)) for start in starts]


def key_frames(evidence: EchoEfEvidence) -> list[int]:
    """End-diastolic and end-systolic frames in order; the first frame where there is no beat."""
    return sorted({frame for beat in evidence.beats for frame in (beat.ed_frame, beat.es_frame)}) or [0]


def frame_influence(volumes: np.ndarray, rate_hz: float | None) -> np.ndarray:
    """(T,) points of EF that each frame adds: the median over the beats with all frames minus that without the frame."""
    whole = _ef(volumes, rate_hz)
    found = np.full(len(volumes), np.nan)
    for k in range(len(volumes)):
        without = volumes.copy()
        without[k] = np.nan
        found[k] = whole - _ef(without, rate_hz)
    return found


def _ef(volumes: np.ndarray, rate_hz: float | None) -> float:
    beats = find_beats(volumes, rate_hz)
    return float(np.median([beat.ef_percent for beat in beats])) if beats else float("nan")
