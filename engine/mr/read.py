"""Intake of cardiac MR: whatever came becomes the cines that it holds."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from engine.errors import UnreadableInput
from engine.mr.cine import Cine
from engine.mr.dicom import is_dicom, read_dicom
from engine.mr.nifti import is_nifti, read_nifti
from engine.pictures import is_picture, read_picture
from engine.study import Part, Study

NOTE_PICTURES = "Pictures carry no pixel size: ejection fractions and ratios only."
MAX_PICTURES = 600


def read_cines(study: Study) -> list[Cine]:
    """The cines of a study, the largest first.

    Raises:
        UnreadableInput: if there is neither DICOM, NIfTI nor a picture in it.
        RefusedStudy: if it was read, but may not be answered (see engine.mr.dicom and engine.mr.nifti).
    """
    volumes = [part for part in study.parts if is_nifti(part)]
    if volumes:
        return sorted((read_nifti(part) for part in volumes), key=lambda cine: -cine.images.size)
    dicoms = tuple(part for part in study.parts if is_dicom(part))
    if dicoms:
        return read_dicom(dicoms)
    pictures = [part for part in study.parts if is_picture(part)]
    if not pictures:
        raise UnreadableInput(
            "Expected a cardiac MR as DICOM, NIfTI, PNG or JPEG; "
            f"what came ({len(study.parts)} file{'s' * (len(study.parts) > 1)}) is none of them. Choose another file."
        )
    return [_of_pictures(pictures)]


def _of_pictures(parts: list[Part]) -> Cine:
    """Pictures of one size are the slices of one phase, in the order of their names."""
    if len(parts) > MAX_PICTURES:
        raise UnreadableInput(
            f"Expected at most {MAX_PICTURES} pictures, got {len(parts)}; send the DICOM files instead."
        )
    grey = [read_picture(part).astype(np.float32).mean(2) for part in sorted(parts, key=_order)]
    usual = grey[0].shape
    kept = [picture for picture in grey if picture.shape == usual]
    cine = Cine(np.stack(kept)[None], notes=(NOTE_PICTURES,), name=f"{len(kept)} pictures")
    if len(kept) < len(grey):
        note = f"{len(grey) - len(kept)} pictures of another size are left out."
        cine = replace(cine, notes=(*cine.notes, note))
    return cine


def _order(part: Part) -> list[tuple[int, str]]:
    """Numbers in a name count as numbers."""
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", part.name)]
