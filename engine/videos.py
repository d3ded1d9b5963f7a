"""Video intake for every task: AVI, MP4, MOV, WebM, GIF, multi-frame DICOM and stills, decoded from memory, frame by frame.

Frames are streamed, so a long recording never lies in memory as a whole. Sizes are checked before anything is decoded.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.dicom_elements import items, number, read_elements, whole
from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.pictures import is_picture, read_picture
from engine.study import Part, Study

if TYPE_CHECKING:
    import pydicom

MAX_FRAMES = 5_000  # 100 s at 50 frames per second; a study of a few beats has 50 to 300
MAX_FRAME_PIXELS = 4_200_000  # a 2048 x 2048 frame
RATES_HZ = (5.0, 400.0)  # frame rates that an echo machine produces; others are not believed
SMALLEST_MM, LARGEST_MM = 0.01, 5.0  # of a pixel of an echo picture
DICOM_MARK = b"DICM"
CENTIMETRES, TWO_DIMENSIONAL, TISSUE = 3, 1, 1  # (0018,6024), (0018,6012), (0018,6014)


@dataclass(frozen=True)
class PixelSize:
    """mm per pixel, x and y each its own; `reason` says why there is none (both None)."""

    x_mm: float | None = None
    y_mm: float | None = None
    reason: str = "A plain video states no pixel size."

    @property
    def known(self) -> bool:
        return self.x_mm is not None


@dataclass(frozen=True)
class Video:
    """A recording ready to be streamed.

    frames(): (H, W, 3) uint8 RGB, one after the other, anew at every call; raises UnreadableInput where the stream breaks.
    frame_rate_hz: None where the file states none that can be believed. still: a single picture.
    """

    width: int
    height: int
    frame_rate_hz: float | None
    pixel_size: PixelSize
    still: bool
    frames: Callable[[], Iterator[np.ndarray]]


def stated_mm_per_px(text: str) -> float:
    """A reader's own statement of the pixel size. Raises EngineError where it is no number that an echo picture can have."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not SMALLEST_MM < value < LARGEST_MM:
        raise EngineError(f"Expected mm_per_px between {SMALLEST_MM} and {LARGEST_MM:g}, got {text!r}.")
    return value


def read_video(study: Study) -> Video:
    """The recording of a study of one file.

    Raises:
        UnreadableInput: if the file is no video, DICOM or picture that can be decoded, or is larger than is read.
        RefusedStudy: `no_pixels`, `transfer_syntax` for DICOM files without pictures that can be decoded.
    """
    if len(study.parts) != 1:
        raise UnreadableInput(f"Expected one video file, got {len(study.parts)} files; choose one recording.")
    part = study.parts[0]
    if part.data[128:132] == DICOM_MARK:
        return _dicom(part)
    if is_picture(part) and part.suffix != ".gif":
        picture = read_picture(part)
        return Video(picture.shape[1], picture.shape[0], None, PixelSize(), True, lambda: iter([picture]))
    return _container(part)


def _container(part: Part) -> Video:
    import av

    try:
        with av.open(io.BytesIO(part.data), metadata_errors="ignore") as opened:
            if not opened.streams.video:
                raise UnreadableInput(
                    "The file holds no video track; choose an AVI, MP4, MOV, WebM, GIF or DICOM recording."
                )
            stream = opened.streams.video[0]
            if stream.codec_context is None:  # what tells the codec is damaged, or no decoder of it is at hand
                raise UnreadableInput(
                    "The video track is in a coding that is not known here; export it as MP4 (H.264), AVI or DICOM."
                )
            width, height, count = stream.width, stream.height, stream.frames
            rate = float(stream.average_rate) if stream.average_rate else None
    except (av.FFmpegError, ValueError, OSError) as error:
        raise UnreadableInput(
            "The file is no video that can be opened; expected AVI, MP4, MOV, WebM, GIF or DICOM. Export it again."
        ) from error
    _check_size(width, height, count)
    believed = rate if rate and RATES_HZ[0] <= rate <= RATES_HZ[1] else None
    return Video(width, height, believed, PixelSize(), False, lambda: _stream(part.data, width, height))


def _stream(data: bytes, width: int, height: int) -> Iterator[np.ndarray]:
    """Frames until the stream ends; a stream that breaks after its first frames ends there."""
    import av

    count = 0
    try:
        with av.open(io.BytesIO(data), mode="r", metadata_errors="ignore") as opened:
            opened.streams.video[0].thread_type = "AUTO"
            for frame in opened.decode(video=0):
                count += 1
                if count > MAX_FRAMES:
                    raise UnreadableInput(_too_long(count))
                if (frame.width, frame.height) != (width, height):
                    raise UnreadableInput("The picture size changes within the video; export it with one size.")
                yield frame.to_ndarray(format="rgb24")
    except (av.FFmpegError, ValueError, OSError) as error:
        if count == 0:
            raise UnreadableInput("The video is damaged: no frame of it can be decoded. Export it again.") from error
    if count == 0:
        raise UnreadableInput("The video holds no frame; export it again.")


