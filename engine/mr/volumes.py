"""From outlines to volumes: curves over time, end-diastole and end-systole, ejection fractions, mass, wall thickness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.finding import Measurement
from engine.mr.cine import Cine, Patient
from engine.mr.reference import reference_range
from engine.mr.segmentation import CAVITY, MYOCARDIUM, RIGHT

MYOCARDIUM_G_PER_ML = 1.05
LEAST_SLICES = 3  # fewer hold no volume
LEAST_BEAT = 0.03  # share of the largest volume that has to move, else the phases show no beat
SECTORS = 60  # directions in which the wall is measured
SEGMENTS = {"basal": 6, "mid": 6, "apical": 4}  # AHA 17 segments without the apex itself (Cerqueira 2002)
ANTERIOR = {6: np.radians(-60), 4: np.radians(-75)}  # where the anterior segment of so many begins: this far before the
# anterior RV insertion, which parts it from the septum; an apical quarter reaches 15 degrees beyond


@dataclass(frozen=True)
class Volumes:
    """Curves over the phases, in mL, or in pixels where a size is unknown (`in_ml`).

    cavity, wall, right: (phase,). end_diastole, end_systole: phases of the largest and smallest cavity.
    """

    cavity: np.ndarray
    wall: np.ndarray
    right: np.ndarray
    end_diastole: int
    end_systole: int
    in_ml: bool


def volumes(labels: np.ndarray, cine: Cine, phases: tuple[int, int] | None = None) -> Volumes:
    """Curves of labels (phase, slice, H, W). phases: end-diastole and end-systole; None: found from the curve."""
    voxel = cine.voxel_ml
    sizes = [(labels == k).sum((1, 2, 3)) * (1.0 if voxel is None else voxel) for k in (CAVITY, MYOCARDIUM, RIGHT)]
    cavity = sizes[0]
    ed, es = phases or (int(cavity.argmax()), int(cavity.argmin()))
    return Volumes(cavity, sizes[1], sizes[2], ed, es, voxel is not None)


def beats(found: Volumes) -> bool:
    """Whether the phases show a beat, so that an ejection fraction means something."""
    largest = found.cavity.max()
    return bool(len(found.cavity) > 1 and largest > 0 and np.ptp(found.cavity) > LEAST_BEAT * largest)


def emptied(found: Volumes) -> bool:
    """Whether a beating cavity is drawn empty at end-systole, which no heart is: it was missed there."""
    return beats(found) and found.cavity[found.end_systole] <= 0


def measurements(found: Volumes, cine: Cine, slices: int) -> tuple[Measurement, ...]:
    """What the curves allow to state; nothing of fewer than LEAST_SLICES slices. slices: with a left ventricle in them.

    No end-systolic volume, nor what follows from it, where the cavity is `emptied`.
    """
    if slices < LEAST_SLICES:
        return ()
    ed, es = found.end_diastole, found.end_systole
    at_ed, at_es, both = {"phase": ed}, {"phase": es}, {"phase": [ed, es]}
    rows: list[tuple[str, str, float, str, dict[str, Any]]] = []
    moving, told = beats(found), beats(found) and not emptied(found)
    edv, esv = float(found.cavity[ed]), float(found.cavity[es])
    rv_ed, rv_es = float(found.right[ed]), float(found.right[es])
    if found.in_ml and moving:
        rows.append(("lv_end_diastolic_volume", "LV end-diastolic volume", edv, "mL", at_ed))
    if found.in_ml and told:
        rows += [
            ("lv_end_systolic_volume", "LV end-systolic volume", esv, "mL", at_es),
            ("lv_stroke_volume", "LV stroke volume", edv - esv, "mL", both),
        ]
    if told:
        rows.append(("lv_ejection_fraction", "LV ejection fraction", 100 * (edv - esv) / edv, "%", both))
    if found.in_ml and told and cine.heart_rate:
        rows.append(("cardiac_output", "Cardiac output", (edv - esv) * cine.heart_rate / 1000, "L/min", both))
        rows.append(("heart_rate", "Heart rate", cine.heart_rate, "/min", {}))
    if found.in_ml and not moving:
        rows.append(("lv_volume", "LV volume in this phase", edv, "mL", at_ed))
    if found.in_ml:
        rows.append(("lv_mass", "LV mass", float(found.wall[ed]) * MYOCARDIUM_G_PER_ML, "g", at_ed))
    if moving and rv_ed > rv_es > 0:
        if found.in_ml:
            rows += [
                ("rv_end_diastolic_volume", "RV end-diastolic volume", rv_ed, "mL", at_ed),
                ("rv_end_systolic_volume", "RV end-systolic volume", rv_es, "mL", at_es),
            ]
        rows.append(("rv_ejection_fraction", "RV ejection fraction", 100 * (rv_ed - rv_es) / rv_ed, "%", both))
    if not found.in_ml and edv:
        rows.append(("lv_wall_to_cavity", "LV wall over cavity, end-diastole", float(found.wall[ed]) / edv, "1", at_ed))
    plain = [_measured(*row, cine.patient) for row in rows]
    return (*plain, *_indexed(plain, cine.patient))


def _measured(code: str, name: str, value: float, unit: str, where: dict[str, Any], patient: Patient) -> Measurement:
    known = reference_range(code, patient.sex)
    if known is None:
        return Measurement(code, name, round(value, 2), unit, where=where)
    return Measurement(code, name, round(value, 2), unit, known.low, known.high, where, known.source)


def _indexed(plain: list[Measurement], patient: Patient) -> list[Measurement]:
    """Volumes and mass per body surface (Mosteller)."""
    surface = patient.body_surface_m2
    if surface is None:
        return []
    return [
        _measured(f"{m.code}_index", f"{m.name}, indexed", m.value / surface, f"{m.unit}/m2", m.where, patient)
        for m in plain
        if m.unit in ("mL", "g", "L/min")
    ]


# --- wall thickness -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bullseye:
    """Wall of the 16 AHA segments: basal 1 to 6, mid 7 to 12, apical 13 to 16; nan where it could not be measured.

    The 17th, the apex itself, lies along the slices of a short axis and cannot be measured there.

    thickness: at end-diastole, in mm (px without a pixel size). thickening: in % of it up to end-systole.
    """

    thickness: np.ndarray
    thickening: np.ndarray
    in_mm: bool


def bullseye(labels: np.ndarray, found: Volumes, cine: Cine) -> Bullseye | None:
    """The walls of a stack; None without enough slices, or where no RV says how the ventricle is turned."""
    ed, es = labels[found.end_diastole], labels[found.end_systole]
    slices = _base_first(ed)
    if len(slices) < LEAST_SLICES:
        return None
    mm = float(np.mean(cine.mm_per_px)) if cine.mm_per_px else 1.0
    thirds = np.array_split(np.array(slices), 3)
    turned = _turned(ed[slices[len(slices) // 2]])
    if turned is None:
        return None
    start, way = turned
    thick, later = np.full(16, np.nan), np.full(16, np.nan)
    at = 0
    for third, count in zip(thirds, SEGMENTS.values(), strict=True):
        offset = start + way * ANTERIOR[count]
        for phase, target in ((ed, thick), (es, later)):
            walls = np.array([wall_thickness(phase[k], offset, way) for k in third])
            parts = np.array_split(walls, count, axis=1)
            for n, part in enumerate(parts):
                known = part[np.isfinite(part)]
                target[at + n] = known.mean() * mm if known.size else np.nan
        at += count
    with np.errstate(invalid="ignore", divide="ignore"):
        change = 100 * (later - thick) / thick if beats(found) else np.full(16, np.nan)
    return Bullseye(thick, change, cine.mm_per_px is not None)


def wall_thickness(picture: np.ndarray, start: float = 0.0, way: int = 1) -> np.ndarray:
    """(SECTORS,) px of myocardium along rays from the cavity's centre, from `start` (radians) counter-clockwise as seen.

    way: -1 for clockwise. nan where the ray meets no wall, or there is no cavity.
    """
    cavity = np.argwhere(picture == CAVITY)
    if len(cavity) < 5:
        return np.full(SECTORS, np.nan)
    row, column = cavity.mean(0)
    steps = np.arange(0, max(picture.shape), 0.25)
    angles = start + way * 2 * np.pi * (np.arange(SECTORS) + 0.5) / SECTORS
    rows = np.clip(np.round(row - np.sin(angles)[:, None] * steps), 0, picture.shape[0] - 1).astype(int)
    columns = np.clip(np.round(column + np.cos(angles)[:, None] * steps), 0, picture.shape[1] - 1).astype(int)
    wall = (picture[rows, columns] == MYOCARDIUM).sum(1) * 0.25
    return np.where(wall > 0, wall, np.nan)


def _base_first(phase: np.ndarray) -> list[int]:
    """Slices with cavity and wall, from base to apex: the base is the larger end, or the one that reaches farther up."""
    areas = ((phase == CAVITY) | (phase == MYOCARDIUM)).sum((1, 2))
    held = [k for k in range(len(phase)) if (phase[k] == CAVITY).any() and (phase[k] == MYOCARDIUM).any()]
    if len(held) < 2:
        return held
    half = len(held) // 2
    return held if areas[held[:half]].mean() >= areas[held[-half:]].mean() else held[::-1]


def _turned(picture: np.ndarray) -> tuple[float, int] | None:
    """Angle (radians, counter-clockwise as seen) of the anterior RV insertion around the cavity, and which way the septum
    lies from there: 1 counter-clockwise, as scanners show it, -1 in a mirrored picture. None without an RV."""
    points = insertion_points(picture)
    if points is None:
        return None
    rows, columns = np.nonzero(picture == CAVITY)
    right = np.argwhere(picture == RIGHT).mean(0)[::-1]
    anterior, centre = points[0], np.array([columns.mean(), rows.mean()])
    angle, septum = (float(np.arctan2(centre[1] - y, x - centre[0])) for x, y in (anterior, right))
    return angle, 1 if (septum - angle) % (2 * np.pi) < np.pi else -1


def insertion_points(picture: np.ndarray) -> np.ndarray | None:
    """(2, 2) x, y px of the anterior and the inferior RV insertion in a labelled slice (H, W).

    They are the ends of the septum: the wall beside the RV cavity that lies farthest apart in angle around the LV. The
    anterior one is the upper of the two, as scanners show the short axis. None without an RV beside the wall.
    """
    import cv2

    right = cv2.dilate((picture == RIGHT).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    septum = np.argwhere((picture == MYOCARDIUM) & right)
    cavity = np.argwhere((picture == CAVITY) | (picture == MYOCARDIUM))
    if len(septum) < 8 or not len(cavity):
        return None
    around = septum - cavity.mean(0)
    middle = np.arctan2(*around.mean(0))
    angle = (np.arctan2(around[:, 0], around[:, 1]) - middle + np.pi) % (2 * np.pi) - np.pi
    ends = septum[[int(angle.argmin()), int(angle.argmax())]][:, ::-1].astype(float)
    return ends[np.argsort(ends[:, 1])]
