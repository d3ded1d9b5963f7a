"""Callipers on drawn masks: the sizes that were drawn, and none where a structure is absent or cut."""

import numpy as np
import pytest

from engine.echo_plax.calipers import NAMES, Calipers, measure
from tests.engine.echo_plax.drawn_masks import IVS, LA, LVID, LVPW, ROOT, drawn

DRAWN = {"lvid": LVID, "ivs": IVS, "lvpw": LVPW, "la": LA, "aorta": ROOT}


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_size_is_found(name):
    assert getattr(measure(drawn()), name).length == pytest.approx(
        DRAWN[name], rel=0.03, abs=2
    )  # a filled outline's own pixels belong to it


@pytest.mark.parametrize("lvid", [70.0, 100.0, 150.0])
def test_the_cavity_is_measured_at_every_size(lvid):
    assert measure(drawn(lvid=lvid)).lvid.length == pytest.approx(lvid, rel=0.03)


def test_each_line_runs_from_one_edge_of_its_structure_to_the_other():
    found = measure(drawn())
    np.testing.assert_allclose(found.ivs.stop, found.lvid.start, atol=1.5)
    np.testing.assert_allclose(found.lvid.stop, found.lvpw.start, atol=1.5)
    for name in NAMES:
        line = getattr(found, name)
        assert np.hypot(*np.subtract(line.stop, line.start)) == pytest.approx(line.length, rel=0.1, abs=1.5)


def test_pixels_that_are_not_square_are_told_in_their_unit():
    """The same heart stored with pixels half as tall: x 0.3 mm, y 0.6 mm."""
    found = measure(drawn()[::2], (0.3, 0.6))
    for name, length in DRAWN.items():
        assert getattr(found, name).length == pytest.approx(0.3 * length, rel=0.06)


@pytest.mark.parametrize(("structure", "gone"), [(1, NAMES), (6, ("la", "aorta")), (3, ("la", "aorta"))])
def test_what_is_not_drawn_has_no_size(structure, gone):
    found = measure(drawn(without=(structure,)))
    assert all(getattr(found, name) is None for name in gone)


def test_a_septum_that_is_not_drawn_leaves_no_ventricle_to_measure():
    assert measure(drawn(without=(2,))) == Calipers()


def test_a_size_that_reaches_the_picture_s_edge_is_empty():
    wall_cut = drawn()[:288]
    found = measure(wall_cut)
    assert found.lvpw is None
    assert found.lvid.length == pytest.approx(LVID, rel=0.03)


def test_a_size_that_reaches_beyond_what_was_recorded_is_empty():
    seen = np.ones((480, 640), bool)
    seen[288:] = False
    assert measure(drawn(), seen=seen).lvpw is None
    assert measure(drawn(), seen=seen).ivs is not None


def test_ragged_edges_and_a_notch_move_no_size_far():
    mask, rng = drawn(), np.random.default_rng(0)
    rough = mask.copy()
    for shift in (1, -1):
        for axis in (0, 1):
            other = np.roll(mask, shift * 2, axis)
            at = rng.random(mask.shape) < 0.2
            rough[at] = other[at]
    rough[150:180, 305:309] = 0
    found = measure(rough)
    for name, length in DRAWN.items():
        assert getattr(found, name).length == pytest.approx(length, rel=0.12, abs=4)


def test_an_empty_frame_has_no_sizes():
    assert measure(np.zeros((100, 100), np.uint8)) == Calipers()


@pytest.mark.parametrize("seed", range(20))
def test_no_drawing_of_nonsense_is_an_error(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 7, (6, 7), dtype=np.uint8)
    measure(coarse.repeat(20, 0).repeat(20, 1))
    measure(rng.integers(0, 7, (60, 70), dtype=np.uint8))
