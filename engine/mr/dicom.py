"""DICOM files of a cardiac MR, put together by geometry: file names, UIDs and their order are never trusted.

Slices are told apart by ImagePositionPatient along the normal of ImageOrientationPatient, phases within a slice by
TriggerTime, then InstanceNumber. Identifiers are compared for mixed patients and then dropped.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.dicom_elements import items, read_elements, whole
from engine.errors import RefusedStudy, UnreadableInput
from engine.mr.cine import Cine, Patient
from engine.study import Part

MAX_FRAMES = 5000
MAX_PIXELS = 400_000_000  # of all frames of a study together
SAME_AXES = 0.9998  # cosine: within about a degree
SAME_PLACE_MM = 0.6  # positions nearer than this are one slice
SAME_SPACING = 0.01  # relative
SLICE_GAP = 1.5  # times the usual distance: a slice is missing
HEART_RATES = (20.0, 250.0)  # per minute, that a heart can have


@dataclass(frozen=True)
class Frame:
    """One picture with its place. position and axes in mm, None where the file does not say."""

    pixels: np.ndarray
    axes: np.ndarray | None  # (2, 3)
    position: np.ndarray | None  # (3,)
    mm_per_px: tuple[float, float] | None
    trigger_ms: float
    instance: int
    series: str
    heart_rate: float | None

    @property
    def along(self) -> float:
        """Position along the slices' normal, in mm."""
        if self.axes is None or self.position is None:
            return 0.0
        return float(np.cross(self.axes[0], self.axes[1]) @ self.position)


def is_dicom(part: Part) -> bool:
    """By the DICM mark, or by a first element of group 2 or 8 as files without preamble have."""
    return part.data[128:132] == b"DICM" or part.data[:4] in (
        b"\x08\0\x00\0",
        b"\x08\0\x05\0",
        b"\x08\0\x08\0",
        b"\x02\0\0\0",
    )


def read_dicom(parts: tuple[Part, ...]) -> list[Cine]:
    """The series of an upload as cines, the largest first.

    Raises:
        UnreadableInput: if no file holds readable pixels.
        RefusedStudy: `mixed_patients`, `not_mr`, `colour`, `bad_spacing`.
    """
    frames: list[Frame] = []
    people: set[str] = set()
    kinds: Counter[str] = Counter()
    patient, unread, pixels = Patient(), 0, 0
    for part in parts:
        data = _elements(part)
        rows, columns = (whole(data, name) if data is not None else None for name in ("Rows", "Columns"))
        if data is None or rows is None or columns is None:
            unread += 1
            continue
        people.add(str(data.get("PatientID") or data.get("PatientName") or "").strip())
        kinds[str(data.get("Modality", ""))] += 1
        pixels += rows * columns * max(1, whole(data, "NumberOfFrames") or 1)
        if pixels > MAX_PIXELS or len(frames) > MAX_FRAMES:
            raise UnreadableInput(
                f"The series has more than {MAX_FRAMES} frames or {MAX_PIXELS / 1e6:.0f} million pixels; "
                "send the short-axis cine alone."
            )
        _check(data, people, kinds)
        read = _frames(data)
        unread += not read
        frames += read
        patient = _patient(data)
    if not frames:
        raise UnreadableInput(
            "Expected DICOM files with MR pictures; none of the files could be decoded. Export them again, uncompressed."
        )
    cines = [_assembled(group, patient, unread) for group in _groups(frames)]
    return sorted(cines, key=lambda cine: -cine.phases * cine.slices)


def _elements(part: Part) -> Any:
    """The file's elements, None where it holds none."""
    try:
        return read_elements(part.data, without_preamble=part.data[128:132] != b"DICM")
    except UnreadableInput:
        return None


def _check(data: Any, people: set[str], kinds: Counter[str]) -> None:
    if len(people - {""}) > 1:
        raise RefusedStudy(
            "mixed_patients",
            f"Expected the images of one patient, but these files name {len(people - {''})} different patients; "
            "send each patient alone.",
        )
    other = [kind for kind in kinds if kind != "MR"]
    if other:
        raise RefusedStudy(
            "not_mr",
            f"Expected cardiac MR (modality MR), but a file says its modality is {other[0] or 'not stated'}; "
            "choose the MR series.",
        )
    if (whole(data, "SamplesPerPixel") or 1) != 1:
        raise RefusedStudy(
            "colour",
            "Expected grey MR images, but a file is in colour (a screenshot or a map); choose the cine itself.",
        )


