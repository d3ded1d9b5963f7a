"""Intake of spark recordings: frames in a folder or zip, TIFF stacks, videos, arrays, single pictures (line scans).

Frames are read in pieces, so that a long stack never lies in memory as a whole.
"""

from __future__ import annotations

import csv
import io
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from engine.apart import read_apart
from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.sparks.recording import Annotation, Recording
from engine.study import Part, Study

MAX_FRAME_PIXELS = 16_800_000  # 4096 x 4096
MAX_FRAMES = 200_000
MAX_VIDEO_BYTES = 1 << 30  # a video is decoded as a whole
MIN_FRAMES = 12  # a spark and its rest before
MIN_SIDE = 8  # px
DOMINANT = 0.6  # share of the light that the one channel with the signal holds
SATURATED = 0.2  # share of pixels at the top of the scale from which on nothing is measured
LOOKED_AT = 24  # frames that the first checks read
FRAME_SUFFIXES = (".tif", ".tiff", ".png", ".bmp", ".jpg", ".jpeg", ".webp")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UM_PER_UNIT = {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "nm": 1e-3}
_MS_PER_UNIT = {"s": 1e3, "sec": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3}

Read = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class _Frames:
    """Frames as a file holds them: read(start, stop) gives (n, H, W) or (n, H, W, C)."""

    count: int
    read: Read
    um_per_px: float | None = None
    ms_per_frame: float | None = None
    notes: tuple[str, ...] = ()
    missing: tuple[int, ...] = ()


def read_sequence(study: Study, um_per_px: float | None = None, ms_per_frame: float | None = None) -> Recording:
    """The recording of a study; the two sizes override what the file states.

    Raises:
        UnreadableInput: if the bytes are no readable recording, or larger than is read.
        RefusedStudy: `mixed_sizes`, `no_dominant_channel`, `all_black`, `saturated`, `not_finite`, `too_small`, `too_short`.
    """
    pictures = [p for p in study.parts if p.suffix not in (".csv", ".mat", ".txt", ".xml", ".json", ".md")]
    if not pictures:
        raise UnreadableInput(
            f"Expected TIFF frames, a TIFF stack, a video or an array (NPY), got {_kinds(study.parts)}."
        )
    annotations, notes = _annotations([p for p in study.parts if p.suffix in (".csv", ".mat")])
    frames = _one_file(pictures[0]) if len(pictures) == 1 else _many_files(pictures)
    frames, channel_note = _one_channel(frames)
    first = frames.read(0, 1)
    line_scan = frames.count == 1 or first.shape[1] == 1
    if frames.count == 1:
        notes.append("A single picture was read as a line scan: its rows are lines in time.")
        picture = first[0]
        count, shape, read = len(picture), (1, picture.shape[1]), lambda a, b: picture[a:b, None, :]
    else:
        count, shape, read = frames.count, first.shape[1:], frames.read
    if min(shape[1], count if frames.count == 1 else max(shape)) < MIN_SIDE or (
        not line_scan and min(shape) < MIN_SIDE
    ):
        raise RefusedStudy(
            "too_small", f"The frames have {shape[1]} x {shape[0]} pixels; at least {MIN_SIDE} are needed."
        )
    if count < MIN_FRAMES:
        raise RefusedStudy(
            "too_short", f"The recording has {count} frames; at least {MIN_FRAMES} are needed to tell a spark."
        )
    recording = Recording(
        (count, int(shape[0]), int(shape[1])),
        _checked(read),
        um_per_px or frames.um_per_px,
        ms_per_frame or frames.ms_per_frame,
        line_scan,
        (*frames.notes, *channel_note, *notes),
        frames.missing,
        annotations,
    )
    _look_at(recording)
    return recording


# --- files --------------------------------------------------------------------------------------------------------


def _one_file(part: Part) -> _Frames:
    head = bytes(part.data[:16])
    if head.startswith(_TIFF):
        return _tiff(part)
    if head.startswith(b"\x93NUMPY"):
        return _array(part)
    if (
        (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head[4:8] == b"ftyp"
        or head[:4] == b"\x1aE\xdf\xa3"
        or head[:3] == b"GIF"
    ):
        return _video(part)
    if part.suffix in FRAME_SUFFIXES or head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"BM")):
        picture = _picture(part)
        return _Frames(1, lambda a, b: picture[None][a:b])
    raise UnreadableInput(
        "Expected TIFF frames, a TIFF stack, AVI, MP4, NPY or one line-scan picture; these bytes are none of them. "
        "Export it again."
    )


