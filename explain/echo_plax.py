"""Why six structures: how sure each pixel is, which two compete there, and what each structure rests on."""

from __future__ import annotations

import numpy as np

from engine.analysis import Analysis
from engine.echo_plax.anatomy import STRUCTURES, VENTRICLE
from engine.echo_plax.evidence import EchoPlaxEvidence
from engine.echo_plax.pencil import Pencil
from engine.models import ModelStore
from engine.progress import Progress, part, silent
from explain.explanation import Explanation, Faithfulness
from explain.faithfulness import deletion
from explain.structure_maps import input_shares

MOST_FRAMES = 4  # that maps are made of: end-diastole and end-systole of the first two beats
PATCHES = 16  # per side: what the deletion check removes is a patch of the picture, not a pixel
AXES = {
    "confidence": "(frame, y, x) 0..1: probability of what is drawn there; frames as details.frames, the input's own pixels; "
    "1 outside the part that the network saw",
    "likeliest": "(frame, y, x) class number of the likeliest structure (0 background), as confidence",
    "second": "(frame, y, x) class number of the second likeliest structure (0 background), as confidence",
    "margin": "(frame, y, x) 0..1: by how much the likeliest is likelier than the second, as confidence",
    "attribution": "(frame, structure, y, x) of the classes 1 to 6, 0..1 of each map's own largest: share of each pixel in "
    "the score of the structure where it is drawn (input times gradient)",
}


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation:
    """Arrays as AXES says; `details`: `frames` that the maps are of. `faithfulness`: of the ventricle's attribution.

    Raises:
        Cancelled: if `progress` stopped the work.
    """
    evidence: EchoPlaxEvidence = analysis.evidence
    frames = evidence.key_frames[:MOST_FRAMES]
    shape, place = evidence.frame_size, evidence.pencil.place
    progress(0.0, "Gathering how sure each pixel is")
    sure, margin, first, second = [], [], [], []
    for shares in evidence.shares(frames).astype(np.float32):
        order = np.argsort(shares, axis=0)
        likeliest, next_ = (np.take_along_axis(shares, order[[k]], 0)[0] for k in (-1, -2))
        sure.append(place.spread(likeliest, shape, outside=1.0))
        margin.append(place.spread(likeliest - next_, shape, outside=1.0))
        first.append(place.enlarge(shares, shape))
        second.append(place.enlarge((np.arange(len(shares))[:, None, None] == order[-2]).astype(np.float32), shape))
    squares = evidence.squares[frames]
    maps = attributions(squares, evidence.pencil, part(progress, 0.1, 0.8))
    progress(0.8, "Checking whether the maps say what the network looks at")
    check = _faithful(evidence.pencil, squares[0], maps[VENTRICLE - 1][0])
    spread = [[place.spread(scaled(one[k]), shape) for one in maps] for k in range(len(frames))]
    progress(1.0, "Explained")
    return Explanation(
        {
            "confidence": np.stack(sure).astype(np.float16),
            "likeliest": np.stack(first),
            "second": np.stack(second),
            "margin": np.stack(margin).astype(np.float16),
            "attribution": np.array(spread, np.float16),
        },
        AXES,
        (check,),
        {"frames": frames, "explained": ["left_ventricle"]},
    )


def attributions(squares: np.ndarray, pencil: Pencil, progress: Progress) -> list[np.ndarray]:
    """(n, S, S) uint8 frames -> per structure, in the classes' order, (n, S, S) float32 of 0 or more."""
    return [
        input_shares(squares, pencil.model, structure, part(progress, k / 6, (k + 1) / 6))
        for k, structure in enumerate(STRUCTURES)
    ]


def scaled(attribution: np.ndarray) -> np.ndarray:
    """0 or more -> 0..1 of its own largest; nothing stays nothing."""
    most = float(attribution.max())
    return attribution / most if most > 0 else attribution


def _faithful(pencil: Pencil, square: np.ndarray, attribution: np.ndarray) -> Faithfulness:
    """The deletion curve over patches: a removed patch gets the square's mean grey; scored is the drawn ventricle."""
    import torch

    side = square.shape[0] // PATCHES
    coarse = attribution.reshape(PATCHES, side, PATCHES, side).mean((1, 3)).ravel()
    network, device = pencil.model.module, pencil.model.device
    x = torch.from_numpy(square[None, None].astype(np.float32) / 255).to(device)

    def probability(pictures: torch.Tensor) -> torch.Tensor:
        with pencil.model.lock, torch.no_grad():
            return torch.cat([network(picture).float().softmax(1)[:, VENTRICLE] for picture in pictures.split(1)])

    before = probability(x)
    drawn = before > 0.5 if bool((before > 0.5).any()) else torch.ones_like(before, dtype=torch.bool)

    def score(removed: np.ndarray) -> np.ndarray:
        gone = np.kron(removed.reshape(-1, PATCHES, PATCHES), np.ones((1, side, side)))
        mask = torch.from_numpy(gone.astype(np.float32))[:, None].to(device)
        found = probability(x * (1 - mask) + x.mean() * mask)
        return (found * drawn).sum((1, 2)).div(drawn.sum()).cpu().numpy()

    return deletion("left_ventricle", score, coarse)
