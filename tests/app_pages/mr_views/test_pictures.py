"""Landmarks stand on the picture with their names, inside it."""

from types import SimpleNamespace

import numpy as np
import pytest

from app_pages.mr_views.pictures import landmarks_picture
from engine.mr.cine import Cine
from engine.mr.views import Point


@pytest.mark.parametrize("x", [10.0, 50.0, 95.0])
def test_a_landmark_is_marked_and_named_inside_the_picture(x):
    cine = Cine(np.zeros((1, 1, 100, 100), np.float32), (1.5, 1.5))
    points = {"apex": Point(x, 50.0, 0.9), "rv_insertion_inferior": None}
    picture = landmarks_picture(SimpleNamespace(cine=cine, points=points))
    drawn = picture[..., 0] > 150
    rows, columns = np.nonzero(drawn)
    zoom = picture.shape[1] / 100
    at = (x + 0.5) * zoom
    cross = np.abs(columns - at) <= 14
    assert rows[cross].mean() == pytest.approx(picture.shape[0] / 2, abs=6)
    named = columns[~cross]
    assert len(named) > 50
    assert (named > at).all() if x < 90 else (named < at).all()
    assert named.min() > 0
    assert named.max() < picture.shape[1] - 1
