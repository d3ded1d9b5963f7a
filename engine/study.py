"""Intake: bytes become a study. Sizes are bounded before anything is decoded, names and folders are dropped."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from engine.errors import UnreadableInput

MAX_STUDY_BYTES = 1 << 30  # all parts of one study together, unpacked
MAX_FILE_BYTES = 64 << 30  # of one file that a task reads from disk in pieces
HEAD_BYTES = 1 << 16  # of such a file that is kept as its data
MAX_UPLOAD_BYTES = 512 << 20  # what a browser or an HTTP client may send (also .streamlit/config.toml)
MAX_PARTS = 20_000
MAX_ZIP_RATIO = 200  # unpacked over packed; images and DICOM stay far below

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    IndexError,  # an entry without a name
)


@dataclass(frozen=True)
class Part:
    """One file of a study: its bare name (no folders) and its bytes.

    file: where it lies, if it is too large to be held in memory; `data` then is only its first HEAD_BYTES.
    """

    name: str
    data: bytes = field(repr=False)
    file: Path | None = field(default=None, repr=False)

    @property
    def suffix(self) -> str:
        """Lower-case file ending with its dot, e.g. `.jpg`; empty without one."""
        return PurePosixPath(self.name).suffix.lower()


@dataclass(frozen=True)
class Study:
    """What one question is asked about: one file, or the files of one folder or zip. At least one part."""

    name: str  # the input's stem: names the result folder, never stored or logged
    parts: tuple[Part, ...]

    @cached_property
    def sha256(self) -> str:
        """Hash over the parts' bytes in order; identifies an input without its name."""
        digest = hashlib.sha256()
        for part in self.parts:
            if part.file is None:
                digest.update(part.data)
                continue
            with part.file.open("rb") as file:
                while piece := file.read(1 << 24):
                    digest.update(piece)
        return digest.hexdigest()


def read_path(path: str | Path, in_pieces: bool = False) -> Study:
    """Reads a file, zip or folder from disk. in_pieces: a file beyond MAX_STUDY_BYTES is left there for the task to read.

    Raises:
        UnreadableInput: if there is nothing there, it is empty, or it is larger than a study may be.
    """
    path = Path(path)
    if path.is_dir():
        return Study(path.name, _folder(path))
    if not path.is_file():
        raise UnreadableInput("Expected a file, a zip or a folder, but there is nothing at this path; check the name.")
    if in_pieces and MAX_STUDY_BYTES < path.stat().st_size <= MAX_FILE_BYTES:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if not head.startswith(_ZIP):
            return Study(path.stem, (Part(path.name, head, path),))
    if path.stat().st_size > MAX_STUDY_BYTES:
        raise UnreadableInput(_too_large(path.stat().st_size))
    return read_bytes(path.name, path.read_bytes())


def read_bytes(name: str, data: bytes) -> Study:
    """One uploaded file as a study; a zip becomes the study of its files.

    Raises:
        UnreadableInput: if the file is empty, too large, or a zip that cannot be trusted.
    """
    bare = _bare(name)
    stem = PurePosixPath(bare).stem
    if not data:
        raise UnreadableInput("The file is empty (0 bytes); export or photograph it again.")
    if len(data) > MAX_STUDY_BYTES:
        raise UnreadableInput(_too_large(len(data)))
    if data.startswith(_ZIP):
        return Study(stem, _unzip(data))
    return Study(stem, (Part(bare, data),))


def read_uploads(files: list[tuple[str, bytes]]) -> Study:
    """Several uploaded files that belong together (a WFDB header with its signal, the frames of a folder)."""
    if not files:
        raise UnreadableInput("Expected at least one file, none came; choose a file.")
    if len(files) == 1:
        return read_bytes(*files[0])
    if sum(len(data) for _, data in files) > MAX_STUDY_BYTES:
        raise UnreadableInput(_too_large(sum(len(data) for _, data in files)))
    return Study(PurePosixPath(_bare(files[0][0])).stem, tuple(Part(_bare(name), data) for name, data in files))


def _folder(path: Path) -> tuple[Part, ...]:
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink() and not p.name.startswith("."))
    if not files:
        raise UnreadableInput("The folder holds no files; choose the folder that holds the study.")
    if len(files) > MAX_PARTS:
        raise UnreadableInput(f"The folder holds {len(files)} files; a study has at most {MAX_PARTS}.")
    total = sum(p.stat().st_size for p in files)
    if total > MAX_STUDY_BYTES:
        raise UnreadableInput(_too_large(total))
    return tuple(Part(p.name, p.read_bytes()) for p in files)


def _unzip(data: bytes) -> tuple[Part, ...]:
    """The files of a zip, refusing bombs, escapes and encryption before unpacking (sizes are checked again after)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            entries = [e for e in bundle.infolist() if not e.is_dir() and not _hidden(e.filename)]
            _check_entries(entries)
            return tuple(_entry(bundle, e) for e in entries)
    except _DAMAGED_ZIP as error:
        raise UnreadableInput("The zip is damaged or incomplete; pack and upload it again.") from error


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if not entries:
        raise UnreadableInput("The zip holds no files; pack the study's files into it.")
    if len(entries) > MAX_PARTS:
        raise UnreadableInput(f"The zip holds {len(entries)} files; a study has at most {MAX_PARTS}.")
    if any(e.flag_bits & 0x1 for e in entries):
        raise UnreadableInput("The zip is encrypted; pack it without a password.")
    if any(PurePosixPath(e.filename).is_absolute() or ".." in PurePosixPath(e.filename).parts for e in entries):
        raise UnreadableInput("The zip holds paths that lead outside itself and is not opened; pack the study again.")
    total = sum(e.file_size for e in entries)
    packed = sum(e.compress_size for e in entries)
    if total > MAX_STUDY_BYTES or total > MAX_ZIP_RATIO * max(packed, 1 << 16):
        raise UnreadableInput(
            f"The zip would unpack to {total / 1e6:.0f} MB from {packed / 1e6:.1f} MB and is not opened; "
            "pack only the study's files."
        )


def _entry(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Part:
    with bundle.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise UnreadableInput("The zip states wrong sizes and is not opened; pack and upload it again.")
    return Part(_bare(entry.filename), data)


def _hidden(name: str) -> bool:
    return _bare(name).startswith(".") or name.startswith("__MACOSX/")


def _bare(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name or "upload"


def _too_large(size: int) -> str:
    return f"The study has {size / 1e6:.0f} MB; at most {MAX_STUDY_BYTES / 1e6:.0f} MB are read. Send a part of it."
