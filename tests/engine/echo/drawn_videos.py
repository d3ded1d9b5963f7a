"""Recordings in the forms that come in: AVI and DICOM of frames, made in memory."""

import io

import numpy as np


def avi(frames, rate_hz=30, codec="ffv1"):
    """Lossless AVI of (T, H, W) or (T, H, W, 3) uint8."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream(codec, rate=rate_hz)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            rgb = np.repeat(frame[..., None], 3, 2) if frame.ndim == 2 else frame
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def dicom(frames, regions=((1, 1, 3, 0, 0, None, None, -0.05, 0.04),), frame_time_ms=25.0, **more):
    """Uncompressed multi-frame ultrasound DICOM. regions: format, type, unit, x0, y0, x1, y1, delta x, delta y (cm)."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

    frames = np.asarray(frames)
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = UltrasoundMultiFrameImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=["drawn"])
    data.Modality, data.PatientName = "US", "DRAWN^NOBODY"
    data.Rows, data.Columns, data.NumberOfFrames = frames.shape[1], frames.shape[2], frames.shape[0]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.FrameTime = frame_time_ms
    data.PixelData = frames.astype(np.uint8).tobytes()
    data.SequenceOfUltrasoundRegions = [_region(r, frames.shape) for r in regions]
    for name, value in more.items():
        setattr(data, name, value)
    file = io.BytesIO()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    return file.getvalue()


def _region(values, shape):
    from pydicom.dataset import Dataset

    kind, tissue, unit, x0, y0, x1, y1, dx, dy = values
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = kind, tissue
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = unit
    region.RegionLocationMinX0, region.RegionLocationMinY0 = x0, y0
    region.RegionLocationMaxX1 = shape[2] - 1 if x1 is None else x1
    region.RegionLocationMaxY1 = shape[1] - 1 if y1 is None else y1
    region.PhysicalDeltaX, region.PhysicalDeltaY = dx, dy
    return region