def _dicom(part: Part) -> Video:
    elements = read_elements(part.data)
    if "PixelData" not in elements:
        raise RefusedStudy(
            "no_pixels", "This DICOM file holds no pictures (no PixelData); choose the cine loop itself."
        )
    width, height, count = (whole(elements, name) for name in ("Columns", "Rows", "NumberOfFrames"))
    if width is None or height is None:
        raise UnreadableInput("The DICOM file does not say how large its pictures are; export it again.")
    _check_size(width, height, count or 1)
    if elements.get("Modality") not in ("US", "IVUS", None, ""):
        raise RefusedStudy(
            "not_ultrasound", f"Expected an ultrasound DICOM, this one is of modality {elements.Modality}."
        )
    return Video(
        width,
        height,
        _dicom_rate(elements),
        dicom_pixel_size(elements),
        (count or 1) == 1,
        lambda: _dicom_frames(elements),
    )


def _dicom_frames(elements: pydicom.Dataset) -> Iterator[np.ndarray]:
    from pydicom.pixels import apply_color_lut, iter_pixels

    try:
        for frame in iter_pixels(elements):
            if elements.PhotometricInterpretation == "PALETTE COLOR":
                frame = apply_color_lut(frame, elements)
            yield _eight_bit_rgb(frame, whole(elements, "BitsStored") or 8)
    except Exception as error:  # decoders raise anything from AttributeError to struct.error on damaged bytes
        syntax = getattr(elements.file_meta.get("TransferSyntaxUID"), "name", "coding not stated")
        raise RefusedStudy(
            "transfer_syntax",
            f"The pictures in this DICOM file ({syntax}) can't be decoded here; export it uncompressed.",
        ) from error


def _eight_bit_rgb(frame: np.ndarray, bits: int) -> np.ndarray:
    if frame.dtype != np.uint8:  # a palette has 16-bit entries whatever BitsStored says
        frame = (
            (frame >> max(8 * frame.dtype.itemsize if frame.ndim == 3 else bits, 8) - 8).clip(0, 255).astype(np.uint8)
        )
    return np.repeat(frame[..., None], 3, axis=2) if frame.ndim == 2 else np.ascontiguousarray(frame[..., :3])


def _dicom_rate(elements: pydicom.Dataset) -> float | None:
    """Frames per second from FrameTime (0018,1063), FrameTimeVector (0018,1065) or CineRate (0018,0040)."""
    milliseconds = number(elements, "FrameTime") or _median_interval(elements)
    rate = 1000 / milliseconds if milliseconds else number(elements, "CineRate") or 0.0
    return rate if RATES_HZ[0] <= rate <= RATES_HZ[1] else None


def _median_interval(elements: pydicom.Dataset) -> float | None:
    """ms between frames by the FrameTimeVector, whose first entry is no interval."""
    try:
        intervals = [float(value) for value in elements.get("FrameTimeVector")[1:]]
    except (TypeError, ValueError):
        return None
    return float(np.median(intervals)) if intervals else None


def dicom_pixel_size(elements: pydicom.Dataset) -> PixelSize:
    """mm per pixel from the one ultrasound region that is two-dimensional tissue in cm and lies in the frame.

    Source: DICOM PS3.3 C.8.5.5 (Region Calibration Module). The deltas may be negative: their magnitude counts.
    """
    found = [region for region in items(elements, "SequenceOfUltrasoundRegions") if _is_tissue(region)]
    if not found:
        return PixelSize(reason="The file states no calibrated two-dimensional tissue region.")
    if len(found) > 1:
        return PixelSize(reason="The file states several calibrated regions, so none can be believed.")
    region = found[0]
    if not _inside(region, int(elements.Columns), int(elements.Rows)):
        return PixelSize(
            reason="The calibrated region does not fit the picture (it was rescaled), so its pixel size is not used."
        )
    x, y = (10 * abs(number(region, name) or 0.0) for name in ("PhysicalDeltaX", "PhysicalDeltaY"))
    if not (SMALLEST_MM < x < LARGEST_MM and SMALLEST_MM < y < LARGEST_MM):
        return PixelSize(reason="The stated pixel size is not plausible for an echo picture, so it is not used.")
    return PixelSize(x, y, "")


def _is_tissue(region: Any) -> bool:
    units = (region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection"))
    return (
        region.get("RegionSpatialFormat") == TWO_DIMENSIONAL
        and region.get("RegionDataType") == TISSUE
        and units == (CENTIMETRES, CENTIMETRES)
    )


def _inside(region: Any, width: int, height: int) -> bool:
    sides = [
        whole(region, name)
        for name in ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    ]
    left, top, right, bottom = (-1 if side is None else side for side in sides)
    return 0 <= left < right <= width and 0 <= top < bottom <= height


def _check_size(width: int, height: int, count: int) -> None:
    if width * height == 0 or width < 32 or height < 32:
        raise UnreadableInput(f"The picture has {width} x {height} pixels; at least 32 x 32 are needed.")
    if width * height > MAX_FRAME_PIXELS:
        raise UnreadableInput(
            f"The frames have {width} x {height} pixels, more than the {MAX_FRAME_PIXELS / 1e6:.0f} million that are read; "
            "export a smaller video."
        )
    if count > MAX_FRAMES:
        raise UnreadableInput(_too_long(count))


def _too_long(count: int) -> str:
    return f"The video has {count} frames or more; at most {MAX_FRAMES} are read. Cut it to the beats of interest."
