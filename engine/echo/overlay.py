"""A recording with its structures drawn, as a WebM that browsers play, and as single frames for the page."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

from engine.progress import Progress

LONGEST_SIDE = 480  # px of the drawn video
SHORTEST_SIDE = 320  # small recordings (112 x 112) are enlarged to it
FILL = 0.28  # opacity of a structure's area; its outline is opaque
ASSUMED_RATE_HZ = 25
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.38


@dataclass(frozen=True)
class Structure:
    """One class of a mask. colour: RGB 0..255; dashed outlines and the label written inside tell structures apart without it."""

    number: int
    code: str
    name: str
    colour: tuple[int, int, int]
    dashed: bool = False
    label: str = ""


def display_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) of the drawn video, even as VP8 needs it."""
    longest = max(height, width)
    scale = min(1.0, LONGEST_SIDE / longest) if longest > SHORTEST_SIDE else SHORTEST_SIDE / longest
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)


def drawn(frame: np.ndarray, mask: np.ndarray, structures: Sequence[Structure]) -> np.ndarray:
    """(H, W, 3) uint8 RGB with each structure filled lightly and outlined. mask: (H, W) uint8."""
    picture = frame.copy()
    for structure in structures:
        inside = (mask == structure.number).astype(np.uint8)
        if not inside.any():
            continue
        tint = np.array(structure.colour, np.float32)
        area = inside > 0
        picture[area] = ((1 - FILL) * picture[area] + FILL * tint).astype(np.uint8)
        outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for outline in outlines:
            _stroke(picture, outline[:, 0], structure)
    return picture


def name_structures(picture: np.ndarray, mask: np.ndarray, structures: Sequence[Structure]) -> None:
    """Writes each structure's label into (h, w, 3) uint8 RGB, where the (h, w) mask shows it thickest."""
    for structure in structures:
        inside = (mask == structure.number).astype(np.uint8)
        if inside.any():
            _name(picture, inside, structure)


def _name(picture: np.ndarray, inside: np.ndarray, structure: Structure) -> None:
    _, _, _, (x, y) = cv2.minMaxLoc(cv2.distanceTransform(inside, cv2.DIST_L1, 3))
    (width, height), _ = cv2.getTextSize(structure.label, FONT, FONT_SCALE, 1)
    corner = (max(0, x - width // 2), max(height, y + height // 2))
    cv2.putText(picture, structure.label, corner, FONT, FONT_SCALE, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, structure.label, corner, FONT, FONT_SCALE, (255, 255, 255), 1, cv2.LINE_AA)


def jpeg(picture: np.ndarray) -> bytes:
    """(h, w, 3) uint8 RGB as JPEG, for the page."""
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _stroke(picture: np.ndarray, outline: np.ndarray, structure: Structure) -> None:
    pieces = (outline[k : k + 4] for k in range(0, len(outline), 8)) if structure.dashed else (outline,)
    for piece in pieces:
        cv2.polylines(picture, [piece], not structure.dashed, structure.colour, 1, cv2.LINE_AA)


def whole_frame(frame: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as JPEG at display size, what lies beside the sector included: for its reader's depth marks alone."""
    height, width = display_size(*frame.shape[:2])
    how = cv2.INTER_AREA if height < frame.shape[0] else cv2.INTER_LINEAR
    return jpeg(cv2.resize(frame, (width, height), interpolation=how))


def display_frames(
    frames: Iterator[np.ndarray], masks: Iterator[np.ndarray], structures: Sequence[Structure]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Per frame the plain and the drawn picture, both (h, w, 3) uint8 RGB at display size."""
    for frame, mask in zip(frames, masks, strict=True):
        height, width = display_size(*mask.shape)
        how = cv2.INTER_AREA if height < mask.shape[0] else cv2.INTER_LINEAR
        plain = cv2.resize(frame, (width, height), interpolation=how)
        yield plain, drawn(plain, cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST), structures)


def webm(pictures: Iterator[np.ndarray], rate_hz: float | None, progress: Progress, expected: int) -> bytes:
    """The pictures (h, w, 3) uint8 RGB as a VP8 video."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = None
        for k, picture in enumerate(pictures):
            if k % 16 == 0:
                progress(min(1.0, k / max(expected, 1)), f"Drawing the overlay, frame {k + 1} of {expected}")
            if stream is None:
                stream = container.add_stream(
                    "libvpx", rate=Fraction(rate_hz or ASSUMED_RATE_HZ).limit_denominator(1000)
                )
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.bit_rate = 1_500_000
                stream.thread_count = 1  # more only wait for each other: so small a picture is encoded in 2 ms
                stream.options = {"deadline": "realtime", "cpu-used": "8"}
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode(None))
    return file.getvalue()
