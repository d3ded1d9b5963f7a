"""What six structures rest on, drawn on the frame: their legend, doubt, the two that compete, and attribution."""

from __future__ import annotations

import cv2
import numpy as np

from app_pages.echo_views.tints import doubted, heated
from app_pages.shared.wording import text
from engine.echo_plax.drawing import STRUCTURES
from engine.echo_plax.evidence import EchoPlaxEvidence
from engine.wording import percent
from explain.explanation import Explanation

CONTESTED = 0.5  # a pixel is contested while the likeliest structure is less than this likelier than the second
STRIPE = 4  # px: width of the stripes in two structures' colours
BACKGROUND = (110, 110, 110)  # its colour among the contested
NAMES = {0: "background"} | {s.number: s.name.lower() for s in STRUCTURES}


def legend() -> str:
    """HTML: each structure's label in the picture, its name, and its colour with its kind of outline."""
    items = "".join(
        f"<li><span class='chip' style='border: 3px {'dashed' if s.dashed else 'solid'} rgb{s.colour}'></span>"
        f"<strong>{text(s.label)}</strong> {text(s.name)}{', dashed outline' if s.dashed else ''}</li>"
        for s in STRUCTURES
    )
    return f"<ul class='structures'>{items}</ul>"


def frame_picture(evidence: EchoPlaxEvidence, frame: int, drawn: bool) -> np.ndarray:
    """(h, w, 3) uint8 RGB at display size, plain or with structures and callipers."""
    jpeg = (evidence.drawn if drawn else evidence.plain)[frame]
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB))


def doubt_picture(evidence: EchoPlaxEvidence, made: Explanation, k: int) -> np.ndarray:
    """The k-th explained frame with what is unsure tinted."""
    plain = frame_picture(evidence, made.details["frames"][k], False)
    return doubted(plain, _fitted(made.arrays["confidence"][k].astype(np.float32), plain))


def attribution_picture(evidence: EchoPlaxEvidence, made: Explanation, k: int, structure: int) -> np.ndarray:
    """The k-th explained frame with what a structure rests on, as colour."""
    plain = frame_picture(evidence, made.details["frames"][k], False)
    return heated(plain, _fitted(made.arrays["attribution"][k, structure - 1].astype(np.float32), plain))


def competition_picture(evidence: EchoPlaxEvidence, made: Explanation, k: int) -> np.ndarray:
    """The k-th explained frame, with stripes in the colours of the two structures that compete for a contested place."""
    plain = frame_picture(evidence, made.details["frames"][k], False)
    contested = _fitted(made.arrays["margin"][k].astype(np.float32), plain) < CONTESTED
    height, width = contested.shape
    stripes = (np.add.outer(np.arange(height), np.arange(width)) // STRIPE % 2).astype(bool)
    colours = np.array([BACKGROUND, *(s.colour for s in STRUCTURES)], np.uint8)
    first, second = (
        cv2.resize(made.arrays[name][k], (width, height), interpolation=cv2.INTER_NEAREST)
        for name in ("likeliest", "second")
    )
    return np.where(contested[..., None], colours[np.where(stripes, first, second)], plain)


def contested_pairs(made: Explanation, k: int) -> list[str]:
    """The pairs that compete most on the k-th frame, e.g. `septum or left ventricle: 3 % of what is drawn`."""
    first, second = made.arrays["likeliest"][k], made.arrays["second"][k]
    contested = made.arrays["margin"][k] < CONTESTED
    drawn = max(int((first > 0).sum()), 1)
    pairs = np.sort(np.stack([first[contested], second[contested]]), axis=0)
    codes, counts = np.unique(10 * pairs[1] + pairs[0], return_counts=True)
    most = sorted(zip(counts, codes, strict=True), reverse=True)[:3]
    return [f"{NAMES[int(c) // 10]} or {NAMES[int(c) % 10]}: {percent(n / drawn)} of what is drawn" for n, c in most]


def _fitted(values: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """A map on the input's own pixels at the picture's size."""
    return cv2.resize(values, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_AREA)
