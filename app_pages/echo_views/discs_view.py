"""What a volume rests on: the frame, how sure each pixel is, the long axis and the twenty discs."""

from __future__ import annotations

import cv2
import numpy as np

from engine.echo_ef.volumes import CAVITY, DISCS, discs

ZOOM = 4  # screen pixels per pixel that the network saw
LINE = (255, 230, 120)
UNSURE = (255, 0, 200)


def discs_picture(square: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(S, S) uint8 frame and (4, S, S) probabilities -> (ZOOM S, ZOOM S, 3) uint8 RGB: the cavity's outline, axis and discs."""
    side = square.shape[0] * ZOOM
    picture = cv2.cvtColor(cv2.resize(square, (side, side), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2RGB)
    mask = shares.argmax(0).astype(np.uint8)
    large = cv2.resize((mask == CAVITY).astype(np.uint8), (side, side), interpolation=cv2.INTER_LINEAR)
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


def confidence_picture(square: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The frame with what is unsure tinted: the less the likeliest class is sure, the stronger."""
    side = square.shape[0] * ZOOM
    grey = cv2.resize(square, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    doubt = cv2.resize(1 - shares.astype(np.float32).max(0), (side, side)) / 0.75
    tint = np.clip(doubt, 0, 1)[..., None]
    return (grey[..., None] * (1 - tint) + tint * np.array(UNSURE, np.float32)).clip(0, 255).astype(np.uint8)


def attributed_picture(square: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The frame with (S, S) attribution, 0 or more, as colour from purple (little) to yellow (most)."""
    side = square.shape[0] * ZOOM
    grey = cv2.cvtColor(cv2.resize(square, (side, side), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2RGB)
    share = np.nan_to_num(weights / max(float(np.nanmax(weights)), 1e-9)).clip(0, 1)
    share = cv2.resize(share.astype(np.float32), (side, side))
    colour = cv2.cvtColor(cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_PLASMA), cv2.COLOR_BGR2RGB)
    opacity = (0.6 * share)[..., None]
    return (grey * (1 - opacity) + colour * opacity).astype(np.uint8)


def _line(picture: np.ndarray, start: np.ndarray, stop: np.ndarray, width: int) -> None:
    a, b = (tuple(np.round(point).astype(int).tolist()) for point in (start, stop))
    cv2.line(picture, a, b, LINE, width, cv2.LINE_AA)
