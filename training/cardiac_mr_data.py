"""Short-axis slices with masks for the training of cardiac MR: ACDC's and Sunnybrook's patients."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from engine.mr.scale import normalised
from training import cardiac_mr_layouts as layouts
from training.cardiac_mr_layouts import Labelled, Person

OF_ACDC = np.array([0, 3, 2, 1], np.uint8)  # ACDC's 0, RV 1, myocardium 2, LV 3 -> the contract's 1 LV, 2, 3 RV
VALIDATES = (3, 8, 13)  # of each ACDC group's patients, in their order: three of about sixteen
SUNNYBROOK_VALIDATES = ("SC-HF-I-01", "SC-HF-NI-11", "SC-HYP-08", "SC-N-05", "SC-N-40")  # the first is also at
# hand as DICOM, so it has to stay out of the training
SUNNYBROOK_PHASES = 20  # its files number a slice's phases one after another, then the next slice's
SUNNYBROOK_MM = 1.37  # most of its scans: a field of 350 mm over 256 px; the pictures do not say


@dataclass(frozen=True)
class Slice:
    """image: (H, W) float32, normalised; mask: (H, W) uint8, 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity.

    mm_per_px: of square pixels. cavity_only: the mask knows the LV cavity alone; everything else is 0.
    phase: ED or ES, or empty where the source does not say. centre: (x, y) px of what is labelled, or of the patient's
    heart where this slice holds nothing. before, after: (H, W) images of the neighbouring slices at the same phase, None
    where there is none.
    """

    patient: str
    phase: str
    number: int
    image: np.ndarray
    mask: np.ndarray
    mm_per_px: float
    centre: tuple[float, float]
    cavity_only: bool
    validates: bool
    before: np.ndarray | None = None
    after: np.ndarray | None = None


def acdc_people(folder: Path) -> list[Person]:
    """ACDC's patients, from patients.csv or from each patient's Info.cfg."""
    if not (folder / "patients.csv").is_file():
        return layouts.acdc(folder)[0]
    return [
        Person(
            row["patient"],
            row["group"],
            float(row["mm_per_pixel"]),
            float(row.get("slice_spacing_mm") or "nan"),
            float(row.get("height_cm") or "nan"),
            float(row.get("weight_kg") or "nan"),
        )
        for row in _table(folder / "patients.csv")
    ]


def read_acdc(folder: Path) -> list[Slice]:
    """ACDC, as pictures (patients.csv, slices.csv, images/*.jpg, masks/*.png) or as published, see cardiac_mr_layouts.

    Raises:
        FileNotFoundError: naming what the folder lacks.
    """
    if (folder / "patients.csv").is_file():
        people, read = acdc_people(folder), _acdc_pictures(folder)
    else:
        people, read = layouts.acdc(folder)
    mm = {person.name: person.mm_per_px for person in people}
    held_back = _held_back([(person.name, person.group) for person in people])
    hearts: dict[str, list[tuple[float, float]]] = {}
    for one in read:
        if one.mask.any():
            hearts.setdefault(one.patient, []).append(_centre(one.mask))
    return _beside(
        [
            Slice(
                one.patient,
                one.phase,
                one.number,
                normalised(one.image),
                OF_ACDC[one.mask],
                mm[one.patient],
                _centre(one.mask) if one.mask.any() else tuple(np.mean(hearts[one.patient], 0)),
                False,
                one.patient in held_back,
            )
            for one in read
        ],
        1,
    )


def _acdc_pictures(folder: Path) -> list[Labelled]:
    return [
        Labelled(
            row["patient"],
            row["phase"],
            int(row["slice"]),
            _picture((folder / "images" / row["file"]).with_suffix(".jpg")),
            _picture(folder / "masks" / row["file"]),
            float("nan"),
        )
        for row in _table(folder / "slices.csv")
    ]


def _beside(slices: list[Slice], step: int) -> list[Slice]:
    """The same slices, each with its neighbours' images: those whose number is `step` less and more."""
    images = {(s.patient, s.phase, s.number): s.image for s in slices}

    def neighbour(s: Slice, step: int) -> np.ndarray | None:
        image = images.get((s.patient, s.phase, s.number + step))
        return None if image is None or image.shape != s.image.shape else image

    return [replace(s, before=neighbour(s, -step), after=neighbour(s, step)) for s in slices]


def _held_back(patients: list[tuple[str, str]]) -> set[str]:
    """Patients that validate: the same places in every group."""
    seen: Counter[str] = Counter()
    chosen = set()
    for name, group in sorted(patients):
        if seen[group] in VALIDATES:
            chosen.add(name)
        seen[group] += 1
    return chosen


def read_sunnybrook(folder: Path) -> list[Slice]:
    """Sunnybrook, as pictures (images/PATIENT-IM-0001-NNNN.jpg, masks/*.png with 1 in the LV cavity) or as published.

    Raises:
        FileNotFoundError: naming what the folder lacks.
    """
    if not (folder / "images").is_dir():
        return [_cavity(one) for one in layouts.sunnybrook(folder, SUNNYBROOK_PHASES) if one.mask.any()]
    slices = []
    for path in sorted((folder / "images").glob("*.jpg")):
        mask = (_picture(folder / "masks" / f"{path.stem}.png") > 0).astype(np.uint8)
        if mask.any():
            patient, number = path.stem.split("-IM-")[0], int(path.stem.rsplit("-", 1)[1])
            slices.append(_cavity(Labelled(patient, "", number, _picture(path), mask, SUNNYBROOK_MM)))
    if not slices:
        raise FileNotFoundError(f"{folder}: there are no images/*.jpg with masks/*.png.")
    return _beside(slices, SUNNYBROOK_PHASES)


def _cavity(one: Labelled) -> Slice:
    """A picture of which only the LV cavity is known."""
    return Slice(
        one.patient,
        one.phase,
        one.number,
        normalised(one.image),
        one.mask,
        one.mm_per_px,
        _centre(one.mask),
        True,
        one.patient in SUNNYBROOK_VALIDATES,
        None if one.before is None else normalised(one.before),
        None if one.after is None else normalised(one.after),
    )


def _centre(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _picture(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing.")
    return picture if picture.ndim == 2 else picture[..., 0]
