"""Elements of a DICOM file: what is read of damaged ones, and what is said of none."""

import io
import warnings

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from engine.dicom_elements import items, number, read_elements, whole
from engine.errors import UnreadableInput


def written() -> bytes:
    elements = pydicom.Dataset()
    elements.file_meta = pydicom.dataset.FileMetaDataset()
    elements.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    elements.file_meta.MediaStorageSOPClassUID = elements.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    elements.Rows, elements.FrameTime, elements.PatientSize = 48, "20.5", "1.7"
    region = pydicom.Dataset()
    region.PhysicalDeltaX = 0.05
    elements.SequenceOfUltrasoundRegions = [region]
    file = io.BytesIO()
    pydicom.dcmwrite(file, elements, enforce_file_format=True)
    return file.getvalue()


def test_values_are_read():
    elements = read_elements(written())
    assert whole(elements, "Rows") == 48
    assert number(elements, "FrameTime") == 20.5
    assert whole(elements, "FrameTime") is None
    assert [number(region, "PhysicalDeltaX") for region in items(elements, "SequenceOfUltrasoundRegions")] == [0.05]
    assert number(elements, "CineRate") is None
    assert items(elements, "WaveformSequence") == items(elements, "Rows") == []


@pytest.mark.parametrize(("good", "bad"), [(b"DS\x04\x0020.5", b"XX\x04\x0020.5"), (b"20.5", b"2\xbc.5")])
def test_an_element_whose_bytes_make_no_value_is_absent_and_the_others_stay(good, bad):
    data = written()
    assert data.count(good) == 1
    elements = read_elements(data.replace(good, bad))
    assert number(elements, "FrameTime") is None
    assert whole(elements, "Rows") == 48


def test_a_damaged_element_within_a_sequence_is_absent():
    data = written()
    assert data.count(b"FD\x08\x00") == 1
    (region,) = items(read_elements(data.replace(b"FD\x08\x00", b"QQ\x08\x00")), "SequenceOfUltrasoundRegions")
    assert number(region, "PhysicalDeltaX") is None


@pytest.mark.parametrize("data", [b"", b"no DICOM at all", b"\0" * 128 + b"DICM\x02\x00\x00\x00UL\x03\x00abc"])
def test_what_is_no_dicom_file_is_refused(data):
    with pytest.raises(UnreadableInput, match="damaged or incomplete"):
        read_elements(data)


def test_no_warning_repeats_what_the_file_says():
    data = written().replace(b"20.5", b"abcd").replace(b"1.2.3\0", b"Smith\0")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        elements = read_elements(data)
        assert str(elements.file_meta.MediaStorageSOPInstanceUID) == "Smith"
    assert not said
