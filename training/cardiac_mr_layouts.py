"""ACDC and Sunnybrook in the folders that their makers publish: NIfTI with Info.cfg, and DICOM with contours as text.

ACDC        patientXXX/Info.cfg, patientXXX_frameYY.nii.gz, patientXXX_frameYY_gt.nii.gz (in any folder below DIR)
Sunnybrook  PATIENT/**/*.dcm and PATIENT/**/IM-*-NNNN-icontour-manual.txt, NNNN being the picture's InstanceNumber
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.mr.nifti import read_nifti
from engine.mr.outlines import inside
from engine.study import Part

CONTOUR = re.compile(r"IM-\d+-(\d+)-icontour-manual\.txt$")


@dataclass(frozen=True)
class Person:
    """What ACDC tells of a patient. mm_per_px: of square pixels."""

    name: str
    group: str
    mm_per_px: float
    slice_mm: float
    height_cm: float
    weight_kg: float


@dataclass(frozen=True)
class Labelled:
    """One slice. image: (H, W) as stored; mask: (H, W) uint8, the source's own classes. phase: ED, ES or empty.

    before, after: the neighbouring slices' images, where the source has them without labels of their own.
    """

    patient: str
    phase: str
    number: int
    image: np.ndarray
    mask: np.ndarray
    mm_per_px: float
    before: np.ndarray | None = None
    after: np.ndarray | None = None


def acdc(folder: Path) -> tuple[list[Person], list[Labelled]]:
    """Every patient's end-diastole and end-systole.

    Raises:
        FileNotFoundError: if there is no patient, or a patient's files are not complete.
    """
    people, slices = [], []
    for info in sorted(folder.rglob("Info.cfg"), key=lambda path: path.parent.name):
        name, stated = info.parent.name, _stated(info)
        mm = gap = float("nan")
        for phase in ("ED", "ES"):
            stem = f"{name}_frame{int(stated[phase]):02d}"
            images, (mm, gap) = _volume(info.parent / f"{stem}.nii.gz")
            masks, _ = _volume(info.parent / f"{stem}_gt.nii.gz")
            slices += [
                Labelled(name, phase, k, image, mask.astype(np.uint8), mm)
                for k, (image, mask) in enumerate(zip(images, masks, strict=True))
            ]
        people.append(Person(name, stated["Group"], mm, gap, float(stated["Height"]), float(stated["Weight"])))
    if not people:
        raise FileNotFoundError(f"{folder}: there is neither patients.csv nor a patientXXX/Info.cfg.")
    return people, slices


def sunnybrook(folder: Path, phases: int) -> Iterator[Labelled]:
    """Every picture with a contour of the cavity. phases: of a slice, whose pictures are numbered one after another.

    Raises:
        FileNotFoundError: if there is no contour, or no DICOM file for one.
    """
    contours = sorted(path for path in folder.rglob("IM-*-icontour-manual.txt"))
    if not contours:
        raise FileNotFoundError(f"{folder}: there are neither images/*.jpg nor IM-*-icontour-manual.txt files.")
    patients = sorted({path.relative_to(folder).parts[0] for path in contours})
    for patient in patients:
        pictures = _pictures(folder / patient)
        for path in (path for path in contours if path.relative_to(folder).parts[0] == patient):
            number = int(CONTOUR.search(path.name)[1])  # type: ignore[index]
            if number not in pictures:
                raise FileNotFoundError(f"{path}: there is no DICOM file with InstanceNumber {number}.")
            image, mm = pictures[number]
            mask = inside(np.loadtxt(path, ndmin=2), (image.shape[0], image.shape[1])).astype(np.uint8)
            beside = [pictures[k][0] if k in pictures else None for k in (number - phases, number + phases)]
            yield Labelled(_padded(patient), "", number, image, mask, mm, *beside)


def _stated(info: Path) -> dict[str, str]:
    lines = [line.partition(":") for line in info.read_text(encoding="utf-8").splitlines()]
    return {key.strip(): value.strip() for key, _, value in lines}


def _volume(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """(slice, H, W), and mm per pixel and from slice to slice."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    cine = read_nifti(Part(path.name, path.read_bytes()))
    if cine.mm_per_px is None or cine.slice_distance_mm is None:
        raise EngineError(f"{path.name} states no sizes.")
    return cine.images[0], (cine.mm_per_px[0], cine.slice_distance_mm)


def _pictures(folder: Path) -> dict[int, tuple[np.ndarray, float]]:
    """InstanceNumber -> picture and mm per pixel, of a patient's DICOM files."""
    import pydicom

    found = {}
    for path in folder.rglob("*.dcm"):
        data = pydicom.dcmread(path)
        found[int(data.InstanceNumber)] = data.pixel_array.astype(np.float32), float(data.PixelSpacing[0])
    return found


def _padded(patient: str) -> str:
    """SC-HF-I-1 and SC-HF-I-01 are one patient."""
    return re.sub(r"-(\d)$", r"-0\1", patient)