def _many_files(parts: Sequence[Part]) -> _Frames:
    """Frames in the order of the numbers in their names; missing numbers are named."""
    strange = [p for p in parts if p.suffix not in FRAME_SUFFIXES]
    if strange:
        raise UnreadableInput(
            f"Expected frames as TIFF or PNG, found {_kinds(strange)} among them; choose one recording."
        )
    ordered = sorted(parts, key=lambda p: _number_key(p.name))
    sizes = {_size(p) for p in ordered}
    if len(sizes) > 1:
        some = ", ".join(f"{w} x {h}" for w, h in sorted(sizes)[:3])
        raise RefusedStudy(
            "mixed_sizes", f"The frames have different sizes ({some}); choose the frames of one recording."
        )
    missing = _missing_numbers([p.name for p in ordered])
    notes: tuple[str, ...] = ()
    if missing:
        named = ", ".join(str(n) for n in missing[:8]) + (" ..." if len(missing) > 8 else "")
        notes = (f"Frames are missing from the sequence (numbers {named}); times after them are too early.",)
    return _Frames(
        len(ordered), lambda a, b: np.stack([_picture(p) for p in ordered[a:b]]), None, None, notes, tuple(missing)
    )


def _tiff(part: Part) -> _Frames:
    import tifffile

    try:
        with part.file.open("rb") if part.file else io.BytesIO(part.data) as file:
            _check_pages(file)
        stack = tifffile.TiffFile(part.file or io.BytesIO(part.data))
        series = stack.series[0]
        page = series.keyframe
        _check_size(page.imagewidth, page.imagelength)
        if not np.prod(page.shape):
            raise ValueError("a page without pixels")
        per_page = int(np.prod(page.shape))
        count = int(np.prod(series.shape)) // per_page
        _check_count(count)
        um, ms = _tiff_sizes(stack)
    except (EngineError, MemoryError):
        raise
    except Exception as error:  # tifffile raises anything from struct.error to IndexError on damaged bytes
        raise UnreadableInput("The TIFF is damaged or incomplete; export it again.") from error
    notes: tuple[str, ...] = ()
    channels = _channels(series)
    if channels > 1:
        return _channel_stack(part, stack, series, channels, count, um, ms)
    if dict(zip(series.axes, series.shape, strict=False)).get("Z", 1) > 1:
        notes = ("The stack names its frames a z series; they were read as time.",)
    if count == 1:
        um = None  # the line scan of a picture: its resolution tag says nothing certain
    read = _tiff_reader(part, stack, series, page, count)
    return _Frames(count, read, um, ms, notes)


def _check_pages(file: IO[bytes]) -> None:
    """Follows the pages of a TIFF (TIFF 6.0, section 2; BigTIFF): a damaged file may lead in a circle, which nobody else notices.

    Raises:
        ValueError, struct.error: if there are more than MAX_FRAMES, or the file ends before.
    """
    head = file.read(8)
    order, big = "<" if head[:2] == b"II" else ">", head[2:4] in (b"\x2b\0", b"\0\x2b")
    tags, tag_bytes, place = (f"{order}Q", 20, f"{order}Q") if big else (f"{order}H", 12, f"{order}I")
    if not big:
        file.seek(4)
    for _ in range(MAX_FRAMES + 1):
        (offset,) = struct.unpack(place, file.read(struct.calcsize(place)))
        if not offset:
            return
        file.seek(offset)
        (count,) = struct.unpack(tags, file.read(struct.calcsize(tags)))
        file.seek(count * tag_bytes, io.SEEK_CUR)
    raise ValueError("more pages than are read, or a circle of them")


def _tiff_reader(part: Part, stack: Any, series: Any, page: Any, count: int) -> Read:
    """How pages are read: as a view of the bytes where they lie in one piece, else decoded one by one."""
    if series.dataoffset is not None and page.compression == 1 and page.dtype is not None:
        kind = page.dtype.newbyteorder(stack.byteorder)
        size = int(np.prod(page.shape)) * count
        if series.dataoffset + size * kind.itemsize > _length(part):
            raise UnreadableInput("The TIFF is incomplete: it promises more frames than it holds. Export it again.")
        return _plain_reader(part, kind, (count, *page.shape), series.dataoffset)
    if page.compression in (1, 8, 32946, 32773):  # none, deflate, packbits: tifffile decodes these alone
        pages = series.pages

        def decode(start: int, stop: int) -> np.ndarray:
            try:
                frames = np.stack([pages[i].asarray() for i in range(start, min(stop, count))])
                return frames.reshape(len(frames), *page.shape)  # a damaged page may decode to nothing
            except Exception as error:
                raise UnreadableInput("A frame of the TIFF is damaged; export it again.") from error

        return decode
    if count == 1:
        picture = _picture(part)
        return lambda a, b: picture[None][a:b]
    return _pillow_reader(part, count)


