import numpy as np

from engine.echo_plax.anatomy import ATRIUM, SEPTUM, VENTRICLE, tidy


def test_stray_pieces_vanish_and_holes_close():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:14, 5:40] = SEPTUM
    mask[14:26, 5:40] = VENTRICLE
    clean = mask.copy()
    mask[18:20, 10:14] = 0  # a hole
    mask[30:33, 50:53] = VENTRICLE  # far away
    np.testing.assert_array_equal(tidy(mask), clean)


def test_a_structure_that_is_not_allowed_is_absent():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:8, 2:8], mask[10:18, 10:18] = VENTRICLE, ATRIUM
    assert set(np.unique(tidy(mask, (VENTRICLE,)))) == {0, VENTRICLE}
