"""Small drawn stacks and DICOM files whose answers are known."""

import io

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from engine.study import Part

MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
AXES = (1.0, 0.0, 0.0, 0.0, 0.8, -0.6)  # oblique; the normal is (0, 0.6, 0.8)
NORMAL = np.array([0.0, 0.6, 0.8])


def ring(side=40, cavity=6.0, wall=4.0, right=True):
    """(side, side) labels: a round LV in its wall, and an RV to the left of it."""
    rows, columns = np.mgrid[:side, :side]
    far = np.hypot(rows - side / 2, columns - side / 2)
    labels = np.zeros((side, side), np.uint8)
    if right:
        labels[np.hypot(rows - side / 2, columns - (side / 2 - cavity - wall)) < cavity] = 3
    labels[far < cavity + wall] = 2
    labels[far < cavity] = 1
    return labels


def dicom(pixels, position=0.0, trigger=None, instance=1, **elements):
    """One file as a Part: `position` in mm along NORMAL; `elements` replace or, where None, remove a header entry."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MR_STORAGE
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "Modality": "MR",
        "PatientID": "A",
        "PatientName": "Somebody",
        "SeriesInstanceUID": "1.2.3",
        "InstanceNumber": instance,
        "TriggerTime": trigger,
        "ImageOrientationPatient": list(AXES),
        "ImagePositionPatient": [float(v) for v in NORMAL * position],
        "PixelSpacing": [1.5, 1.25],
        "SliceThickness": 3.0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
    }
    for name, value in (values | elements).items():
        if value is not None:
            setattr(data, name, value)
    data.PixelData = pixels.astype("<u2").tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=False)
    return Part(f"{generate_uid()}", buffer.getvalue())


def stack(slices=3, phases=4, gap=8.0, series=lambda k: "1.2.3"):
    """Files of a stack in which slice k at phase p is filled with 100 k + p; trigger times differ between slices."""
    return [
        dicom(
            np.full((20, 24), 100 * k + p),
            gap * k,
            37.0 * p + 3 * k,
            1 + k * phases + p,
            SeriesInstanceUID=series(k),
        )
        for k in range(slices)
        for p in range(phases)
    ]
