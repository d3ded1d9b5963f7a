"""Task `cardiac-mr`, top to bottom: intake, view, landmarks, outlines, volumes, finding."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine import stated
from engine.errors import EngineError, RefusedStudy
from engine.finding import Label, Quality
from engine.models import LoadedModel, ModelStore
from engine.mr import segmentation, views
from engine.mr.cine import Cine, Patient
from engine.mr.evidence import MrEvidence
from engine.mr.planes import with_plane
from engine.mr.read import read_cines
from engine.mr.segmentation import CAVITY, Readers, Segmentation, segment
from engine.mr.views import CLASSES, OTHER, POINTS, VIEW_NAMES, VIEWS, Point
from engine.mr.volumes import LEAST_SLICES, beats, bullseye, emptied, insertion_points, measurements, volumes
from engine.progress import Progress, part
from engine.registry import Answer
from engine.study import Study

OPTIONS = {  # name -> what the reader may state
    "series": "which series of the upload, from 0, largest first",
    "height_cm": "of the patient, in cm",
    "weight_kg": "of the patient, in kg",
    "sex": "F or M, for the reference ranges",
    "heart_rate": "per minute, for the cardiac output",
}
BOUNDS = {"height_cm": (50.0, 250.0), "weight_kg": (3.0, 400.0), "heart_rate": (20.0, 250.0)}
LOOKED_AT = 3  # slices of a series whose views are averaged
MOST_SERIES = 40  # that are looked at for their view
FOREIGN = 0.5  # probability of "other" from which a picture is refused
SCOUTS = ("VIEW_AXIAL", "VIEW_CORONAL", "VIEW_SAGITTAL")
INSERTIONS = ("rv_insertion_anterior", "rv_insertion_inferior")
AROUND = 3  # px of the network's window on either side of an insertion, from which its confidence comes
SURE_VIEW = 0.6  # probability from which a slice without a ventricle is still told to be a short axis
SURE = 0.85  # mean confidence inside the outlines that is acceptable


@dataclass(frozen=True)
class MrOptions:
    """What the reader states; None where they state nothing."""

    series: int | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    sex: str = ""
    heart_rate: float | None = None


def options(fields: Mapping[str, str]) -> MrOptions:
    """The reader's statements from text, by the names of OPTIONS. Raises EngineError for another name or value."""
    stated.known(fields, OPTIONS)
    asked: dict[str, Any] = {}
    for name, text in fields.items():
        if name == "series":
            asked[name] = stated.whole_number(name, text)
        elif name == "sex":
            asked[name] = stated.one_of(name, text, stated.SEXES)
        else:
            asked[name] = stated.number(name, text, *BOUNDS[name])
    return MrOptions(**asked)


def answer(study: Study, asked: MrOptions | None, store: ModelStore, progress: Progress) -> Answer:
    """The second opinion on one cardiac MR.

    Raises:
        UnreadableInput: if the study is neither DICOM, NIfTI nor a picture.
        RefusedStudy: if it is no cardiac MR, or may not be answered (mixed patients, colour, bad sizes).
    """
    asked = asked or MrOptions()
    progress(0.02, "Putting slices and phases together")
    cines = read_cines(study)
    progress(0.2, "Looking which view it is")
    chosen, seen = _choose(cines, asked, store.get(views.WEIGHT))
    cine = _stated(cines[chosen], asked)
    view = CLASSES[int(seen.argmax())]
    if seen[CLASSES.index(OTHER)] >= FOREIGN or view == OTHER:
        raise RefusedStudy(
            "not_cardiac_mr",
            "Expected a cardiac MR (short axis, long axis or a scout), but this does not look like one; "
            "choose the cine series.",
        )
    found, points = None, dict[str, Point | None]()
    if view == "VIEW_SAX":
        found = _outlined(cine, seen, store, part(progress, 0.25, 0.95))
        points = _insertions(found) if found else dict.fromkeys(INSERTIONS)
    elif view in POINTS:
        progress(0.5, "Looking for apex and mitral valve")
        points = _long_axis(cine, view, store.get(views.WEIGHT))
    progress(0.96, "Measuring")
    return read_off(cine, tuple(c.name for c in cines), chosen, seen, found, points)


