"""Outlines and labels are the same shapes, said in two ways."""

import numpy as np
import pytest

from engine.mr.outlines import closed, labels_of, outlines
from tests.engine.mr.drawn_mr import ring


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_labels_come_back_from_their_outlines():
    labels = ring(80, 14.0, 7.0)
    back = labels_of(outlines(labels), labels.shape)
    for k in (1, 2, 3):
        assert dice(labels == k, back == k) > 0.96
        assert (back == k).sum() == pytest.approx((labels == k).sum(), rel=0.03)


def test_what_a_slice_lacks_has_no_outline():
    assert outlines(np.zeros((40, 40), np.uint8)) == {}
    assert set(outlines(ring(40, 6.0, right=False))) == {"cavity", "epicardium"}
    assert not labels_of({}, (40, 40)).any()


def test_a_curve_of_points_on_a_circle_is_that_circle():
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    curve = closed(np.stack([30.3 + 12 * np.cos(angle), 25.4 + 12 * np.sin(angle)], 1))
    assert np.hypot(curve[:, 0] - 30.3, curve[:, 1] - 25.4) == pytest.approx(12, abs=0.05)
    inside = labels_of({"cavity": np.stack([30.3 + 12 * np.cos(angle), 25.4 + 12 * np.sin(angle)], 1)}, (60, 60)) == 1
    assert inside.sum() == pytest.approx(np.pi * 144, rel=0.02)
    assert np.argwhere(inside).mean(0) == pytest.approx([25.4, 30.3], abs=0.1)


def test_the_cavity_lies_over_the_wall_and_the_left_over_the_right():
    square = np.array([[10, 10], [10, 30], [30, 30], [30, 10]], float)
    found = labels_of({"right": square, "epicardium": square, "cavity": square * 0.5 + 10}, (40, 40))
    assert set(np.unique(found)) == {0, 1, 2}
