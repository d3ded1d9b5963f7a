"""How well cardiac MR is read on patients that no network has seen: through the whole engine, as a user's files go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import binomtest

from engine.models import LoadedModel
from engine.mr.cine import Cine, Patient
from engine.mr.segmentation import Readers, segment
from engine.mr.views import CLASSES, POINTS, long_axis_points, view_probabilities
from engine.mr.volumes import measurements, volumes
from training.cardiac_mr_data import Slice
from training.cardiac_mr_layouts import Person
from training.cardiac_mr_views_data import Seen
from training.classification_scores import f1, interval

TENTHS = tuple(range(5, 100, 10))  # percentiles
STRUCTURES = {"lv": 1, "myocardium": 2, "rv": 3}
CODES = ("lv_end_diastolic_volume", "lv_end_systolic_volume", "lv_ejection_fraction", "lv_mass")
CODES_RIGHT = ("rv_end_diastolic_volume", "rv_end_systolic_volume", "rv_ejection_fraction")


@dataclass(frozen=True)
class Figure:
    """One measured number with its 95 % bootstrap interval over patients, and of how many."""

    name: str
    value: float
    low: float
    high: float
    n: int
    of: str = "patients"


@dataclass
class Sample:
    """values by name, one per case, each of a patient."""

    values: dict[str, list[float]] = field(default_factory=dict)
    patients: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: float, patient: str) -> None:
        self.values.setdefault(name, []).append(float(value))
        self.patients.setdefault(name, []).append(patient)

    def figures(self, summary: Callable[[np.ndarray], float] = np.mean) -> list[Figure]:
        found = []
        for name, values in self.values.items():
            numbers, groups = np.array(values), np.array(self.patients[name])
            low, high = interval(lambda rows, v=numbers: float(summary(v[rows])), groups)  # type: ignore[misc]
            found.append(Figure(name, float(summary(numbers)), low, high, len(set(groups))))
        return found


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks, 1 where both are empty."""
    total = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def stacks(slices: list[Slice], distances_mm: dict[str, float]) -> dict[str, tuple[Cine, np.ndarray]]:
    """Patient -> cine of ED and ES, and labels (2, slice, H, W); of slices that state their phase."""
    found = {}
    for patient in sorted({s.patient for s in slices if s.phase}):
        own = [s for s in slices if s.patient == patient]
        phases = [sorted((s for s in own if s.phase == phase), key=lambda s: s.number) for phase in ("ED", "ES")]
        images = np.stack([np.stack([s.image for s in phase]) for phase in phases])
        labels = np.stack([np.stack([s.mask for s in phase]) for phase in phases])
        mm = own[0].mm_per_px
        found[patient] = Cine(images, (mm, mm), distances_mm[patient]), labels
    return found


def segmentation_figures(
    slices: list[Slice],
    distances_mm: dict[str, float],
    readers: Readers,
    log: Callable[[str], None],
) -> list[Figure]:
    """Overlap and volumes of whole stacks, overlap of single pictures without a pixel size."""
    overlap, errors = Sample(), Sample()
    for patient, (cine, truth) in stacks(slices, distances_mm).items():
        found = segment(cine, readers).labels
        for name, k in STRUCTURES.items():
            for phase in (0, 1):
                overlap.add(f"acdc_dice_{name}", dice(found[phase] == k, truth[phase] == k), patient)
        said, true = numbers(found, cine), numbers(truth, cine)
        for code in (*CODES, *CODES_RIGHT):
            if code in said and code in true:
                errors.add(f"acdc_error_{code}", abs(said[code] - true[code]), patient)
        log(f"{patient} measured")
    for one in (s for s in slices if s.cavity_only):
        labels = segment(Cine(one.image[None, None]), readers).labels[0, 0]
        overlap.add("sunnybrook_dice_lv", dice(labels == 1, one.mask == 1), one.patient)
    return overlap.figures() + errors.figures()


def numbers(labels: np.ndarray, cine: Cine) -> dict[str, float]:
    """Measurements by code, from labels as they are."""
    held = int((labels[0] == 1).any((1, 2)).sum())
    return {m.code: m.value for m in measurements(volumes(labels, cine), cine, held)}


