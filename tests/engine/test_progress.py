"""Progress of a part of the work, in the whole's share."""

import pytest

from engine.errors import Cancelled
from engine.progress import part, silent


def test_a_part_covers_its_share_of_the_whole():
    told = []
    half = part(lambda share, doing: told.append((share, doing)), 0.5, 1.0)
    half(0.0, "start")
    part(half, 0.5, 0.75)(1.0, "nested")
    half(1.0, "end")
    assert told == [(0.5, "start"), (0.875, "nested"), (1.0, "end")]


def test_cancelling_passes_through_a_part():
    def stop(share, doing):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        part(stop, 0, 1)(0.5, "x")


def test_nobody_has_to_watch():
    assert silent(0.5, "x") is None
