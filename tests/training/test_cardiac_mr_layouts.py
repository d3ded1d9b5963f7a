"""Drawn hearts in the folders that ACDC and Sunnybrook are published in come back as slices with their labels."""

import numpy as np
import pytest

from tests.engine.mr.drawn_mr import dicom, ring
from training.cardiac_mr_data import acdc_people, read_acdc, read_sunnybrook
from training.cardiac_mr_simulator import Heart, nifti, simulate

HEART = Heart(slices=4, phases=2, side=64, mm_per_px=1.7, slice_mm=9.0)
INFO = "ED: 1\nES: 12\nGroup: DCM\nHeight: 170.5\nNbFrame: 30\nWeight: 82.0\n"


@pytest.fixture
def acdc(tmp_path):
    images, labels = simulate(HEART)
    folder = tmp_path / "training" / "patient007"
    folder.mkdir(parents=True)
    (folder / "Info.cfg").write_text(INFO)
    masks = np.array([0, 3, 2, 1], np.uint8)[labels]  # ACDC's own numbers
    for p, frame in enumerate(("frame01", "frame12")):
        (folder / f"patient007_{frame}.nii.gz").write_bytes(nifti(images[p : p + 1], HEART))
        (folder / f"patient007_{frame}_gt.nii.gz").write_bytes(nifti(masks[p : p + 1], HEART))
    return tmp_path


def test_acdc_as_published(acdc):
    slices, labels = read_acdc(acdc), simulate(HEART)[1]
    assert [(s.phase, s.number) for s in slices] == [(p, k) for p in ("ED", "ES") for k in range(4)]
    assert all(np.array_equal(s.mask, labels[("ED", "ES").index(s.phase), s.number]) for s in slices)
    assert slices[1].before is slices[0].image
    assert slices[0].mm_per_px == pytest.approx(1.7)
    (person,) = acdc_people(acdc)
    assert (person.group, person.height_cm, person.weight_kg) == ("DCM", 170.5, 82.0)
    assert person.slice_mm == pytest.approx(9.0)


def test_a_missing_file_is_named(acdc, tmp_path):
    (acdc / "training" / "patient007" / "patient007_frame12_gt.nii.gz").unlink()
    with pytest.raises(FileNotFoundError, match="frame12_gt"):
        read_acdc(acdc)
    with pytest.raises(FileNotFoundError, match=r"Info\.cfg"):
        read_acdc(tmp_path / "training" / "patient008")


def test_sunnybrook_as_published(tmp_path):
    labels = ring(64, 9.0, right=False)
    folder = tmp_path / "SC-N-5" / "dicom"
    contours = tmp_path / "SC-N-5" / "contours"
    folder.mkdir(parents=True)
    contours.mkdir()
    for number in (8, 28, 48):
        part = dicom(labels * 100 + number, instance=number)
        (folder / f"IM-0001-{number:04d}.dcm").write_bytes(part.data)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.stack([31.9 + 9 * np.cos(angle), 31.9 + 9 * np.sin(angle)], 1)
    np.savetxt(contours / "IM-0001-0028-icontour-manual.txt", circle, "%.2f")
    (one,) = read_sunnybrook(tmp_path)
    assert (one.patient, one.number, one.cavity_only) == ("SC-N-05", 28, True)
    assert one.mm_per_px == 1.5
    assert one.validates
    both = (one.mask == 1) & (labels == 1)
    assert 2 * both.sum() / (one.mask.sum() + (labels == 1).sum()) > 0.97
    assert one.before is not None
    assert one.before.shape == one.image.shape
    (folder / "IM-0001-0028.dcm").unlink()
    with pytest.raises(FileNotFoundError, match="InstanceNumber 28"):
        read_sunnybrook(tmp_path)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="icontour"):
        read_sunnybrook(tmp_path)
