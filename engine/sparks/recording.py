"""A confocal recording ready to be streamed: frames in time order, whatever file they lie in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Annotation:
    """A spark as somebody marked it: centre in px, first and last frame."""

    x: float
    y: float
    t_start: int
    t_end: int


@dataclass(frozen=True)
class Recording:
    """Frames of one channel.

    shape: (T, H, W); a line scan has H = 1 and its lines as frames. read(start, stop): (n, H, W) counts of those frames, of
    the file's own number type; errors as `read_sequence`. um_per_px, ms_per_frame: None where neither file nor reader state
    them. notes: sentences for the reader about what was assumed or found.
    """

    shape: tuple[int, int, int]
    read: Callable[[int, int], np.ndarray] = field(repr=False)
    um_per_px: float | None
    ms_per_frame: float | None
    line_scan: bool = False
    notes: tuple[str, ...] = ()
    missing_frames: tuple[int, ...] = ()
    annotations: tuple[Annotation, ...] = ()
