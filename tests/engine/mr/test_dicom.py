"""Slices and phases are put together by geometry, whatever the files are called and however they are ordered."""

import numpy as np
import pytest

from engine.errors import RefusedStudy, UnreadableInput
from engine.mr.dicom import is_dicom, read_dicom
from engine.study import Part
from tests.engine.mr.drawn_mr import AXES, dicom, stack


def shuffled(parts, seed=0):
    return tuple(parts[k] for k in np.random.default_rng(seed).permutation(len(parts)))


def levels(cine):
    """What each (phase, slice) is filled with."""
    return cine.images[:, :, 0, 0].astype(int).tolist()


def test_a_shuffled_stack_is_ordered_by_position_and_time():
    (cine,) = read_dicom(shuffled(stack()))
    assert levels(cine) == [[100 * k + p for k in range(3)] for p in range(4)]
    assert cine.mm_per_px == (1.5, 1.25)
    assert cine.slice_distance_mm == pytest.approx(8.0)
    assert cine.notes == ()
    assert cine.axes.ravel() == pytest.approx(AXES)


def test_one_series_per_slice_makes_the_same_stack():
    (cine,) = read_dicom(shuffled(stack(series=lambda k: f"1.2.{k}")))
    assert cine.images.shape[:2] == (4, 3)


def test_two_series_on_one_another_stay_apart():
    again = stack(slices=2, series=lambda k: "1.2.9")
    cines = read_dicom(shuffled([*stack(), *again]))
    assert [cine.images.shape[:2] for cine in cines] == [(4, 3), (4, 2)]


def test_another_orientation_is_another_series():
    scout = dicom(np.full((20, 24), 7), ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    assert [c.slices for c in read_dicom((*stack(), scout))] == [3, 1]


def test_without_trigger_times_the_instance_number_counts():
    parts = [dicom(np.full((4, 4), n), 0.0, None, n) for n in (3, 1, 2)]
    (cine,) = read_dicom(tuple(parts))
    assert levels(cine) == [[1], [2], [3]]


def test_a_doubled_image_counts_once_and_is_named():
    parts = stack()
    (cine,) = read_dicom((*parts, parts[5]))
    assert cine.images.shape[:2] == (4, 3)
    assert cine.notes == ("Slice 2 came with 1 doubled images; each counts once.",)


def test_a_missing_slice_is_named():
    parts = [p for k, p in enumerate(stack(slices=5)) if k // 4 != 2]
    (cine,) = read_dicom(tuple(parts))
    assert cine.slice_distance_mm == pytest.approx(8.0)
    assert "1 slice is missing between slices 2 and 3" in cine.notes[0]


def test_a_missing_phase_is_filled_and_named():
    parts = stack(phases=6)
    (cine,) = read_dicom(tuple(parts[:7] + parts[8:]))
    assert cine.images.shape[:2] == (6, 3)
    assert "Slice 2 has 5 phases where the others have 6" in cine.notes[0]


def test_a_multi_frame_file_is_a_slice_over_time():
    frames = np.stack([np.full((6, 5), p) for p in range(7)])
    (cine,) = read_dicom((dicom(frames, NumberOfFrames=7, Rows=6, Columns=5),))
    assert levels(cine) == [[p] for p in range(7)]


def test_a_missing_pixel_size_is_no_error_but_leaves_no_millilitres():
    (cine,) = read_dicom(tuple(dicom(np.ones((4, 4)), 8.0 * k, PixelSpacing=None) for k in range(3)))
    assert cine.mm_per_px is None
    assert cine.voxel_ml is None


def test_height_and_weight_are_kept_and_names_are_not():
    (cine,) = read_dicom((dicom(np.ones((4, 4)), PatientSize=1.8, PatientWeight=80, PatientSex="M"),))
    assert (cine.patient.height_cm, cine.patient.weight_kg, cine.patient.sex) == (180.0, 80.0, "M")
    assert cine.patient.body_surface_m2 == pytest.approx(2.0)
    assert "Somebody" not in repr(cine)


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"Modality": "CT"}, "not_mr"),
        ({"PixelSpacing": [-1.0, 1.0]}, "bad_spacing"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour"),
        ({"PatientID": "B"}, "mixed_patients"),
    ],
)
def test_what_may_not_be_answered_is_refused_with_its_reason(elements, code):
    with pytest.raises(RefusedStudy) as refused:
        read_dicom((dicom(np.ones((4, 4))), dicom(np.ones((4, 4)), 8.0, **elements)))
    assert refused.value.code == code
    assert "Somebody" not in str(refused.value)


def test_pixels_that_cannot_be_decoded_are_said_to_be():
    whole = dicom(np.ones((30, 30)))
    with pytest.raises(UnreadableInput, match="none of the files could be decoded"):
        read_dicom((Part("cut", whole.data[: len(whole.data) // 2]),))


def test_dicom_is_known_by_its_bytes():
    assert is_dicom(dicom(np.ones((4, 4))))
    assert not is_dicom(Part("image.dcm", b"\x89PNG\r\n\x1a\n" + bytes(200)))
