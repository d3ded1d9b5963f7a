"""Structures and callipers on a picture."""

import numpy as np

from engine.echo_plax.calipers import Caliper, Calipers, measure
from engine.echo_plax.drawing import draw_calipers, pictured
from tests.engine.echo_plax.drawn_masks import drawn


def test_a_calliper_is_drawn_where_it_was_read():
    picture = np.full((120, 160, 3), 90, np.uint8)
    draw_calipers(picture, Calipers(lvid=Caliper(80.0, (100.0, 60.0), (100.0, 140.0))), (240, 320))
    changed = (picture != 90).any(2)
    rows, columns = np.nonzero(changed)
    assert rows.min() == np.clip(rows.min(), 27, 30)
    assert rows.max() == np.clip(rows.max(), 70, 73)
    assert abs(columns.mean() - 50) < 1
    assert picture[50, 50].min() > 200


def test_every_structure_changes_the_picture_and_the_plain_one_stays():
    mask = drawn()
    frame = np.full((*mask.shape, 3), 60, np.uint8)
    plain, picture = pictured(frame, mask, measure(mask))
    assert plain.shape == picture.shape
    assert (plain == 60).all()
    small = mask[:: mask.shape[0] // plain.shape[0] or 1, :: mask.shape[1] // plain.shape[1] or 1]
    assert small.any()
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 6
