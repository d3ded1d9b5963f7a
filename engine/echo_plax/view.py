"""Is it a parasternal long axis? Judged on what was drawn: all six structures, surely, and where a long axis has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, RIGHT_VENTRICLE, SEPTUM, VENTRICLE
from engine.echo_plax.segmentation import Drawn, floor, structure_confidence
from engine.models import LoadedModel

CODE = "not_parasternal"
ASKED_FOR = (
    "choose a parasternal long-axis loop (left ventricle lying, aorta and left atrium on the right), "
    "without Doppler, M-mode or measurements drawn on it."
)
STRIP = 1.8  # times its height: wider than any sector; M-mode and Doppler are strips in time
CORNER = 0.2  # of the breadth and the height: the upper corners, which a sector leaves black
FEATURES = (
    "sure_ventricle",
    "sure_septum",
    "sure_atrium",
    "sure_right",
    "sure_wall",
    "sure_aorta",
    "in_order",
    "covered",
)


@dataclass(frozen=True)
class View:
    """probability: 0..1 that the frames show a parasternal long axis. accepted: whether that is enough.

    reason: a sentence for the reader; empty where accepted.
    """

    probability: float
    accepted: bool
    reason: str


def judge(drawn: Drawn, model: LoadedModel) -> View:
    """Whether a few frames (see `segmentation.look`), or a whole recording, show the view. model: `echo-plax`."""
    if is_strip(drawn, floor(model)):
        return View(
            0.0, False, f"Expected a parasternal long axis, this looks like M-mode or Doppler over time; {ASKED_FOR}"
        )
    operating = model.weight.operating
    every = np.unique(np.linspace(0, len(drawn.shares) - 1, 8).round().astype(int))
    per_frame = np.stack([features(drawn.shares[k]) for k in every])
    mean = per_frame.mean(0)
    logit = float(mean @ np.array(operating["view_weights"]) + operating["view_bias"])
    probability = 1 / (1 + float(np.exp(-logit)))
    accepted = probability >= operating["view_threshold"]
    return View(probability, accepted, "" if accepted else reason(mean))


def is_strip(drawn: Drawn, lowest: int = 0) -> bool:
    """Whether what is looked at is wide and lit up to its upper corners, where a sector is black. lowest: what black is."""
    top, left, height, width = drawn.box.inner
    tall, wide = max(1, round(CORNER * height)), max(1, round(CORNER * width))
    above = drawn.squares[:, top : top + tall, left : left + width]
    corners = np.concatenate([above[..., :wide], above[..., -wide:]], axis=2)
    return width > STRIP * height and float((corners > lowest).mean()) > 0.5


def features(shares: np.ndarray) -> np.ndarray:
    """(7, S, S) probabilities of one frame -> (8,) 0..1, by FEATURES."""
    sure = structure_confidence(shares)
    classes = shares.argmax(0)
    return np.concatenate([sure, [in_order(classes), min(1.0, (classes > 0).mean() / 0.25)]])


def in_order(classes: np.ndarray) -> float:
    """Share of what a long axis demands that the drawing keeps, pairs with an absent structure counting as not kept."""
    middle = {
        s: np.argwhere(classes == s).mean(0)
        for s in (VENTRICLE, SEPTUM, ATRIUM, RIGHT_VENTRICLE, OUTER_WALL, AORTA)
        if (classes == s).any()
    }
    above = (
        (RIGHT_VENTRICLE, SEPTUM), (SEPTUM, VENTRICLE), (VENTRICLE, OUTER_WALL), (AORTA, ATRIUM), (SEPTUM, OUTER_WALL),
    )  # fmt: skip
    left_of = ((VENTRICLE, ATRIUM), (VENTRICLE, AORTA), (SEPTUM, AORTA), (OUTER_WALL, ATRIUM))
    kept = [a in middle and b in middle and middle[a][0] < middle[b][0] for a, b in above]
    kept += [a in middle and b in middle and middle[a][1] < middle[b][1] for a, b in left_of]
    return float(np.mean(kept))


def reason(mean: np.ndarray) -> str:
    """Why the frames were refused, from their mean features."""
    names = ("left ventricle", "septum", "left atrium", "right ventricle", "outer wall", "aorta")
    missing = [name for name, sure in zip(names, mean[:6], strict=True) if sure < 0.4]
    if missing:
        return (
            f"Expected a parasternal long axis, found no {', no '.join(missing)} as that view shows them; {ASKED_FOR}"
        )
    return f"Expected a parasternal long axis, the structures found here do not lie as in that view; {ASKED_FOR}"
