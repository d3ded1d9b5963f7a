"""Beats from a volume curve: end-diastole and end-systole per beat, cut beats left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.echo import contractions


@dataclass(frozen=True)
class Beat:
    """One whole beat: the frames of its end-diastole and the end-systole that follows, and its ejection fraction in percent."""

    ed_frame: int
    es_frame: int
    ef_percent: float


def find_beats(volumes: np.ndarray, frame_rate_hz: float | None) -> tuple[Beat, ...]:
    """The beats of a volume curve (T,), as `contractions.find_contractions` finds them."""
    found = contractions.find_contractions(volumes, frame_rate_hz)
    return tuple(Beat(c.ed_frame, c.es_frame, c.fall_percent) for c in found)


def heart_rate(beats: tuple[Beat, ...], frame_rate_hz: float | None) -> float | None:
    """Beats per minute from the median distance of end-systoles; None without two beats or a frame rate."""
    return contractions.heart_rate([beat.es_frame for beat in beats], frame_rate_hz)
