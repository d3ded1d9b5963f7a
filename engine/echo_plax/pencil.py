"""What draws the structures: a network, how a frame goes into it, and how its drawing comes back onto the frame.

A recording is drawn piece by piece, so that the probabilities of a long one never lie in memory together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.echo.segmentation import segment
from engine.echo_plax.motion import REACH, steadied_along
from engine.echo_plax.segmentation import settled, structure_confidence, tidied
from engine.models import LoadedModel
from engine.progress import Progress, silent

PIECE = 64  # frames that are drawn together


class Place(Protocol):
    """How a frame lies in the square that a network sees (`Letterbox`, `Squashed`)."""

    def shrink(self, grey: np.ndarray) -> np.ndarray: ...

    def enlarge(self, shares: np.ndarray, frame_shape: tuple[int, int]) -> np.ndarray: ...

    def spread(self, values: np.ndarray, frame_shape: tuple[int, int], outside: float = 0.0) -> np.ndarray: ...


@dataclass(frozen=True)
class Pencil:
    """model: (B, 1, S, S) grey 0..1 -> (B, 7, S, S) logits. least: confidence below which a structure counts as absent.

    own: it is the user's own network.
    """

    model: LoadedModel
    place: Place
    least: float
    own: bool = False

    def draw(self, squares: np.ndarray) -> np.ndarray:
        """(n, S, S) uint8 neighbouring squares -> (n, 7, S, S) float16 probabilities, each steadied by its neighbours."""
        return steadied_along(squares, segment(squares, self.model, silent))

    def draw_some(self, squares: np.ndarray, frames: Sequence[int]) -> np.ndarray:
        """(T, S, S) uint8 -> (n, 7, S, S) float16 of these frames, as `draw` gives them for all; each is looked at once."""
        spans = [(max(0, frame - REACH), min(len(squares), frame + REACH + 1)) for frame in frames]
        needed = sorted({k for first, stop in spans for k in range(first, stop)})
        said = dict(zip(needed, segment(squares[needed], self.model, silent), strict=True))
        return np.stack(
            [
                steadied_along(squares[first:stop], np.stack([said[k] for k in range(first, stop)]))[frame - first]
                for frame, (first, stop) in zip(frames, spans, strict=True)
            ]
        )

    def draw_all(self, squares: np.ndarray, progress: Progress) -> Iterator[np.ndarray]:
        """(T, S, S) uint8 -> (7, S, S) float16 per frame, the same as if all were drawn together."""
        said: list[np.ndarray] = []  # what the network said of the frames from `first` on: it sees each once
        first = 0
        for at in range(0, len(squares), PIECE):
            progress(at / len(squares), f"Drawing the structures in frame {at + 1} of {len(squares)}")
            new = squares[first + len(said) : at + PIECE + REACH]
            if len(new):
                said += list(segment(new, self.model, silent))
            needed = max(0, at - REACH)
            said, first = said[needed - first :], needed
            steady = steadied_along(squares[first : first + len(said)], np.stack(said))
            yield from steady[at - first : at - first + PIECE]

    def confidence(self, shares: np.ndarray) -> np.ndarray:
        """(7, S, S) probabilities of one frame -> (6,) 0..1 per structure; 0 where it counts as absent."""
        found = structure_confidence(shares)
        return np.where(found >= self.least, found, 0.0)

    def mask(self, shares: np.ndarray, confidence: np.ndarray, frame_shape: tuple[int, int]) -> np.ndarray:
        """(H, W) uint8 class numbers on the frame's own pixels, of one frame's probabilities and `confidence`."""
        return self.place.enlarge(settled(shares, tidied(shares, confidence)), frame_shape)