def _plain_reader(part: Part, kind: np.dtype, shape: tuple[int, ...], offset: int) -> Read:
    """Frames that lie one after the other: a view of the bytes, or pieces of the file."""
    file = part.file
    if file is None:
        whole = np.frombuffer(part.data, kind, int(np.prod(shape)), offset).reshape(shape)
        return lambda a, b: whole[a:b]
    per_frame = int(np.prod(shape[1:]))

    def read(start: int, stop: int) -> np.ndarray:
        frames = max(min(stop, shape[0]) - start, 0)
        at = offset + start * per_frame * kind.itemsize
        return np.fromfile(file, kind, frames * per_frame, offset=at).reshape(frames, *shape[1:])

    return read


def _length(part: Part) -> int:
    return len(part.data) if part.file is None else part.file.stat().st_size


def _pillow_reader(part: Part, count: int) -> Read:
    """Pages in compressions that only libtiff knows (LZW, JPEG)."""
    from PIL import Image

    def decode(start: int, stop: int) -> np.ndarray:
        out = []
        try:
            with Image.open(part.file or io.BytesIO(part.data), formats=("TIFF",)) as image:
                for number in range(start, min(stop, count)):
                    image.seek(number)
                    out.append(np.asarray(image))
        except Exception as error:
            raise UnreadableInput(
                "A frame of the TIFF is damaged or packed in an unknown way; save it uncompressed."
            ) from error
        return np.stack(out)

    return decode


def _channels(series: Any) -> int:
    return int(dict(zip(series.axes, series.shape, strict=False)).get("C", 1))


def _channel_stack(
    part: Part, stack: Any, series: Any, channels: int, count: int, um: float | None, ms: float | None
) -> _Frames:
    """A stack with a channel axis of its own: frames as (n, H, W, C)."""
    axes, shape = series.axes, series.shape
    order = axes.index("C")
    rows = axes.index("Y")
    if order > rows:  # channels inside the pixel: pages are (H, W, C) already
        return _Frames(count, _tiff_reader(part, stack, series, series.keyframe, count), um, ms)
    pages = _tiff_reader(part, stack, series, series.keyframe, count)
    inner = int(np.prod([n for a, n in zip(axes[order + 1 : rows], shape[order + 1 : rows], strict=True)] or [1]))
    frames = count // channels

    def read(start: int, stop: int) -> np.ndarray:
        out = []
        for frame in range(start, min(stop, frames)):
            outer, within = divmod(frame, inner)
            at = [(outer * channels + c) * inner + within for c in range(channels)]
            out.append(np.stack([pages(i, i + 1)[0] for i in at], -1))
        return np.stack(out)

    return _Frames(frames, read, um, ms)


def _tiff_sizes(stack: Any) -> tuple[float | None, float | None]:
    """um per pixel and ms per frame that OME, ImageJ or Zeiss LSM metadata state."""
    if stack.is_ome and (text := stack.ome_metadata):
        return _ome_size(text, "PhysicalSizeX", _UM_PER_UNIT, "µm"), _ome_size(text, "TimeIncrement", _MS_PER_UNIT, "s")
    if stack.is_lsm and (lsm := stack.lsm_metadata):
        return _positive(lsm.get("VoxelSizeX"), 1e6), _positive(lsm.get("TimeIntervall"), 1e3)
    if stack.is_imagej and (info := stack.imagej_metadata):
        unit = str(info.get("unit", "")).replace("\\u00B5", "µ")
        resolution = stack.pages[0].tags.get("XResolution")
        um = None
        if unit in _UM_PER_UNIT and resolution is not None and resolution.value[0]:
            um = _positive(resolution.value[1] / resolution.value[0], _UM_PER_UNIT[unit])
        return um, _positive(info.get("finterval"), _MS_PER_UNIT.get(str(info.get("tunit", "sec")), 1e3))
    return None, None


def _ome_size(text: str, name: str, units: dict[str, float], usual: str) -> float | None:
    """An attribute of <Pixels> with its unit; read by pattern, so that no XML of a stranger is expanded."""
    found = re.search(rf'\b{name}="([^"]+)"', text)
    unit = re.search(rf'\b{name}Unit="([^"]+)"', text)
    factor = units.get(unit.group(1) if unit else usual)
    try:
        return _positive(float(found.group(1)), factor) if found and factor else None
    except ValueError:
        return None


def _positive(value: object, factor: float) -> float | None:
    try:
        size = float(value) * factor  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return size if np.isfinite(size) and size > 0 else None


