"""A drawn, beating heart in a drawn chest: a short-axis cine whose volumes are known, no patient's."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass

import cv2
import numpy as np

BLOOD, WALL, FAT, LUNG, LIVER = 210.0, 70.0, 235.0, 18.0, 95.0
RIGHT_WALL_MM = 5.0  # without it bright blood beside the septum looks like fat
RIGHT_SQUEEZE = 0.15  # share of the RV's radius lost up to end-systole
FINE = 4  # drawn so many times finer, then averaged


@dataclass(frozen=True)
class Heart:
    """cavity_mm: radius of the LV cavity at the base in end-diastole. squeeze: its share left in end-systole.

    The cavity narrows to the apex as a half ellipsoid over the slices. wall_mm: at end-diastole.
    """

    slices: int = 8
    phases: int = 12
    side: int = 128
    mm_per_px: float = 1.6
    slice_mm: float = 10.0
    cavity_mm: float = 25.0
    wall_mm: float = 9.0
    squeeze: float = 0.72
    noise: float = 5.0
    seed: int = 20


def simulate(heart: Heart) -> tuple[np.ndarray, np.ndarray]:
    """Images (phase, slice, side, side) uint8 and labels of the same shape: 1 LV cavity, 2 myocardium, 3 RV cavity.

    Phase 0 is end-diastole, the middle one end-systole. The first slice lies at the base, the last beyond the apex.
    """
    rng = np.random.default_rng(heart.seed)
    shape = heart.phases, heart.slices, heart.side, heart.side
    images, labels = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for p in range(heart.phases):
        emptied = 0.5 * (1 - np.cos(2 * np.pi * p / heart.phases))
        for k in range(heart.slices):
            picture, mask = _slice(heart, k / max(heart.slices - 1.5, 1), emptied)
            shade = np.linspace(1.1, 0.9, heart.side)[:, None]
            noisy = picture * shade + rng.normal(0, heart.noise, picture.shape)
            images[p, k], labels[p, k] = np.clip(noisy, 0, 255).astype(np.uint8), mask
    return images, labels


def _slice(heart: Heart, depth: float, emptied: float) -> tuple[np.ndarray, np.ndarray]:
    """One picture and its labels. depth: 0 at the base, 1 at the apex. emptied: 0 at end-diastole, 1 at end-systole."""
    side = heart.side * FINE
    px = FINE / heart.mm_per_px
    picture = np.full((side, side), 0.0, np.float32)
    labels = np.zeros((side, side), np.uint8)
    middle = side // 2
    _ellipse(picture, (middle, middle), (0.47 * side, 0.40 * side), FAT)
    _ellipse(picture, (middle, middle), (0.44 * side, 0.37 * side), 40.0)
    _ellipse(picture, (int(0.66 * side), int(0.44 * side)), (0.24 * side, 0.27 * side), LUNG)
    _ellipse(picture, (int(0.24 * side), int(0.40 * side)), (0.13 * side, 0.20 * side), LUNG)
    _ellipse(picture, (int(0.42 * side), int(0.76 * side)), (0.30 * side, 0.14 * side), LIVER)
    narrow = float(np.sqrt(max(0.0, 1 - depth**2)))
    cavity = heart.cavity_mm * narrow * (1 - (1 - heart.squeeze) * emptied)
    wall = heart.wall_mm * (1 + 0.35 * emptied) if narrow > 0 or depth < 1.1 else 0.0
    centre = (int(0.54 * side), int(0.50 * side))
    outer = cavity + wall if cavity > 2 else 0.0
    right = (heart.cavity_mm + 11) * narrow * (1 - RIGHT_SQUEEZE * emptied)
    if right > 6 and outer:
        place = (int(centre[0] - 0.95 * (outer + 6) * px), int(centre[1] + 6 * px))
        around = (0.9 * right + RIGHT_WALL_MM) * px, (1.2 * right + RIGHT_WALL_MM) * px
        _ellipse(picture, place, around, WALL)
        _ellipse(picture, place, (0.9 * right * px, 1.2 * right * px), BLOOD)
        _ellipse(labels, place, (0.9 * right * px, 1.2 * right * px), 3)
    if outer:
        for radius, grey, label in ((outer, WALL, 2), (cavity, BLOOD, 1)):
            _ellipse(picture, centre, (radius * px, radius * px), grey)
            _ellipse(labels, centre, (radius * px, radius * px), label)
        for angle in (0.6, 2.3):
            spot = tuple(
                int(c + 0.6 * cavity * px * f) for c, f in zip(centre, (np.cos(angle), np.sin(angle)), strict=True)
            )
            _ellipse(picture, spot, (0.14 * cavity * px, 0.14 * cavity * px), WALL + 25)
    small = cv2.resize(picture, (heart.side, heart.side), interpolation=cv2.INTER_AREA)
    return small, cv2.resize(labels, (heart.side, heart.side), interpolation=cv2.INTER_NEAREST)


def _ellipse(canvas: np.ndarray, centre: tuple[int, ...], axes: tuple[float, float], value: float) -> None:
    half = round(max(axes[0], 1)), round(max(axes[1], 1))
    cv2.ellipse(canvas, (int(centre[0]), int(centre[1])), half, 0, 0, 360, value, -1)


def nifti(images: np.ndarray, heart: Heart, packed: bool = True) -> bytes:
    """(phase, slice, H, W) as a NIfTI file with axes x, y, slice, phase; gzip without a date, so the same every time."""
    import nibabel

    sizes = (heart.mm_per_px, heart.mm_per_px, heart.slice_mm)
    image = nibabel.Nifti1Image(
        np.ascontiguousarray(images.transpose(3, 2, 1, 0)), np.diag([-sizes[0], -sizes[1], sizes[2], 1])
    )
    image.header.set_zooms((*sizes, 0.05))
    image.header.set_xyzt_units("mm", "sec")
    plain = image.to_bytes()
    return gzip.compress(plain, 9, mtime=0) if packed else plain


def dicom_zip(images: np.ndarray, heart: Heart) -> bytes:
    """(phase, slice, H, W) as a zip of DICOM files, in the plane of a usual short axis; the same bytes every time."""
    along = np.array([[0.67, 0.46, 0.58], [-0.32, -0.52, 0.79]])
    along[0] /= np.linalg.norm(along[0])
    along[1] -= (along[1] @ along[0]) * along[0]
    along[1] /= np.linalg.norm(along[1])
    normal = np.cross(along[0], along[1])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for p, k in np.ndindex(*images.shape[:2]):
            number = 1 + k * images.shape[0] + p
            name = zipfile.ZipInfo(f"IM{number:04d}", (2020, 1, 1, 0, 0, 0))
            name.compress_type = zipfile.ZIP_DEFLATED
            place = normal * heart.slice_mm * k
            bundle.writestr(name, _dicom(images[p, k], heart, along, place, number, 50.0 * p))
    return buffer.getvalue()


def _dicom(
    image: np.ndarray, heart: Heart, along: np.ndarray, place: np.ndarray, number: int, trigger_ms: float
) -> bytes:
    from pydicom import dcmwrite
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"2.25.6.{number}")
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.Modality, data.PatientID, data.PatientName = "MR", "SIMULATED", "SIMULATED^HEART"
    data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID = MRImageStorage, f"2.25.6.{number}", "2.25.6"
    data.InstanceNumber, data.TriggerTime, data.HeartRate = number, trigger_ms, 72
    data.ImageOrientationPatient = [round(float(v), 6) for v in along.ravel()]
    data.ImagePositionPatient = [round(float(v), 4) for v in place]
    data.PixelSpacing, data.SliceThickness = [heart.mm_per_px] * 2, 8.0
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.Rows, data.Columns = image.shape
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.PixelData = image.tobytes()
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()