def cohort_groups(
    slices: list[Slice], distances_mm: dict[str, float], people: dict[str, Person]
) -> dict[str, dict[str, list[float]]]:
    """Group -> code -> the middles of the group's TENTHS, rising, from the cardiologists' outlines."""
    of_group: dict[str, dict[str, list[float]]] = {}
    for patient, (cine, truth) in stacks(slices, distances_mm).items():
        person = people[patient]
        body = Patient("", person.height_cm, person.weight_kg)
        known = Cine(cine.images, cine.mm_per_px, cine.slice_distance_mm, patient=body)
        for code, value in numbers(truth, known).items():
            of_group.setdefault(person.group, {}).setdefault(code, []).append(value)
    return {
        group: {code: [round(float(v), 1) for v in np.percentile(values, TENTHS)] for code, values in codes.items()}
        for group, codes in of_group.items()
    }


def view_figures(seen: list[Seen], model: LoadedModel) -> list[Figure]:
    """F1 of each view on pictures alone, and the landmarks' distance in % of the ventricle's length."""
    said = []
    for at in range(0, len(seen), 64):
        said += [CLASSES[k] for k in view_probabilities([s.image for s in seen[at : at + 64]], model).argmax(1)]
    truth, answers = np.array([s.view for s in seen]), np.array(said)
    patients = np.array([s.patient for s in seen])
    found = []
    for view in CLASSES:
        if (truth == view).any():
            value = _f1_of(truth, answers, view, np.arange(len(seen)))
            low, high = interval(lambda rows, v=view: _f1_of(truth, answers, v, rows), patients)  # type: ignore[misc]
            found.append(Figure(f"f1_{view}", value, low, high, int((truth == view).sum()), "pictures"))
    least = float(model.weight.operating["least_confidence"])
    points, told = Sample(), Sample()
    for s, answer in zip(seen, answers, strict=True):
        if s.view in POINTS and s.by_eye and np.isfinite(s.points).all():
            length = float(np.hypot(*(s.points[0] - s.points[1:].mean(0))))
            for p, (x, y) in zip(long_axis_points(s.image, model), s.points, strict=True):
                points.add("landmarks_percent_of_length", 100 * float(np.hypot(p.x - x, p.y - y)) / length, s.patient)
                told.add("landmarks_found", float(answer == s.view and p.confidence >= least), s.patient)
    return found + points.figures(np.median) + told.figures()


def known_patient_figures(seen: list[Seen], model: LoadedModel) -> list[Figure]:
    """Share of each view's pictures that is named right, of a patient whose other pictures taught the network.

    No measure of new patients: only of two- and three-chamber views not being lost. The interval is Wilson's (1927), for
    so few pictures have none by bootstrap.
    """
    found = []
    for view in CLASSES:
        pictures = [s.image for s in seen if s.view == view]
        if pictures:
            right = int((view_probabilities(pictures, model).argmax(1) == CLASSES.index(view)).sum())
            share = binomtest(right, len(pictures))
            low, high = share.proportion_ci(method="wilson")
            found.append(Figure(f"known_patient_{view}", share.statistic, low, high, len(pictures), "pictures"))
    return found


def _f1_of(truth: np.ndarray, answers: np.ndarray, view: str, rows: np.ndarray) -> float:
    return f1(truth[rows] == view, answers[rows] == view)


def entries(figures: list[Figure], command: str, on: str) -> dict[str, dict[str, Any]]:
    """As the manifest keeps them."""
    return {
        f.name: {
            "value": round(f.value, 4), "low": round(f.low, 4), "high": round(f.high, 4),
            "n": f.n, "of": f.of, "on": on, "command": command,
        }
        for f in figures
    }  # fmt: skip


def table(figures: list[Figure]) -> str:
    """Markdown."""
    rows = [f"| {f.name} | {f.value:.3f} | {f.low:.3f} to {f.high:.3f} | {f.n} {f.of} |" for f in figures]
    return "\n".join(["| what | value | 95 % interval | n |", "| --- | --- | --- | --- |", *rows])