def _array(part: Part) -> _Frames:
    try:
        with io.BytesIO(part.data) as file:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, column_major, kind = read_header(file)
            offset = file.tell()
        if kind.hasobject or kind.kind not in "uif" or column_major:
            raise ValueError("not a plain array of numbers")
        if offset + int(np.prod(shape)) * kind.itemsize > _length(part):
            raise ValueError("fewer numbers than the header says")
    except Exception as error:
        raise UnreadableInput(
            "The NPY file is damaged or holds no plain array of numbers; save a (T, H, W) array."
        ) from error
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] > 4) or min(shape) < 1:
        raise UnreadableInput(f"Expected an array (T, H, W), got one of shape {tuple(shape)}; save it that way.")
    _check_size(shape[2], shape[1])
    _check_count(shape[0])
    return _Frames(shape[0], _plain_reader(part, kind, shape, offset))


def _video(part: Part) -> _Frames:
    """A video as a whole: frames depend on the ones before."""
    from engine.videos import read_video

    video = read_video(Study("", (part,)))
    frames: list[np.ndarray] = []
    size = 0
    for frame in video.frames():
        plain = (
            frame[..., 0]
            if (frame[..., 0] == frame[..., 1]).all() and (frame[..., 0] == frame[..., 2]).all()
            else frame
        )
        size += plain.nbytes
        if size > MAX_VIDEO_BYTES:
            raise UnreadableInput(
                f"The video decodes to more than {MAX_VIDEO_BYTES >> 20} MB; cut it, or export a TIFF stack."
            )
        frames.append(plain)
    if len({f.ndim for f in frames}) > 1:
        frames = [f if f.ndim == 3 else np.repeat(f[..., None], 3, 2) for f in frames]
    stack = np.stack(frames)
    note = "A video states its playing speed, not its recording speed: set the milliseconds per frame for times."
    return _Frames(len(stack), lambda a, b: stack[a:b], None, None, (note,))


def _picture(part: Part) -> np.ndarray:
    """(H, W) or (H, W, C) of the file's own depth."""
    import cv2

    _check_size(*_size(part))
    if part.data[:4] == b"\x89PNG" and not _holds_its_chunks(part.data):
        raise UnreadableInput("A frame is incomplete or damaged; export the frames again.")
    picture = cv2.imdecode(np.frombuffer(part.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise UnreadableInput("A frame is damaged or packed in an unknown way; export the frames again.")
    return (
        picture
        if picture.ndim == 2
        else np.ascontiguousarray(picture[..., ::-1] if picture.shape[2] == 3 else picture[..., 2::-1])
    )


def _holds_its_chunks(png: bytes) -> bool:
    """Whether every chunk of a PNG (PNG 1.2, section 3.2) lies in the file: decoders set aside the memory that they promise."""
    at = 8
    while at < len(png):
        at += 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at - 8 : at - 4] == b"IEND":
            break
    return at <= len(png)


def _size(part: Part) -> tuple[int, int]:
    """Width and height from the header alone."""
    from PIL import Image

    if not part.data:
        raise UnreadableInput("A frame is an empty file (0 bytes); export the frames again.")
    try:
        with Image.open(io.BytesIO(part.data)) as image:
            return image.size
    except Image.DecompressionBombError as error:
        raise UnreadableInput("The picture has more pixels than are read; export a smaller one.") from error
    except Exception:  # kinds that only tifffile reads, float stacks among them
        pass
    try:
        import tifffile

        with tifffile.TiffFile(io.BytesIO(part.data)) as stack:
            return stack.pages[0].imagewidth, stack.pages[0].imagelength  # type: ignore[union-attr]
    except Exception as error:
        raise UnreadableInput("A frame is damaged or no picture at all; export the frames again.") from error


# --- checks -------------------------------------------------------------------------------------------------------


def _one_channel(frames: _Frames) -> tuple[_Frames, tuple[str, ...]]:
    """The frames with the one channel that holds the signal.

    Colour frames whose channels are alike are grey; else one channel has to hold DOMINANT of the light above its dark level.
    """
    some = [frames.read(i, i + 1)[0] for i in _spread(frames.count, 5)]
    if some[0].ndim == 2:
        return frames, ()
    light = np.stack([s[..., :3].reshape(-1, min(3, s.shape[-1])).astype(float) for s in some]).reshape(
        -1, min(3, some[0].shape[-1])
    )
    if light.shape[1] < 3 or np.abs(light - light.mean(1, keepdims=True)).mean() < 0.02 * max(light.mean(), 1e-9):
        return _with(frames, lambda block: block[..., 0]), ()
    share = light.sum(0) / max(light.sum(), 1e-9)
    best = int(share.argmax())
    if share[best] < DOMINANT:
        raise RefusedStudy(
            "no_dominant_channel",
            "No colour channel holds most of the light, so it is not clear which one is the calcium signal; "
            "export that channel alone.",
        )
    name = ("red", "green", "blue")[best]
    return _with(frames, lambda block: block[..., best]), (f"The signal was read from the {name} channel.",)


def _with(frames: _Frames, pick: Callable[[np.ndarray], np.ndarray]) -> _Frames:
    read = frames.read
    return _Frames(
        frames.count, lambda a, b: pick(read(a, b)), frames.um_per_px, frames.ms_per_frame, frames.notes, frames.missing
    )


def _checked(read: Read) -> Read:
    """Reading that refuses frames with values that are no numbers."""

    def checked(start: int, stop: int) -> np.ndarray:
        block = read(start, stop)
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            raise RefusedStudy(
                "not_finite", "Some pixels are not numbers (NaN or infinite); export the recording without them."
            )
        return block

    return checked


def _look_at(recording: Recording) -> None:
    """Refuses recordings without light and recordings whose light is cut off."""
    count = recording.shape[0]
    some = np.concatenate(
        [recording.read(i, i + 1) for i in _spread(count, count if recording.line_scan else LOOKED_AT)]
    )
    top = some.max()
    if top == some.min():
        raise RefusedStudy(
            "all_black", "Every pixel has the same value: there is no picture to read. Check the export."
        )
    if np.mean(some == top) > SATURATED:
        raise RefusedStudy(
            "saturated", f"{np.mean(some == top):.0%} of the pixels are at the top of the scale; record with less gain."
        )


def _spread(count: int, most: int) -> list[int]:
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most)).round()})


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_FRAME_PIXELS:
        raise UnreadableInput(
            f"The frames have {width} x {height} pixels, more than the {MAX_FRAME_PIXELS / 1e6:.0f} million that are read; "
            "export smaller ones."
        )


