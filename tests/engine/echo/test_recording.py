"""Where the network looks, on drawn frames."""

import numpy as np

from engine.echo.recording import Opening, best_box
from engine.echo.sector import Sector


def opening():
    return Opening(np.zeros((3, 200, 240), np.uint8), Sector(np.ones((200, 240), bool), 0.0))


def test_the_whole_sector_is_kept_where_it_is_good_enough():
    box = best_box(opening(), 64, lambda squares, closer: 0.9, good=0.8)
    assert (box.top, box.bottom, box.left, box.right) == (0, 200, 0, 240)


def test_a_closer_look_has_to_be_clearly_better():
    assert best_box(opening(), 64, lambda squares, closer: 0.52 if closer else 0.5, good=0.8).bottom == 200
    assert best_box(opening(), 64, lambda squares, closer: 0.7 if closer else 0.5, good=0.8).bottom < 200
