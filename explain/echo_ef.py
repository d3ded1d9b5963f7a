"""Why an ejection fraction: how sure each pixel is, how much each frame moves the answer, what the cavity rests on."""

from __future__ import annotations

import numpy as np

from engine.analysis import Analysis
from engine.echo_ef.beats import find_beats
from engine.echo_ef.evidence import EchoEfEvidence
from engine.echo_ef.volumes import CAVITY
from engine.models import LoadedModel, ModelStore
from engine.progress import Progress, part, silent
from explain.explanation import Explanation

BATCH = 8
AXES = {
    "confidence": "(frame, y, x) 0..1: probability of the structure drawn there; frames as details.frames, pixels of the square "
    "that the network saw (details.box: its top, bottom, left, right in the recording's pixels)",
    "grad_cam": "(frame, y, x), as confidence: what raises the drawn LV cavity's score (Grad-CAM), 0 or more",
    "frame_influence": "(frame) of the whole recording: EF in points with every frame minus EF without this one; NaN where no "
    "EF can be told without it",
}


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation:
    """Arrays as AXES says; `details`: `frames` that the maps are of (end-diastole and end-systole per beat), `box`."""
    evidence: EchoEfEvidence = analysis.evidence
    frames = key_frames(evidence)
    progress(0.0, "Asking the network what the ventricle rests on")
    maps = cavity_maps(evidence.squares[frames], store.get("echo-apical"), part(progress, 0.0, 0.8))
    progress(0.8, "Leaving out each frame")
    arrays = {
        "confidence": evidence.shares[frames].max(1).astype(np.float32),
        "grad_cam": maps,
        "frame_influence": frame_influence(evidence.volumes, evidence.frame_rate_hz),
    }
    box = evidence.box
    progress(1.0, "Explained")
    details = {"frames": frames, "box": [box.top, box.bottom, box.left, box.right]}
    return Explanation(arrays, AXES, (), details)


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


def cavity_maps(squares: np.ndarray, model: LoadedModel, progress: Progress) -> np.ndarray:
    """(n, S, S) uint8 frames -> (n, S, S) float32: Captum's LayerGradCam of the LV cavity's summed logit, where it is drawn.

    The layer is the last but one of the decoder (half the square's resolution): later ones only repeat the outline, the
    bottleneck is too coarse to tell a wall from its neighbour.
    """
    import torch
    from captum.attr import LayerAttribution, LayerGradCam

    def cavity_score(x: torch.Tensor) -> torch.Tensor:
        logits = model.module(x)
        drawn = (logits.argmax(1) == CAVITY).float().detach()
        return (logits[:, CAVITY] * drawn).sum((1, 2))

    parts = []
    with model.lock:
        cam = LayerGradCam(cavity_score, model.module.up[-2])
        for at in range(0, len(squares), BATCH):
            progress(at / len(squares), "Asking the network what the ventricle rests on")
            x = torch.from_numpy(squares[at : at + BATCH, None].astype(np.float32) / 255).to(model.device)
            with torch.enable_grad():
                maps = cam.attribute(x.requires_grad_(True), relu_attributions=True)
            full = LayerAttribution.interpolate(maps.detach(), squares.shape[1:], "bilinear")
            parts.append(full[:, 0].float().cpu().numpy())
    return np.concatenate(parts)
