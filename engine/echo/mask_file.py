"""`mask.npz` of a recording, written frame by frame: the masks of a long video never lie in memory together."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import numpy as np


class MaskFile:
    """Takes masks (H, W) uint8 one by one; `done` gives the file, key `mask`, uint8 of the stated (T, H, W) shape."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._file = io.BytesIO()
        self._bundle = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._entry = self._bundle.open("mask.npy", "w", force_zip64=True)
        np.lib.format.write_array_header_1_0(self._entry, {"descr": "|u1", "fortran_order": False, "shape": shape})
        self._expected, self._count = shape[0], 0

    def add(self, mask: np.ndarray) -> None:
        self._entry.write(np.ascontiguousarray(mask, np.uint8).tobytes())
        self._count += 1

    def done(self) -> bytes:
        """The file's bytes. Raises ValueError if other masks came than the shape says."""
        self._entry.close()
        self._bundle.close()
        if self._count != self._expected:
            raise ValueError(f"expected {self._expected} masks, got {self._count}")
        return self._file.getvalue()


def mask_npz(masks: Iterator[np.ndarray], shape: tuple[int, int, int]) -> bytes:
    """Key `mask`, uint8 of this (T, H, W) shape, from T frames (H, W) uint8."""
    file = MaskFile(shape)
    for mask in masks:
        file.add(mask)
    return file.done()