def _frames(data: Any) -> list[Frame]:
    """Every frame of one file; none where its pixels cannot be decoded."""
    try:
        stored = np.asarray(data.pixel_array, np.float32)
    except Exception:  # decoders differ in what they raise
        return []
    if stored.ndim == 2:
        stored = stored[None]
    if stored.ndim != 3 or not np.isfinite(stored).all():
        return []
    if str(data.get("PhotometricInterpretation", "")) == "MONOCHROME1":
        stored = stored.max() - stored
    groups = items(data, "PerFrameFunctionalGroupsSequence")
    shared = next(iter(items(data, "SharedFunctionalGroupsSequence")), None)
    return [
        _frame(data, pixels, k, groups[k] if len(groups) == len(stored) else None, shared)
        for k, pixels in enumerate(stored)
    ]


def _frame(data: Any, pixels: np.ndarray, k: int, own: Any, shared: Any) -> Frame:
    def find(sequence: str, name: str) -> Any:
        """From the frame's own group, the file's shared group, or the file itself."""
        for place in (own, shared):
            inner = items(place, sequence) if place is not None else []
            if inner and inner[0].get(name) is not None:
                return inner[0].get(name)
        return data.get(name)

    axes = _numbers(find("PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _numbers(find("PixelMeasuresSequence", "PixelSpacing"), 2)
    if spacing is not None and (spacing <= 0).any():
        raise RefusedStudy(
            "bad_spacing",
            f"Expected a pixel size above 0 mm, got {spacing[0]:g} x {spacing[1]:g} (PixelSpacing); export the series again.",
        )
    trigger = _numbers(find("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"), 1)
    trigger = _numbers(data.get("TriggerTime"), 1) if trigger is None or own is None else trigger
    if own is None and k:
        trigger = None
    rate = _numbers(data.get("HeartRate"), 1)
    interval = _numbers(data.get("NominalInterval"), 1)
    beats = (
        float(rate[0])
        if rate is not None
        else 60_000 / float(interval[0])
        if interval is not None and interval[0]
        else 0.0
    )
    turned = None if axes is None else _unit_axes(axes)
    return Frame(
        pixels,
        turned,
        None if turned is None else _numbers(find("PlanePositionSequence", "ImagePositionPatient"), 3),
        None if spacing is None else (float(spacing[0]), float(spacing[1])),
        float(trigger[0]) if trigger is not None else float(k),
        int(_number(data.get("InstanceNumber"))) * 10_000 + k,
        str(data.get("SeriesInstanceUID", "")) or str(data.get("SeriesNumber", "")),
        beats if HEART_RATES[0] <= beats <= HEART_RATES[1] else None,
    )


def _numbers(value: Any, count: int) -> np.ndarray | None:
    """So many finite numbers, or None."""
    if value is None or value == "":
        return None
    try:
        numbers = np.array(
            [float(v) for v in (value if hasattr(value, "__len__") and not isinstance(value, str) else [value])]
        )
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _number(value: Any) -> float:
    found = _numbers(value, 1)
    return 0.0 if found is None else float(found[0])


def _unit_axes(six: np.ndarray) -> np.ndarray | None:
    axes = six.reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1, keepdims=True)
    if (lengths < 0.5).any():
        return None
    axes = axes / lengths
    return axes if abs(float(axes[0] @ axes[1])) < 0.05 else None


def _patient(data: Any) -> Patient:
    """Sex, height (stored in m) and weight, where a file states plausible ones."""
    height, weight = 100 * _number(data.get("PatientSize")), _number(data.get("PatientWeight"))
    sex = str(data.get("PatientSex", "") or "")
    return Patient(
        sex if sex in ("F", "M") else "",
        height if 50 <= height <= 250 else None,
        weight if 3 <= weight <= 400 else None,
    )


# --- slices and phases --------------------------------------------------------------------------------------------


def _groups(frames: list[Frame]) -> list[list[Frame]]:
    """Frames of one orientation, matrix and pixel size; series that lie on one another are kept apart."""
    alike: list[list[Frame]] = []
    for frame in frames:
        for group in alike:
            if _alike(group[0], frame):
                group.append(frame)
                break
        else:
            alike.append([frame])
    return [stack for group in alike for stack in _stacks(group)]


def _alike(one: Frame, other: Frame) -> bool:
    if one.pixels.shape != other.pixels.shape or (one.axes is None) != (other.axes is None):
        return False
    if (one.mm_per_px is None) != (other.mm_per_px is None):
        return False
    if one.mm_per_px and other.mm_per_px and not np.allclose(one.mm_per_px, other.mm_per_px, rtol=SAME_SPACING):
        return False
    if one.axes is None or other.axes is None:
        return True
    return bool((np.sum(one.axes * other.axes, axis=1) > SAME_AXES).all())


def _stacks(group: list[Frame]) -> list[list[Frame]]:
    """Series with places of their own make one stack (one slice each, as Siemens stores them)."""
    series: dict[str, list[Frame]] = {}
    for frame in group:
        series.setdefault(frame.series, []).append(frame)
    stacks: list[list[Frame]] = []
    usual: list[float] = []  # frames per slice of each stack
    for frames in sorted(series.values(), key=lambda s: -len(s)):
        per_slice = len(frames) / len(_places(frames))
        for k, stack in enumerate(stacks):
            apart = _apart(_places(stack), _places(frames))
            if apart and abs(per_slice - usual[k]) <= max(1.0, 0.2 * usual[k]):
                stack += frames
                break
        else:
            stacks.append(list(frames))
            usual.append(per_slice)
    return stacks


def _places(frames: list[Frame]) -> np.ndarray:
    """Positions of the slices along the normal, ascending, in mm."""
    along = np.sort([frame.along for frame in frames])
    return along[np.concatenate([[True], np.diff(along) > SAME_PLACE_MM])]


def _apart(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one[:, None] - other[None]).min() > SAME_PLACE_MM)


