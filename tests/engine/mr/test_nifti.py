"""NIfTI axes, sizes, and what is turned away."""

import gzip

import nibabel
import numpy as np
import pytest

from engine.errors import RefusedStudy, UnreadableInput
from engine.mr.nifti import is_nifti, read_nifti
from engine.study import Part


def part(voxels, zooms=None, packed=False, pixdim=None):
    image = nibabel.Nifti1Image(voxels, np.eye(4))
    if zooms:
        image.header.set_zooms(zooms)
    data = bytearray(image.to_bytes())
    if pixdim is not None:
        data[80 : 80 + 4 * len(pixdim)] = np.array(pixdim, "<f4").tobytes()
    if packed:
        data = gzip.compress(bytes(data))
    return Part("x.nii", bytes(data))


@pytest.mark.parametrize("packed", [False, True])
def test_axes_become_phase_slice_row_column(packed):
    voxels = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)  # x, y, slice, phase
    file = part(voxels, (1.2, 1.4, 9.0, 0.05), packed)
    assert is_nifti(file)
    cine = read_nifti(file)
    assert cine.images.shape == (5, 4, 3, 2)
    assert cine.images[4, 3, 2, 1] == voxels[1, 2, 3, 4]
    assert cine.mm_per_px == pytest.approx((1.4, 1.2))
    assert cine.slice_distance_mm == pytest.approx(9.0)


@pytest.mark.parametrize(("shape", "expected"), [((6, 5), (1, 1, 5, 6)), ((6, 5, 4), (1, 4, 5, 6))])
def test_missing_axes_are_of_length_one(shape, expected):
    assert read_nifti(part(np.ones(shape, np.float32))).images.shape == expected


def test_voxels_that_are_no_numbers_are_counted():
    voxels = np.ones((4, 4, 3), np.float32)
    voxels[0, 0, :2] = np.nan
    with pytest.raises(RefusedStudy, match="2 of 48 hold none"):
        read_nifti(part(voxels))


@pytest.mark.parametrize("bad", [-1.5, 0.0, np.nan])
def test_a_size_that_is_none_is_refused(bad):
    with pytest.raises(RefusedStudy) as refused:
        read_nifti(part(np.ones((4, 4, 3), np.float32), pixdim=(bad, 1.0, 8.0)))
    assert refused.value.code == "bad_spacing"


def test_a_volume_of_many_slices_is_no_stack():
    with pytest.raises(RefusedStudy, match="got 90"):
        read_nifti(part(np.ones((4, 4, 90), np.float32)))


def test_a_cut_file_is_unreadable():
    whole = part(np.ones((8, 8, 8), np.float32))
    with pytest.raises(UnreadableInput, match="damaged or incomplete"):
        read_nifti(Part("x.nii", whole.data[:600]))
