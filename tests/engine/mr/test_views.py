"""Letterbox, peaks of heat maps, and landmarks brought back onto the picture's own pixels."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engine.models import LoadedModel
from engine.mr.planes import angle_deg, with_plane
from engine.mr.views import CLASSES, SIZE, ViewNet, fitted, letterbox, long_axis_points, peak, view_probabilities

ANY = np.full(8, 1 / 8)


class Brightest(nn.Module):
    """The first heat map peaks on the brightest spot, the others on what is left of the upper and the lower half beside it."""

    def forward(self, x):
        rows = torch.linspace(-1, 1, SIZE).view(1, 1, -1, 1).expand_as(x)
        bright = (x > 0.8 * x.amax()).float()
        grey = (x > 0.3 * x.amax()).float() * (1 - torch.nn.functional.max_pool2d(bright, 7, 1, 3))
        return torch.zeros(1, 8), 50 * torch.cat([bright, grey * (rows < 0), grey * (rows > 0)], 1)


def test_letterbox_fills_the_square_and_keeps_the_middle():
    matrix = letterbox((60, 120))
    x, y = matrix @ np.array([59.5, 29.5, 1.0])
    assert (x, y) == pytest.approx(((SIZE - 1) / 2, (SIZE - 1) / 2))
    assert fitted(np.ones((60, 120), np.float32), matrix).shape == (SIZE, SIZE)


class ByMiddle(nn.Module):
    """Short axis where the middle is bright at a look, four-chamber else."""

    def views(self, x):
        wide = x[:, 0, SIZE // 2, SIZE // 2 + 20] > 0.5
        return torch.where(wide[:, None], 20.0 * torch.eye(8)[0], 20.0 * torch.eye(8)[3])


def test_the_view_is_the_mean_of_a_look_at_the_whole_and_a_closer_one():
    picture = np.zeros((SIZE, SIZE), np.float32)
    rows, columns = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    picture[np.hypot(rows, columns) < 18.5] = 1.0  # reaches 20 px from the middle in the closer look alone
    model = LoadedModel(SimpleNamespace(name="drawn", operating={"temperature": 1.0}), ByMiddle(), "cpu")
    found = view_probabilities([picture, np.ones_like(picture) * rows], model)
    assert found.shape == (2, 8)
    assert found[0, [0, 3]] == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_peak_is_told_between_pixels_with_its_mass():
    share = np.zeros((40, 40), np.float32)
    share[10, 20] = share[10, 21] = 0.4
    share[35, 3] = 0.2
    x, y, confidence = peak(share)
    assert (x, y) == pytest.approx((20.5, 10.0))
    assert confidence == pytest.approx(0.8)


def test_points_come_back_on_the_pictures_own_pixels():
    picture = np.zeros((150, 200), np.float32)
    places = ((60, 75), (140, 45), (140, 105))
    for level, (x, y) in zip((1.0, 0.5, 0.5), places, strict=True):
        rows, columns = np.mgrid[:150, :200]
        picture[np.hypot(rows - y, columns - x) < 9] = level
    model = LoadedModel(SimpleNamespace(name="drawn", operating={}), Brightest(), "cpu")
    for point, place in zip(long_axis_points(picture, model), places, strict=True):
        assert np.hypot(point.x - place[0], point.y - place[1]) < 4


def test_the_network_gives_views_and_maps():
    views, heat = ViewNet().eval()(torch.zeros(2, 1, SIZE, SIZE))
    assert views.shape == (2, len(CLASSES))
    assert heat.shape == (2, 3, SIZE, SIZE)


@pytest.mark.parametrize(
    ("axes", "view"),
    [
        ([[1, 0, 0], [0, 1, 0]], "VIEW_AXIAL"),
        ([[1, 0, 0], [0, 0, -1]], "VIEW_CORONAL"),
        ([[0, 1, 0], [0, 0, -1]], "VIEW_SAGITTAL"),
    ],
)
def test_the_bodys_planes_say_which_scout_it_is(axes, view):
    axes = np.array(axes, float)
    assert angle_deg(axes, view) == pytest.approx(0.0, abs=1e-6)
    assert CLASSES[int(with_plane(ANY, axes).argmax())] == view


def test_without_a_plane_the_picture_alone_counts():
    assert with_plane(ANY, None) is ANY
