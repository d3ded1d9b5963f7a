"""Volumes, phases, walls and landmarks of drawn ventricles whose sizes are known."""

import numpy as np
import pytest

from engine.mr.cine import Cine, Patient
from engine.mr.volumes import bullseye, insertion_points, measurements, volumes, wall_thickness
from tests.engine.mr.drawn_mr import ring

RADII = (8.0, 6.0, 4.0, 6.0)  # of the cavity over the phases


def heart(slices=5):
    return np.stack([np.stack([ring(48, r)] * slices) for r in RADII])


def cine(labels, **known):
    sizes = {"mm_per_px": (2.0, 1.5), "slice_distance_mm": 10.0} | known
    return Cine(labels.astype(np.float32), **sizes)


def values(labels, **known):
    study = cine(labels, **known)
    return {m.code: m for m in measurements(volumes(labels, study), study, labels.shape[1])}


def test_volumes_are_pixels_times_their_size_at_the_phases_that_the_curve_gives():
    labels = np.roll(heart(), 1, axis=0)  # end-diastole is not the first phase
    rows = values(labels)
    edv = 5 * (ring(48, 8.0) == 1).sum() * 0.03
    esv = 5 * (ring(48, 4.0) == 1).sum() * 0.03
    assert rows["lv_end_diastolic_volume"].value == pytest.approx(edv, abs=0.01)
    assert rows["lv_end_systolic_volume"].value == pytest.approx(esv, abs=0.01)
    assert rows["lv_stroke_volume"].value == pytest.approx(edv - esv, abs=0.01)
    assert rows["lv_ejection_fraction"].value == pytest.approx(100 * (edv - esv) / edv, abs=0.01)
    assert rows["lv_ejection_fraction"].where == {"phase": [1, 3]}
    assert rows["lv_mass"].value == pytest.approx(5 * (ring(48, 8.0) == 2).sum() * 0.03 * 1.05, abs=0.01)


def test_without_a_pixel_size_there_are_ratios_and_no_millilitres():
    rows = values(heart(), mm_per_px=None)
    assert {"lv_ejection_fraction", "rv_ejection_fraction", "lv_wall_to_cavity"} == set(rows)
    assert rows["lv_ejection_fraction"].value == pytest.approx(values(heart())["lv_ejection_fraction"].value)


def test_height_and_weight_index_by_mosteller():
    rows = values(heart(), patient=Patient("F", 160.0, 90.0))  # 2.0 m2
    edv = rows["lv_end_diastolic_volume"]
    assert rows["lv_end_diastolic_volume_index"].value == pytest.approx(edv.value / 2, abs=0.01)
    assert (edv.low, edv.high) == (pytest.approx(82.8), pytest.approx(165.2))
    assert "Petersen" in edv.source


def test_heart_rate_gives_the_output():
    rows = values(heart(), heart_rate=70.0)
    assert rows["cardiac_output"].value == pytest.approx(rows["lv_stroke_volume"].value * 0.07, abs=0.01)


def test_one_phase_has_a_volume_and_no_ejection_fraction():
    rows = values(heart()[:1])
    assert "lv_volume" in rows
    assert not {"lv_ejection_fraction", "lv_end_diastolic_volume"} & set(rows)


def test_a_cavity_drawn_empty_gives_no_ejection_fraction_of_100_percent():
    labels = heart()
    labels[2][labels[2] == 1] = 2
    rows = values(labels, heart_rate=70.0)
    assert {"lv_end_diastolic_volume", "lv_mass"} <= set(rows)
    assert not {"lv_end_systolic_volume", "lv_stroke_volume", "lv_ejection_fraction", "cardiac_output"} & set(rows)


def test_two_slices_hold_no_volume():
    assert values(heart(slices=2)) == {}


def test_the_wall_is_as_thick_as_it_was_drawn():
    wall = wall_thickness(ring(48, 8.0, 5.0, right=False))
    assert np.nanmean(wall) == pytest.approx(5.0, abs=0.35)
    assert np.isnan(wall_thickness(np.zeros((20, 20), np.uint8))).all()


def test_the_bullseye_has_sixteen_walls_in_mm():
    labels = heart(6)
    found = bullseye(labels, volumes(labels, cine(labels)), cine(labels, mm_per_px=(1.5, 1.5)))
    assert found.in_mm
    assert found.thickness.shape == (16,)
    assert np.nanmean(found.thickness) == pytest.approx(1.5 * 4.0, abs=0.8)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_thick_septum_is_thick_in_the_septal_segments(mirrored):
    rows, columns = np.mgrid[:96, :96] - 48
    far, septal = np.hypot(rows, columns), abs(np.arctan2(rows, -columns)) < np.radians(60)
    picture = np.where(far < 36, 3 * septal, 0).astype(np.uint8)
    picture[far < np.where(septal, 25, 20)] = 2
    picture[far < 14] = 1
    labels = np.stack([picture[:, ::-1] if mirrored else picture] * 6)
    found = bullseye(labels[None], volumes(labels[None], cine(labels[None])), cine(labels[None]))
    order = np.argsort(-found.thickness)
    assert set(order[:5] + 1) == {2, 3, 8, 9, 14}


def test_the_insertions_are_the_ends_of_the_septum_the_anterior_one_first():
    anterior, inferior = insertion_points(ring(48, 8.0, 4.0))
    assert anterior[1] < 24 < inferior[1]
    assert max(anterior[0], inferior[0]) < 24  # on the side of the right ventricle
    assert insertion_points(ring(48, 8.0, right=False)) is None