def _check_count(count: int) -> None:
    if count > MAX_FRAMES:
        raise UnreadableInput(f"The recording has {count} frames; at most {MAX_FRAMES} are read. Send a part of it.")


def _kinds(parts: Sequence[Part]) -> str:
    kinds = sorted({p.suffix or "a file without ending" for p in parts})
    return f"{len(parts)} file{'s' if len(parts) != 1 else ''} ({', '.join(kinds[:4])})"


def _number_key(name: str) -> list[tuple[int, str]]:
    """Sorts 'im2' before 'im10'."""
    return [(int(t), "") if t.isdigit() else (0, t) for t in re.split(r"(\d+)", name)]


def _missing_numbers(names: Sequence[str]) -> list[int]:
    """Gaps in the last number of the names, if it counts frames at all."""
    found = [re.findall(r"\d+", n.rsplit(".", 1)[0]) for n in names]
    if not all(found):
        return []
    numbers = {int(f[-1]) for f in found}
    if len(numbers) < len(names) or max(numbers) - min(numbers) + 1 > 2 * len(numbers):
        return []
    return sorted(set(range(min(numbers), max(numbers) + 1)) - numbers)


# --- annotations --------------------------------------------------------------------------------------------------


def _annotations(parts: Sequence[Part]) -> tuple[tuple[Annotation, ...], list[str]]:
    """Marks that came with the frames; more than one file of them is not shown, and said."""
    if len(parts) > 1:
        return (), [
            f"{len(parts)} annotation files came with the frames; none is shown, since it is not clear which one counts."
        ]
    if not parts:
        return (), []
    try:
        rows = _mat_rows(parts[0]) if parts[0].suffix == ".mat" else _csv_rows(parts[0])
    except Exception:
        return (), ["The annotation file has no columns x, y, tIni, tFin (or variable xytspark) and is not shown."]
    return tuple(Annotation(x, y, int(a), int(b)) for x, y, a, b in rows), []


def _csv_rows(part: Part) -> list[tuple[float, float, float, float]]:
    text = bytes(part.data).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    return [(float(r["x"]), float(r["y"]), float(r["tIni"]), float(r["tFin"])) for r in rows]


def _mat_rows(part: Part) -> list[tuple[float, float, float, float]]:
    """`xytspark`: rows x, y, first and last frame (MATLAB counts from 1)."""
    found = read_apart("annotations", part.data)
    if found is None:
        raise ValueError("no MATLAB file with that variable")
    table = found["xytspark"]
    return [(float(r[0]) - 1, float(r[1]) - 1, float(r[2]) - 1, float(r[3] if len(r) > 3 else r[2]) - 1) for r in table]
