"""What a volume rests on: the frame, how sure each pixel is, the long axis and the twenty discs."""

from __future__ import annotations

import cv2
import numpy as np

from app_pages.echo_views.tints import doubted, heated
from engine.echo_ef.volumes import CAVITY, DISCS, discs

ZOOM = 4  # screen pixels per pixel that the network saw
LINE = (255, 230, 120)


def discs_picture(square: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(S, S) uint8 frame and (4, S, S) probabilities -> (ZOOM S, ZOOM S, 3) uint8 RGB: the cavity's outline, axis and discs."""
    picture, side = _enlarged(square), _side(square)
    mask = shares.argmax(0).astype(np.uint8)
    large = cv2.resize((mask == CAVITY).astype(np.uint8), side, interpolation=cv2.INTER_LINEAR)
    outlines, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (255, 99, 71), 2, cv2.LINE_AA)
    found = discs(mask)
    if found is None:
        return picture
    apex, mitral = (np.add(point, 0.5) * ZOOM for point in (found.apex, found.mitral))
    along = (apex - mitral) / max(float(np.hypot(*(apex - mitral))), 1e-6)
    across = np.array([-along[1], along[0]])
    for k, width in enumerate(found.widths):
        middle = mitral + (apex - mitral) * (k + 0.5) / DISCS
        _line(picture, middle - across * width * ZOOM / 2, middle + across * width * ZOOM / 2, 1)
    _line(picture, apex, mitral, 2)
    return picture


def png(picture: np.ndarray) -> bytes:
    """(h, w, 3) uint8 RGB as PNG, for the report."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def confidence_picture(square: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """The frame with what is unsure tinted: the less sure (S, S) 0..1 what is drawn there, the stronger."""
    return doubted(_enlarged(square), cv2.resize(confidence, _side(square)))


def attributed_picture(square: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The frame with (S, S) attribution, 0 or more, as colour from purple (little) to yellow (most)."""
    return heated(_enlarged(square), cv2.resize(weights.astype(np.float32), _side(square)))


def _side(square: np.ndarray) -> tuple[int, int]:
    return square.shape[1] * ZOOM, square.shape[0] * ZOOM


def _enlarged(square: np.ndarray) -> np.ndarray:
    """(ZOOM S, ZOOM S, 3) uint8 RGB."""
    return cv2.cvtColor(cv2.resize(square, _side(square), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2RGB)


def _line(picture: np.ndarray, start: np.ndarray, stop: np.ndarray, width: int) -> None:
    a, b = (tuple(np.round(point).astype(int).tolist()) for point in (start, stop))
    cv2.line(picture, a, b, LINE, width, cv2.LINE_AA)
