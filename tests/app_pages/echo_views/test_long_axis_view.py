"""Contested places of a drawn frame: which two structures compete, in stripes and in words."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from app_pages.echo_views.long_axis_view import competition_picture, contested_pairs, legend
from engine.echo_plax.drawing import STRUCTURES
from explain.explanation import Explanation

SHAPE = (60, 80)


@pytest.fixture
def made():
    likeliest, second = np.zeros((1, *SHAPE), np.uint8), np.ones((1, *SHAPE), np.uint8)
    margin = np.ones((1, *SHAPE), np.float16)
    likeliest[0, :, :40] = 1
    second[0, :, :40] = 2
    margin[0, 20:40, 10:30] = 0.1  # 400 of the 2400 drawn pixels: ventricle or septum
    return Explanation({"likeliest": likeliest, "second": second, "margin": margin}, {}, (), {"frames": [0]})


def evidence():
    jpeg = cv2.imencode(".jpg", np.full((*SHAPE, 3), 90, np.uint8))[1].tobytes()
    return SimpleNamespace(plain=(jpeg,), drawn=(jpeg,))


def test_contested_places_have_stripes_of_both_colours_and_nothing_else_changes(made):
    picture = competition_picture(evidence(), made, 0)
    colours = {s.number: s.colour for s in STRUCTURES}
    inside = picture[20:40, 10:30].reshape(-1, 3)
    assert {tuple(map(int, c)) for c in np.unique(inside, axis=0)} == {colours[1], colours[2]}
    outside = np.ones(SHAPE, bool)
    outside[20:40, 10:30] = False
    assert np.abs(picture[outside].astype(int) - 90).max() <= 2


def test_the_pair_and_its_share_are_said(made):
    assert contested_pairs(made, 0) == ["septum or left ventricle: 17 % of what is drawn"]


def test_where_nothing_is_contested_no_pair_is_named(made):
    made.arrays["margin"][:] = 1
    assert contested_pairs(made, 0) == []


def test_the_legend_names_every_structure_and_its_label():
    for structure in STRUCTURES:
        assert structure.name in legend()
        assert f"<strong>{structure.label}</strong>" in legend()