def _assembled(frames: list[Frame], patient: Patient, unread: int) -> Cine:
    places = _places(frames)
    by_slice: list[list[Frame]] = [[] for _ in places]
    for frame in frames:
        by_slice[int(np.argmin(np.abs(places - frame.along)))].append(frame)
    notes = (
        [f"{unread} file{'s' * (unread > 1)} could not be read and {'are' if unread > 1 else 'is'} left out."]
        if unread
        else []
    )
    by_slice = [_phases(one, k, notes) for k, one in enumerate(by_slice)]
    usual = Counter(len(one) for one in by_slice).most_common(1)[0][0]
    kept = [k for k, one in enumerate(by_slice) if 0.7 * usual <= len(one) <= 1.3 * usual]
    notes += [
        f"Slice {k + 1} has {len(one)} phases where the others have {usual}, and is left out."
        for k, one in enumerate(by_slice)
        if k not in kept
    ]
    notes += [
        f"Slice {k + 1} has {len(by_slice[k])} phases where the others have {usual}; the nearest ones stand in."
        for k in kept
        if len(by_slice[k]) != usual
    ]
    distance = _distance(places[kept], notes)
    pick = [
        [one[round(p * (len(one) - 1) / max(usual - 1, 1))] for one in (by_slice[k] for k in kept)]
        for p in range(usual)
    ]
    images = np.stack([np.stack([frame.pixels for frame in phase]) for phase in pick])
    rates = [frame.heart_rate for frame in frames if frame.heart_rate]
    first = frames[0]
    return Cine(
        images,
        first.mm_per_px,
        distance if first.axes is not None else None,
        first.axes,
        float(np.median(rates)) if rates else None,
        patient,
        tuple(notes),
        f"{len(kept)} slice{'s' * (len(kept) > 1)}, {usual} phase{'s' * (usual > 1)}, {images.shape[2]} x {images.shape[3]} px",
    )


def _phases(frames: list[Frame], k: int, notes: list[str]) -> list[Frame]:
    """One slice's frames in time; the same frame twice counts once."""
    ordered = sorted(frames, key=lambda frame: (frame.trigger_ms, frame.instance))
    kept: list[Frame] = []
    for frame in ordered:
        double = any(
            frame.trigger_ms == other.trigger_ms and np.array_equal(frame.pixels, other.pixels) for other in kept[-2:]
        )
        if not double:
            kept.append(frame)
    if len(kept) < len(ordered):
        notes.append(f"Slice {k + 1} came with {len(ordered) - len(kept)} doubled images; each counts once.")
    return kept


def _distance(places: np.ndarray, notes: list[str]) -> float | None:
    """The usual distance of neighbouring slices in mm, None for a single slice; gaps are named."""
    if len(places) < 2:
        return None
    steps = np.diff(places)
    usual = float(np.median(steps))
    for k in np.flatnonzero(steps > SLICE_GAP * usual):
        missing = round(float(steps[k]) / usual) - 1
        notes.append(
            f"{missing} slice{'s are' if missing > 1 else ' is'} missing between slices {k + 1} and {k + 2} "
            f"({steps[k]:.0f} mm apart where others are {usual:.0f} mm)."
        )
    return usual