def _choose(cines: list[Cine], asked: MrOptions, model: LoadedModel) -> tuple[int, np.ndarray]:
    """Which series answers, and its (8,) view probabilities: the reader's, else the short axis with most images."""
    if asked.series is not None:
        if asked.series >= len(cines):
            raise EngineError(f"Expected series to be a number below {len(cines)}, got {asked.series}.")
        return asked.series, _views(cines[asked.series], model)
    seen = [_views(cine, model) for cine in cines[:MOST_SERIES]]
    short = [k for k, p in enumerate(seen) if CLASSES[int(p.argmax())] == "VIEW_SAX"]
    long_axis = [k for k, p in enumerate(seen) if CLASSES[int(p.argmax())] in POINTS]
    known = [k for k, p in enumerate(seen) if CLASSES[int(p.argmax())] != OTHER]
    best = (short or long_axis or known or [0])[0]
    if short:
        best = max(short, key=lambda k: (cines[k].phases > 1) * cines[k].phases * cines[k].slices)
    return best, seen[best]


def _views(cine: Cine, model: LoadedModel) -> np.ndarray:
    """(8,) probabilities of CLASSES from a few slices in the middle, and from the plane where it is known."""
    slices = sorted({round(k) for k in np.linspace(0, cine.slices - 1, LOOKED_AT + 2)[1:-1]})
    probabilities = views.view_probabilities([cine.images[0, k] for k in slices], model).mean(0)
    return with_plane(probabilities, cine.axes)


def _stated(cine: Cine, asked: MrOptions) -> Cine:
    """What the reader states takes precedence over what the file says."""
    patient = Patient(
        asked.sex or cine.patient.sex,
        asked.height_cm or cine.patient.height_cm,
        asked.weight_kg or cine.patient.weight_kg,
    )
    return replace(cine, patient=patient, heart_rate=asked.heart_rate or cine.heart_rate)


def _outlined(cine: Cine, seen: np.ndarray, store: ModelStore, progress: Progress) -> Segmentation | None:
    """The outlines; None for single slices that surely are a short axis, but beyond the ventricle's ends."""
    try:
        return segment(cine, readers_of(store), progress)
    except RefusedStudy:
        if cine.slices >= LEAST_SLICES or seen.max() < SURE_VIEW:
            raise
        return None


def readers_of(store: ModelStore) -> Readers:
    """The networks that draw the ventricles."""
    return Readers(*map(store.get, (segmentation.WEIGHT, segmentation.STACK_WEIGHT, segmentation.BEAT_WEIGHT)))


def _insertions(found: Segmentation) -> dict[str, Point | None]:
    """The RV insertions of the middle slice of the first phase, or of the nearest slice that shows them."""
    labels = found.labels[0]
    middle = len(labels) // 2
    for k in sorted(range(len(labels)), key=lambda k: abs(k - middle)):
        ends = insertion_points(labels[k])
        if ends is not None:
            points = [Point(float(x), float(y), _sure_around(found, k, x, y)) for x, y in ends]
            return dict(zip(INSERTIONS, points, strict=True))
    return dict.fromkeys(INSERTIONS)


def _sure_around(found: Segmentation, slice_: int, x: float, y: float) -> float:
    """Mean probability, 0..1, of what is drawn around a point of the first phase: where outlines are unsure, so is it."""
    column, row = np.round(found.matrix @ np.array([x, y, 1.0])).astype(int)
    window = found.confidence[0, slice_].astype(np.float32)
    near = window[max(row - AROUND, 0) : row + AROUND + 1, max(column - AROUND, 0) : column + AROUND + 1]
    return float(near.mean()) if near.size else 0.0


