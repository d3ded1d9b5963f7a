import numpy as np

from engine.echo_plax.anatomy import ATRIUM, SEPTUM, VENTRICLE, tidy


def test_stray_pieces_vanish_and_holes_close():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:14, 5:40] = SEPTUM
    mask[14:26, 5:40] = VENTRICLE
    clean = tidy(mask)
    mask[18:20, 10:14] = 0  # a hole
    mask[30:33, 50:53] = VENTRICLE  # far away
    np.testing.assert_array_equal(tidy(mask), clean)


def test_a_structure_that_is_not_allowed_is_absent():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:8, 2:8], mask[10:18, 10:18] = VENTRICLE, ATRIUM
    assert set(np.unique(tidy(mask, (VENTRICLE,)))) == {0, VENTRICLE}


def test_a_leak_on_a_chamber_vanishes_and_a_thin_wall_stays():
    mask = np.zeros((60, 90), np.uint8)
    mask[20:50, 10:50] = ATRIUM
    mask[30:33, 50:80] = ATRIUM  # a leak 3 px wide
    mask[5:8, 10:80] = SEPTUM
    found = tidy(mask)
    assert not (found[:, 52:] == ATRIUM).any()
    assert (found[5:8, 10:80] == SEPTUM).all()
    assert (found == ATRIUM).sum() > 0.97 * 30 * 40


def test_a_ventricle_drawn_around_the_septum_ends_at_the_septum_s_axis():
    mask = np.zeros((80, 120), np.uint8)
    mask[30:40, 40:100] = SEPTUM
    mask[40:70, 10:100] = VENTRICLE
    right = tidy(mask)
    mask[10:40, 10:40] = VENTRICLE  # beyond the septum's apical end, up in front of it
    found = tidy(mask)
    assert not (found[:34] == VENTRICLE).any()
    assert (found[40:70, 10:100] == VENTRICLE).mean() > 0.98
    assert (right[40:70, 10:100] == VENTRICLE).mean() > 0.98


def test_a_ventricle_with_no_septum_stays():
    mask = np.zeros((80, 120), np.uint8)
    mask[10:70, 10:100] = VENTRICLE
    assert (tidy(mask) == VENTRICLE).sum() > 0.98 * 60 * 90
