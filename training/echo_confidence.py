"""How much surer `echo-apical` says it is than it turns out to be: on and around the hearts of validation patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.echo_ef.confidence import calibrated

TEMPERATURES = np.arange(0.8, 2.55, 0.05)
AROUND_PX = 8  # of the network's square: beyond, background is so plain that it would hide what the walls' pixels say
BINS = 10


@dataclass(frozen=True)
class Pixels:
    """shares: (4, n) probabilities of pixels on a heart and around it; truth: (n,) their class in the reference."""

    shares: np.ndarray
    truth: np.ndarray


def near_heart(shares: np.ndarray, truth: np.ndarray) -> Pixels:
    """Of (4, S, S) probabilities and an (S, S) reference, the pixels that either calls heart, and those around them."""
    heart = ((shares.argmax(0) > 0) | (truth > 0)).astype(np.uint8)
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * AROUND_PX + 1,) * 2)
    near = cv2.dilate(heart, reach) > 0
    return Pixels(shares[:, near], truth[near])


def gap(patients: Sequence[Pixels], temperature: float) -> float:
    """Mean distance of confidence and accuracy over BINS bins of confidence, weighed by their pixels (ECE)."""
    sure, right = [], []
    for pixels in patients:
        shares = calibrated(pixels.shares[..., None], temperature)[..., 0]
        sure.append(shares.max(0))
        right.append(shares.argmax(0) == pixels.truth)
    confidence, accuracy = np.concatenate(sure), np.concatenate(right)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    each = [
        (bins == k).mean() * abs(confidence[bins == k].mean() - accuracy[bins == k].mean()) for k in np.unique(bins)
    ]
    return float(np.sum(each))


def temperature(patients: Sequence[Pixels]) -> float:
    """What the logits have to be divided by so that confidence and accuracy differ least."""
    gaps = [gap(patients, float(candidate)) for candidate in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(gaps))]), 2)