def _long_axis(cine: Cine, view: str, model: LoadedModel) -> dict[str, Point | None]:
    least = float(model.weight.operating["least_confidence"])
    found = views.long_axis_points(cine.images[0, cine.slices // 2], model)
    return {name: point if point.confidence >= least else None for name, point in zip(POINTS[view], found, strict=True)}


def read_off(
    cine: Cine,
    series: tuple[str, ...],
    chosen: int,
    seen: np.ndarray,
    found: Segmentation | None,
    points: dict[str, Point | None],
    phases: tuple[int, int] | None = None,
) -> Answer:
    """All numbers and files of what was seen. phases: end-diastole and end-systole where they are settled already."""
    top = int(seen.argmax())
    labels = tuple(Label(code, VIEW_NAMES[code], float(seen[k]), 0.5, k == top, uncertain=bool(k == top and seen[k] < 0.5))
                   for k, code in enumerate(VIEWS))  # fmt: skip
    places = {name: None if p is None else [round(p.x, 2), round(p.y, 2)] for name, p in points.items()}
    artefacts = {"landmarks": ("landmarks.json", json.dumps(places, indent=2).encode())}
    curves = wall = None
    rows: tuple[Any, ...] = ()
    if found is not None:
        curves = volumes(found.labels, cine, phases)
        held = _slices_with_ventricle(found.labels[curves.end_diastole])
        rows = measurements(curves, cine, held)
        wall = bullseye(found.labels, curves, cine)
        artefacts["mask"] = ("mask.npz", _npz(found.labels))
    evidence = MrEvidence(cine, series, chosen, seen, found, curves, wall, points)
    return Answer(labels, rows, _quality(evidence), artefacts, _details(evidence), evidence)


def _slices_with_ventricle(phase: np.ndarray) -> int:
    return int((phase == CAVITY).any((1, 2)).sum())


def _quality(evidence: MrEvidence) -> tuple[Quality, ...]:
    """What speaks for and against the reading."""
    cine, found, curves = evidence.cine, evidence.segmentation, evidence.volumes
    entries = [
        Quality("slices", float(cine.slices), cine.slices >= LEAST_SLICES, "Slices"),
        Quality("phases", float(cine.phases), cine.phases > 1, "Phases"),
        Quality("pixel_size_known", float(cine.voxel_ml is not None), cine.voxel_ml is not None, "Pixel size and slice distance"),
        Quality("notes", float(len(cine.notes)), not cine.notes, "Gaps, doubles and what was left out"),
    ]  # fmt: skip
    if found is None or curves is None:
        return tuple(entries)
    ed = found.labels[curves.end_diastole]
    held = _slices_with_ventricle(ed)
    inside = found.confidence[curves.end_diastole].astype(np.float32)
    sure = float(inside[inside < 0.9999].mean()) if held else 0.0
    ends = [bool((ed[k] == CAVITY).any()) for k in (0, -1)]
    entries += [
        Quality("slices_with_ventricle", float(held), held >= LEAST_SLICES, "Slices that show the left ventricle"),
        Quality("confidence", round(sure, 4), sure >= SURE, "Mean confidence near the outlines (0 to 1)"),
        Quality("stack_complete", float(not all(ends)), not all(ends), "The stack reaches beyond the ventricle"),
        Quality("beat_seen", float(beats(curves)), beats(curves), "The ventricle contracts over the phases"),
    ]
    return tuple(entries)


def _details(evidence: MrEvidence) -> dict[str, Any]:
    cine, curves = evidence.cine, evidence.volumes
    details: dict[str, Any] = {
        "series": list(evidence.series),
        "series_chosen": evidence.chosen,
        "shape": [cine.phases, cine.slices, *cine.images.shape[2:]],
        "mm_per_px": cine.mm_per_px,
        "slice_distance_mm": cine.slice_distance_mm,
        "notes": [*cine.notes, *_limits(cine), *_unseen(evidence)],
        "landmark_confidence": {name: p and round(p.confidence, 3) for name, p in evidence.points.items()},
        "papillary_muscles": "counted to the cavity",
    }
    if evidence.segmentation is not None:
        details["cavity_drawn_wide"] = round(evidence.segmentation.wide, 3)  # share of Sunnybrook's convention
    if curves is not None:
        details |= {
            "end_diastolic_phase": curves.end_diastole,
            "end_systolic_phase": curves.end_systole,
            "lv_volume_curve": curves.cavity.round(2),
            "rv_volume_curve": curves.right.round(2),
            "curve_unit": "mL" if curves.in_ml else "px",
        }
    if evidence.bullseye is not None:
        wall = evidence.bullseye
        details["wall_thickness"] = {"unit": "mm" if wall.in_mm else "px", "segments": wall.thickness.round(1)}
        details["wall_thickening_percent"] = wall.thickening.round(0)
    return details


def _unseen(evidence: MrEvidence) -> list[str]:
    """What this view does not show, or was not seen in it, in sentences."""
    if CLASSES[int(evidence.views.argmax())] in SCOUTS:
        return ["Only scout pictures were found, which hold no volume; send the short-axis cine."]
    if evidence.views.argmax() == CLASSES.index("VIEW_SAX") and evidence.segmentation is None:
        return ["No ventricle was found on this slice, so that nothing is outlined; send the whole short-axis stack."]
    if evidence.volumes is not None and emptied(evidence.volumes):
        return [
            f"The LV cavity is drawn empty in phase {evidence.volumes.end_systole + 1}, which no heart is, so that no ejection "
            "fraction is told; correct the outlines there."
        ]
    return []


def _limits(cine: Cine) -> list[str]:
    """What cannot be said, and why, in sentences."""
    said = []
    if cine.slices < LEAST_SLICES:
        said.append(
            f"{cine.slices} slice{'s hold' if cine.slices > 1 else ' holds'} no volume; send the whole short-axis stack."
        )
    elif cine.phases < 2:
        said.append("One phase shows no beat; send the cine for ejection fraction and stroke volume.")
    if cine.mm_per_px is None:
        said.append(
            "The pixel size is not known, so that sizes are told as ratios only; send DICOM or NIfTI for millilitres."
        )
    return said


def _npz(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, mask=mask)
    return buffer.getvalue()
