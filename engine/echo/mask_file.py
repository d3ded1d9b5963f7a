"""`mask.npz` of a recording, written frame by frame: the masks of a long video never lie in memory together."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import numpy as np


def mask_npz(masks: Iterator[np.ndarray], shape: tuple[int, int, int]) -> bytes:
    """Key `mask`, uint8 of this (T, H, W) shape, from T frames (H, W) uint8."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle,
        bundle.open("mask.npy", "w", force_zip64=True) as entry,
    ):
        np.lib.format.write_array_header_1_0(entry, {"descr": "|u1", "fortran_order": False, "shape": shape})
        count = 0
        for mask in masks:
            entry.write(np.ascontiguousarray(mask, np.uint8).tobytes())
            count += 1
    if count != shape[0]:
        raise ValueError(f"expected {shape[0]} masks, got {count}")
    return file.getvalue()
