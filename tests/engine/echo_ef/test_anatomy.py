import numpy as np

from engine.echo_ef.anatomy import tidy
from engine.echo_ef.volumes import ATRIUM, CAVITY, MYOCARDIUM


def test_islands_within_the_cavity_become_cavity_and_others_vanish():
    mask = np.zeros((40, 40), np.uint8)
    mask[4:26, 8:24] = MYOCARDIUM
    mask[6:26, 10:22] = CAVITY
    mask[26:36, 10:22] = ATRIUM
    clean = mask.copy()
    mask[12:15, 12:18] = ATRIUM  # an atrium within the ventricle
    mask[30:32, 34:36] = CAVITY  # a ventricle far away
    np.testing.assert_array_equal(tidy(mask), clean)


def test_an_empty_frame_stays_empty():
    assert not tidy(np.zeros((8, 8), np.uint8)).any()
