"""A recording with its six structures and callipers drawn: the masks, the sizes and the pictures, in one pass over the frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from engine.echo.mask_file import MaskFile
from engine.echo.overlay import Structure, display_size, drawn, jpeg, name_structures, webm
from engine.echo.recording import inside
from engine.echo.sector import Sector
from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, RIGHT_VENTRICLE, SEPTUM, VENTRICLE
from engine.echo_plax.calipers import NAMES, Calipers, measure
from engine.echo_plax.pencil import Pencil
from engine.progress import Progress, silent
from engine.videos import Video

STRUCTURES = (  # colours that remain apart for colour-blind readers (Okabe and Ito)
    Structure(VENTRICLE, "left_ventricle", "Left ventricle", (230, 159, 0), label="LV"),
    Structure(SEPTUM, "septum", "Septum", (86, 180, 233), dashed=True, label="IVS"),
    Structure(ATRIUM, "left_atrium", "Left atrium", (0, 158, 115), label="LA"),
    Structure(RIGHT_VENTRICLE, "right_ventricle", "Right ventricle", (240, 228, 66), dashed=True, label="RV"),
    Structure(OUTER_WALL, "outer_wall", "Outer wall", (213, 94, 0), dashed=True, label="PW"),
    Structure(AORTA, "aorta", "Aorta", (204, 121, 167), label="Ao"),
)
LINE, END = (255, 255, 255), 3  # colour of a calliper and half the length of its end marks, px


@dataclass(frozen=True)
class DrawnRecording:
    """mask, overlay: the files of the contract. confidence: (T, 6). plain, drawn: JPEG per frame at display size."""

    mask: bytes
    overlay: bytes
    confidence: np.ndarray
    calipers: tuple[Calipers, ...]
    plain: tuple[bytes, ...]
    drawn: tuple[bytes, ...]


def draw_recording(
    video: Video,
    pencil: Pencil,
    squares: np.ndarray,
    sector: Sector,
    spacing: tuple[float, float],
    progress: Progress,
) -> DrawnRecording:
    """sector: where the machine recorded; all else is black in what is shown. spacing: mm per pixel in x and y, or (1, 1)."""
    size = (video.height, video.width)
    masks = MaskFile((len(squares), *size))
    sure: list[np.ndarray] = []
    calipers: list[Calipers] = []
    plain: list[bytes] = []
    marked: list[bytes] = []

    def pictures() -> Iterator[np.ndarray]:
        for frame, shares in zip(inside(video.frames(), sector), pencil.draw_all(squares, silent), strict=True):
            sure.append(pencil.confidence(shares))
            mask = pencil.mask(shares, sure[-1], size)
            masks.add(mask)
            calipers.append(measure(mask, spacing, sector.mask))
            clean, picture = pictured(frame, mask, calipers[-1])
            plain.append(jpeg(clean))
            marked.append(jpeg(picture))
            yield picture

    overlay = webm(pictures(), video.frame_rate_hz, progress, len(squares))
    return DrawnRecording(masks.done(), overlay, np.stack(sure), tuple(calipers), tuple(plain), tuple(marked))


def pictured(frame: np.ndarray, mask: np.ndarray, calipers: Calipers) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 RGB and its (H, W) mask -> the plain picture at display size, and one with structures and callipers."""
    height, width = display_size(*mask.shape)
    how = cv2.INTER_AREA if height < mask.shape[0] else cv2.INTER_LINEAR
    plain = cv2.resize(frame, (width, height), interpolation=how)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    picture = drawn(plain, small, STRUCTURES)
    draw_calipers(picture, calipers, mask.shape)
    name_structures(picture, small, STRUCTURES)
    return plain, picture


def draw_calipers(picture: np.ndarray, calipers: Calipers, frame_shape: tuple[int, ...]) -> None:
    """Draws each line with its end marks into (h, w, 3) uint8 RGB, a frame of `frame_shape` at another size."""
    scale = np.array([picture.shape[1] / frame_shape[1], picture.shape[0] / frame_shape[0]])
    for name in NAMES:
        line = getattr(calipers, name)
        if line is None:
            continue
        ends = [(np.array(point) + 0.5) * scale - 0.5 for point in (line.start, line.stop)]
        along = ends[1] - ends[0]
        mark = END * np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
        strokes = [ends, *([end - mark, end + mark] for end in ends)]
        for colour, width in (((0, 0, 0), 3), (LINE, 1)):
            for start, stop in strokes:
                cv2.line(picture, _whole(start), _whole(stop), colour, width, cv2.LINE_AA)


def _whole(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
