"""Six structures in every frame of a parasternal long axis: where the network looks, what it draws, how sure it is.

`look` draws a few frames of the sector, `engine.echo_plax.pencil` all of them; `Drawn` holds squares and probabilities with
the masks and each structure's confidence. Networks and weights: `engine.unet.UNet`, `echo-plax`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.echo.letterbox import Letterbox
from engine.echo.recording import Opening
from engine.echo.sector import Sector
from engine.echo.segmentation import segment
from engine.echo_plax.anatomy import STRUCTURES, tidy
from engine.models import LoadedModel
from engine.own_statistics import learnt_alone
from engine.progress import silent

WEIGHT = "echo-plax"
SIDE = 160  # px of the square that the network sees
FEW = 8  # frames of the opening that are looked at first
LEAST_PX = 40  # of a structure in the square: less is a stray speck


@dataclass(frozen=True)
class Drawn:
    """squares: (T, SIDE, SIDE) uint8 grey. shares: (T, 7, SIDE, SIDE) float16 calibrated probabilities, background first.

    box: where the squares lie in the frame. least: confidence below which a structure counts as absent from a frame.
    """

    squares: np.ndarray
    shares: np.ndarray
    box: Letterbox
    least: float

    @property
    def confidence(self) -> np.ndarray:
        """(T, 6) 0..1 per frame and structure: mean probability over the structure's pixels; 0 where it is absent."""
        found = np.stack([structure_confidence(frame) for frame in self.shares])
        return np.where(found >= self.least, found, 0.0)

    def masks(self) -> np.ndarray:
        """(T, SIDE, SIDE) uint8 class numbers in the squares."""
        return np.stack([tidied(frame, sure) for frame, sure in zip(self.shares, self.confidence, strict=True)])

    def full_masks(self, frame_shape: tuple[int, int]) -> Iterator[np.ndarray]:
        """(H, W) uint8 class numbers on the input's own pixels, frame by frame."""
        for frame, sure in zip(self.shares, self.confidence, strict=True):
            yield self.box.enlarge(settled(frame, tidied(frame, sure)), frame_shape)

    def confidence_map(self, frame: int, frame_shape: tuple[int, int]) -> np.ndarray:
        """(H, W) float32 0..1 on the input's own pixels: the probability of the likeliest class; 1 outside the sector's box."""
        return self.box.spread(self.shares[frame].max(0), frame_shape, outside=1.0)


def look(opening: Opening, model: LoadedModel) -> Drawn:
    """What is drawn in a few frames of the opening, the whole sector being looked at.

    A closer look at parts of it, chosen by confidence, would find something like a long axis in most other views.
    """
    box = Letterbox(*opening.sector.box, SIDE)
    grey = np.stack([box.shrink(frame) for frame in opening.few(FEW)])
    return looked_at(lifted(grey, seen_square(opening.sector, box), floor(model)), box, model)


def looked_at(squares: np.ndarray, box: Letterbox, model: LoadedModel) -> Drawn:
    """Frames drawn to judge the view by: with learnt statistics alone, since a picture's own make a heart of other pictures."""
    judging = replace(model, module=learnt_alone(model.module))
    return Drawn(squares, segment(squares, judging, silent), box, least(model))


def seen_square(sector: Sector, box: Letterbox) -> np.ndarray:
    """(side, side) bool: where the square shows the sector."""
    return box.shrink(sector.mask.astype(np.uint8) * 255) > 127


def lifted(squares: np.ndarray, seen: np.ndarray, lowest: int) -> np.ndarray:
    """(T, S, S) uint8 grey and (S, S) bool sector -> (T, S, S) uint8: `lowest`..255 inside the sector, 0 outside.

    So the edge of the sector shows where the chamber beside it is as black as the picture around.
    """
    table = np.round(np.linspace(lowest, 255, 256)).astype(np.uint8)
    return table[squares] * seen


def least(model: LoadedModel) -> float:
    """The confidence below which a structure counts as absent, as found on left-out clips."""
    return float(model.weight.operating["least_confidence"])


def floor(model: LoadedModel) -> int:
    """The grey that black has inside the sector when this network looks at it (see `lifted`)."""
    return int(model.weight.operating.get("floor", 0))


def structure_confidence(shares: np.ndarray) -> np.ndarray:
    """(7, S, S) probabilities of one frame -> (6,) mean probability of each structure where it is the likeliest; 0 if nowhere."""
    shares = shares.astype(np.float32)
    classes, sure = shares.argmax(0), shares.max(0)
    found = np.zeros(len(STRUCTURES))
    for k, structure in enumerate(STRUCTURES):
        inside = classes == structure
        if inside.sum() >= LEAST_PX:
            found[k] = sure[inside].mean()
    return found


def tidied(shares: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(7, S, S) probabilities and (6,) confidence of one frame -> (S, S) uint8: one piece of each structure that is present."""
    return tidy(shares.argmax(0).astype(np.uint8), _present(confidence))


def settled(shares: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(7, S, S) probabilities that say the (S, S) mask: its class is sure where another one was the likeliest."""
    other = shares.argmax(0) != mask
    found = shares.copy()
    found[:, other] = 0
    found[mask[other], other] = 1
    return found


def _present(confidence: np.ndarray) -> tuple[int, ...]:
    return tuple(s for s, sure in zip(STRUCTURES, confidence, strict=True) if sure > 0)
