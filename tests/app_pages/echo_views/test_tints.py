"""Maps laid over a picture: nothing where there is nothing to say, the strongest colour where there is most."""

import numpy as np

from app_pages.echo_views.tints import STRONGEST, UNSURE, doubted, heated

GREY = np.full((4, 6, 3), 100, np.uint8)


def test_what_is_sure_stays_and_what_is_not_turns_pink():
    confidence = np.ones((4, 6), np.float32)
    confidence[0, 0] = 0.2
    picture = doubted(GREY, confidence)
    assert (picture[1:] == 100).all()
    assert tuple(picture[0, 0]) == UNSURE


def test_the_strongest_attribution_is_coloured_and_none_is_not():
    weights = np.zeros((4, 6), np.float32)
    weights[2, 3] = 7
    picture = heated(GREY, weights)
    changed = (picture != 100).any(2)
    assert changed[2, 3]
    assert changed.sum() == 1
    assert picture[2, 3].astype(int).max() > 100 + STRONGEST * 100
    assert (heated(GREY, np.zeros((4, 6))) == 100).all()
