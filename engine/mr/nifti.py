"""NIfTI volumes of a cardiac MR: axes x (column), y (row), slice, phase, each in the file's own order."""

from __future__ import annotations

import zlib

import numpy as np

from engine.errors import RefusedStudy, UnreadableInput
from engine.mr.cine import Cine
from engine.study import MAX_STUDY_BYTES, Part

MAX_VOXELS = 400_000_000
MOST_SLICES = 60  # of a short-axis stack; a volume with more is another kind of scan
_GZIP = b"\x1f\x8b"


def is_nifti(part: Part) -> bool:
    """By its mark (n+1 or n+2, also inside gzip)."""
    data = part.data
    if data[:2] == _GZIP:
        try:
            data = zlib.decompressobj(31).decompress(data, 400)
        except zlib.error:
            return False
    return data[344:348] == b"n+1\0" or data[4:8] == b"n+2\0"


def read_nifti(part: Part) -> Cine:
    """A 2-D, 3-D or 4-D file as a cine.

    Raises:
        UnreadableInput: if it is damaged or too large.
        RefusedStudy: `colour`, `bad_spacing`, `bad_voxels`, `not_a_stack`.
    """
    import nibabel

    data = _unpacked(part.data)
    kind = nibabel.Nifti1Image if data[344:348] == b"n+1\0" else nibabel.Nifti2Image
    try:
        image = kind.from_bytes(data)
        shape = tuple(int(n) for n in image.shape)
        if image.get_data_dtype().names:
            raise RefusedStudy("colour", "Expected grey MR images, but the file is in colour; choose the cine itself.")
        _check_shape(shape)
        voxels = np.asarray(image.dataobj, np.float32)
    except (RefusedStudy, UnreadableInput):
        raise
    except Exception as error:  # nibabel raises anything from HeaderDataError to ValueError on damaged bytes
        raise UnreadableInput("The NIfTI file is damaged or incomplete; export it again.") from error
    spacing = _sizes(data)
    if not np.isfinite(spacing).all() or (spacing[: min(len(shape), 3)] <= 0).any():
        raise RefusedStudy(
            "bad_spacing",
            f"Expected voxel sizes above 0 mm, got {' x '.join(f'{v:g}' for v in spacing)} (pixdim); export the file again.",
        )
    bad = int((~np.isfinite(voxels)).sum())
    if bad:
        raise RefusedStudy(
            "bad_voxels",
            f"Expected a number in every voxel, but {bad} of {voxels.size} hold none (NaN or infinite); export it again.",
        )
    voxels = voxels.reshape(shape + (1,) * (4 - len(shape)))
    return Cine(
        np.ascontiguousarray(voxels.transpose(3, 2, 1, 0)),
        (float(spacing[1]), float(spacing[0])),
        float(spacing[2]) if voxels.shape[2] > 1 else None,
        name=f"{voxels.shape[2]} slices, {voxels.shape[3]} phases, {voxels.shape[1]} x {voxels.shape[0]} px",
    )


def _sizes(data: bytes) -> np.ndarray:
    """(3,) pixdim 1 to 3 as they are stored: the library would make them positive without a word."""
    second = data[344:348] != b"n+1\0"
    order = "<" if data[:1] in (b"\x5c", b"\x1c") else ">"  # of sizeof_hdr: 348 or 540
    return np.frombuffer(data, f"{order}{'f8' if second else 'f4'}", 4, 104 if second else 76)[1:].astype(float)


def _check_shape(shape: tuple[int, ...]) -> None:
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise RefusedStudy(
            "not_a_stack", f"Expected 2, 3 or 4 axes (x, y, slice, phase), got {len(shape)}; export the cine alone."
        )
    if int(np.prod(shape, dtype=np.int64)) > MAX_VOXELS:
        raise UnreadableInput(
            f"The file has {np.prod(shape, dtype=np.int64) / 1e6:.0f} million voxels; at most {MAX_VOXELS / 1e6:.0f}."
        )
    if len(shape) > 2 and shape[2] > MOST_SLICES:
        raise RefusedStudy(
            "not_a_stack",
            f"Expected a short-axis stack of at most {MOST_SLICES} slices, got {shape[2]}: a volume of another kind; "
            "choose the cine.",
        )


def _unpacked(data: bytes) -> bytes:
    if data[:2] != _GZIP:
        return data
    unpacker = zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(data, MAX_STUDY_BYTES + 1)
    except zlib.error as error:
        raise UnreadableInput("The packed NIfTI file is damaged or incomplete; export it again.") from error
    if len(plain) > MAX_STUDY_BYTES:
        raise UnreadableInput("The packed NIfTI file would unpack to more than a study may hold; send the cine alone.")
    return plain
