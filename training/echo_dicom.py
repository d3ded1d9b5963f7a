"""A simulated cine as an ultrasound DICOM: JPEG frames, frame time, and the calibrated region that states the pixel size."""

from __future__ import annotations

import io

import cv2
import numpy as np

QUALITY = 72  # of the JPEG frames
TWO_DIMENSIONAL, TISSUE, CENTIMETRES = 1, 1, 3  # (0018,6012), (0018,6014), (0018,6024)


def cine(frames: np.ndarray, rate_hz: float, mm_per_px: float) -> bytes:
    """(T, H, W) uint8 -> a multi-frame DICOM of no patient; the same bytes every time."""
    from pydicom import dcmwrite
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = UID("2.25.7.1")
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = UltrasoundMultiFrameImageStorage, "2.25.7.1"
    data.Modality, data.PatientID, data.PatientName = "US", "SIMULATED", "SIMULATED^HEART"
    data.NumberOfFrames, data.Rows, data.Columns = frames.shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.FrameTime = round(1000 / rate_hz, 4)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = TWO_DIMENSIONAL, TISSUE
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = CENTIMETRES
    region.PhysicalDeltaX = region.PhysicalDeltaY = mm_per_px / 10
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = frames.shape[2] - 1, frames.shape[1] - 1
    data.SequenceOfUltrasoundRegions = [region]
    pictures = [cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes() for frame in frames]
    data.PixelData = encapsulate(pictures)
    data["PixelData"].VR = "OB"
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()
