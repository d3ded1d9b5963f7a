"""What a user's own EchoNet-Dynamic networks say of the same recording, beside our answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engine.echo.contractions import smooth
from engine.echo.letterbox import Letterbox
from engine.echo.recording import read_opening, squares_of
from engine.echo_ef import echonet
from engine.echo_ef.beats import Beat
from engine.echo_ef.volumes import ATRIUM, CAVITY, discs
from engine.models import ModelStore
from engine.progress import Progress, part
from engine.videos import Video


@dataclass(frozen=True)
class Asked:
    """Which of the user's networks to ask, by the SHA-256 of their files; clips: one of `echonet.CLIPS`."""

    segmentation: str | None = None
    video: str | None = None
    clips: str = "beats"

    def __bool__(self) -> bool:
        return bool(self.segmentation or self.video)


@dataclass(frozen=True)
class PeerOpinion:
    """squares: (T, 112, 112) uint8, what the networks saw. clip_starts: first frame of each clip; clip_ef: (n,) EF in %.

    ventricle: (T, 112, 112) bool as the user's segmentation draws it; beat_ef: (m,) EF in % of each of our beats by discs
    on it, NaN where it draws none. What was not asked for is empty. video: SHA-256 of the video network.
    """

    squares: np.ndarray
    clip_starts: tuple[int, ...]
    clip_ef: np.ndarray
    ventricle: np.ndarray
    beat_ef: np.ndarray
    video: str | None

    def estimates(self, chosen: Sequence[int] | None = None) -> dict[str, float]:
        """Median EF in % by network, over the beats that count (numbers from 0; None: all)."""
        beats = self.beat_ef if chosen is None else self.beat_ef[[k for k in chosen if k < len(self.beat_ef)]]
        known = {echonet.VIDEO: self.clip_ef, echonet.SEGMENTATION: beats[np.isfinite(beats)]}
        return {kind: float(np.median(values)) for kind, values in known.items() if len(values)}


def ask(
    video: Video,
    box: Letterbox,
    masks: np.ndarray,
    beats: Sequence[Beat],
    asked: Asked,
    store: ModelStore,
    progress: Progress,
) -> PeerOpinion:
    """The user's networks on a recording of which our network drew `masks` (T, S, S) in `box`.

    Raises:
        WeightError: if a network is not in memory any more.
    """  # fmt: skip
    squares = peer_squares(video, box, len(masks), part(progress, 0.0, 0.2))
    starts: tuple[int, ...] = ()
    clip_ef, beat_ef, ventricle = np.empty(0), np.empty(0), np.empty((0, echonet.SIDE, echonet.SIDE), bool)
    if asked.video and not video.still:
        model = store.lent(echonet.VIDEO, asked.video)
        starts = echonet.clip_starts(len(squares), asked.clips, beats)
        clip_ef = echonet.ejection_fractions(squares, starts, model, part(progress, 0.2, 0.6))
    if asked.segmentation:
        model = store.lent(echonet.SEGMENTATION, asked.segmentation)
        ventricle = echonet.ventricle(squares, model, part(progress, 0.6, 1.0))
        beat_ef = _beat_ef(_volumes(ventricle, masks), beats, video.frame_rate_hz)
    return PeerOpinion(squares, starts, clip_ef, ventricle, beat_ef, asked.video)


def peer_squares(video: Video, box: Letterbox, frames: int, progress: Progress) -> np.ndarray:
    """(T, 112, 112) uint8: the part of the recording that we looked at, at EchoNet-Dynamic's size.

    A recording that has this size already goes in as it is, black outside its sector.
    """
    opening, stream = read_opening(video)
    whole = (video.height, video.width) == (echonet.SIDE, echonet.SIDE)
    part_seen = (0, echonet.SIDE, 0, echonet.SIDE) if whole else (box.top, box.bottom, box.left, box.right)
    return squares_of(stream, opening.sector, Letterbox(*part_seen, echonet.SIDE), progress, frames)


def _volumes(ventricle: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(T,) relative volumes by discs; our atrium tells where the mitral plane lies."""
    found = np.full(len(ventricle), np.nan)
    for k, (cavity, ours) in enumerate(zip(ventricle, masks, strict=True)):
        mask = cv2.resize(ours, cavity.shape[::-1], interpolation=cv2.INTER_NEAREST)
        axis = discs(np.where(cavity, CAVITY, np.where(mask == ATRIUM, ATRIUM, 0)).astype(np.uint8))
        if axis is not None:
            found[k] = axis.volume
    return found


def _beat_ef(volumes: np.ndarray, beats: Sequence[Beat], rate_hz: float | None) -> np.ndarray:
    if np.isfinite(volumes).sum() < 5:
        return np.full(len(beats), np.nan)
    curve = smooth(volumes, rate_hz)
    return np.array([100 * (1 - curve[beat.es_frame] / curve[beat.ed_frame]) for beat in beats])
