"""What an answer of `echo-plax` rests on, for the page and the explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.echo.depth_scale import DepthScale
from engine.echo_plax.dimensions import Dimensions
from engine.echo_plax.pencil import Pencil
from engine.videos import PixelSize


@dataclass(frozen=True)
class EchoPlaxEvidence:
    """squares: (T, S, S) uint8, what the network saw. confidence: (T, 6) 0..1 per frame and structure, 0 where it is absent.

    plain, drawn: JPEG per frame at display size, black outside the sector, without and with the structures. whole: the first
    frame with what lies beside the sector, for depth marks. still: a single picture.
    printed: the depth scale beside the sector, where the file states no pixel size and one was read.
    Probabilities are drawn anew where they are wanted: those of a long recording would not fit in memory.
    """

    pencil: Pencil
    squares: np.ndarray
    confidence: np.ndarray
    dimensions: Dimensions
    frame_size: tuple[int, int]  # (height, width) px
    frame_rate_hz: float | None
    pixel_size: PixelSize
    still: bool
    plain: tuple[bytes, ...]
    drawn: tuple[bytes, ...]
    printed: DepthScale | None
    whole: bytes

    @property
    def key_frames(self) -> list[int]:
        """End-diastolic and end-systolic frames in order; the middle frame where there is no beat."""
        beats = self.dimensions.beats
        return sorted({f for b in beats for f in (b.ed_frame, b.es_frame)}) or [len(self.squares) // 2]

    def shares(self, frames: Sequence[int]) -> np.ndarray:
        """(n, 7, S, S) float16 probabilities of these frames, steadied by their neighbours as in the answer."""
        return self.pencil.draw_some(self.squares, frames)
