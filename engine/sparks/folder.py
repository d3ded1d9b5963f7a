"""A whole folder of recordings: which of its files belong together."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from engine.errors import UnreadableInput
from engine.sparks.read_sequence import FRAME_SUFFIXES
from engine.study import MAX_STUDY_BYTES, Part, Study, read_bytes, read_uploads

MARKS = (".csv", ".mat")
TIFF = (".tif", ".tiff")
WHOLE = (".avi", ".mp4", ".npy", ".zip")  # files that are a recording each

File = tuple[str, bytes]


def recordings_of(files: Sequence[File]) -> list[Study]:
    """The recordings among the files of a folder, given as (path inside it, bytes), by name.

    A stack, video, array or zip is a recording with the marks of the same name beside it; the single pictures of one folder
    are the frames of one recording, with the folder's other marks. A picture alone in its folder is a line scan. Other
    files, and those that are hidden, are left out.

    Raises:
        UnreadableInput: if there is no recording among them, or one is larger than a study may be.
    """
    if sum(len(data) for _, data in files) > MAX_STUDY_BYTES:
        raise UnreadableInput(f"The folder has more than {MAX_STUDY_BYTES >> 20} MB; choose a part of it.")
    folders: dict[PurePosixPath, list[File]] = defaultdict(list)
    for name, data in sorted(files):
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.name.startswith("."):
            folders[path.parent].append((str(path), data))
    found = [study for folder, inside in sorted(folders.items()) for study in _in_one_folder(folder, inside)]
    if not found:
        raise UnreadableInput("Expected TIFF frames or stacks, videos or arrays in the folder; there are none.")
    return found


def _in_one_folder(folder: PurePosixPath, files: Sequence[File]) -> list[Study]:
    marks = {PurePosixPath(name).stem: (name, data) for name, data in files if _suffix(name) in MARKS}
    whole = [f for f in files if _suffix(f[0]) in WHOLE or (_suffix(f[0]) in TIFF and _many_pages(f[1]))]
    frames = [f for f in files if _suffix(f[0]) in FRAME_SUFFIXES and f not in whole]
    found = []
    for name, data in whole:
        beside = marks.pop(PurePosixPath(name).stem.removesuffix(".ome"), None)
        parts = _unpacked(name, data) + ((Part(PurePosixPath(beside[0]).name, beside[1]),) if beside else ())
        found.append(Study(str(PurePosixPath(name).with_suffix("")), parts))
    if frames:
        study = read_uploads([*frames, *marks.values()])
        found.append(Study(str(folder) if folder.name else PurePosixPath(frames[0][0]).stem, study.parts))
    return found


def _unpacked(name: str, data: bytes) -> tuple[Part, ...]:
    """The files of a zip; of others, and of zips that cannot be trusted, the file itself: reading it says what is wrong."""
    try:
        return read_bytes(name, data).parts
    except UnreadableInput:
        return (Part(PurePosixPath(name).name, data),)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _many_pages(data: bytes) -> bool:
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as stack:
            series = stack.series[0]  # as the metadata promise, even where the file is cut short
            return math.prod(series.shape) > math.prod(series.keyframe.shape)
    except Exception:  # a damaged file is no frame of the others; it is refused where it is read, with its reason
        return True
