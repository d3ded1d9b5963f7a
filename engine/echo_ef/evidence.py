"""What an answer of `echo-ef` rests on, for the page and the explanation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.echo.depth_scale import DepthScale
from engine.echo.letterbox import Letterbox
from engine.echo_ef.beats import Beat
from engine.echo_ef.ejection_fraction import Estimate, MeasuredError
from engine.echo_ef.peers import PeerOpinion
from engine.videos import PixelSize


@dataclass(frozen=True)
class EchoEfEvidence:
    """squares: (T, S, S) uint8, what the network saw; shares: (T, 4, S, S) float16 probabilities of background, cavity,
    myocardium, atrium; volumes: (T,) mL with a pixel size, else cubic pixels of the square, NaN where no ventricle is drawn.

    temperature: by which `shares` are surer than they turn out (see `confidence.calibrated`).
    area_length_ef: (n,) the same beats' EF by area and length, a cross-check, NaN where it can't be told.
    box: where the square lies in the frame. plain, drawn: JPEG per frame at display size, black outside the
    sector, without and with the structures. whole: the first frame with what lies beside the sector, for depth marks.
    peers: what the user's own networks say, None where none was asked. printed: the depth scale beside the sector, where no
    pixel size is known and one was read.
    """

    squares: np.ndarray
    shares: np.ndarray
    temperature: float
    volumes: np.ndarray
    box: Letterbox
    frame_rate_hz: float | None
    pixel_size: PixelSize
    beats: tuple[Beat, ...]
    area_length_ef: np.ndarray
    error: MeasuredError
    estimate: Estimate | None
    plain: tuple[bytes, ...]
    drawn: tuple[bytes, ...]
    peers: PeerOpinion | None = None
    printed: DepthScale | None = None
    whole: bytes = b""
