"""A recording drawn piece by piece, by a network of one layer whose answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.echo.letterbox import Letterbox
from engine.echo_plax import pencil
from engine.echo_plax.pencil import Pencil
from engine.models import LoadedModel
from engine.progress import silent
from engine.weights import Weight

SIDE = 24


class Levels(nn.Module):
    """Class k where the grey level is near k * 40."""

    def forward(self, x):
        wanted = torch.arange(7).view(1, 7, 1, 1) * 40 / 255
        return -400 * (x - wanted).square()


@pytest.fixture
def drawn_by_levels():
    weight = Weight("levels", "", "", "", "", "", "")
    return Pencil(LoadedModel(weight, Levels(), "cpu"), Letterbox(0, SIDE, 0, SIDE, SIDE), 0.5)


def squares(count):
    rng = np.random.default_rng(0)
    return rng.integers(0, 250, (count, SIDE, SIDE), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 13, 23])
def test_pieces_give_what_all_frames_together_give(drawn_by_levels, monkeypatch, count):
    monkeypatch.setattr(pencil, "PIECE", 4)
    frames = squares(count)
    pieced = np.stack(list(drawn_by_levels.draw_all(frames, silent)))
    np.testing.assert_allclose(pieced, drawn_by_levels.draw(frames), atol=1e-3)


@pytest.mark.parametrize("chosen", [[0], [11], [0, 3, 11, 22], [22, 3]])
def test_some_frames_are_drawn_as_among_all(drawn_by_levels, chosen):
    frames = squares(23)
    np.testing.assert_array_equal(drawn_by_levels.draw_some(frames, chosen), drawn_by_levels.draw(frames)[chosen])


def test_the_network_sees_each_frame_once(drawn_by_levels, monkeypatch):
    monkeypatch.setattr(pencil, "PIECE", 4)
    seen = []

    def counted(frames, model, progress):
        seen.append(len(frames))
        return np.zeros((len(frames), 7, SIDE, SIDE), np.float16)

    monkeypatch.setattr(pencil, "segment", counted)
    assert len(list(drawn_by_levels.draw_all(squares(30), silent))) == 30
    assert sum(seen) == 30
    seen.clear()
    assert len(drawn_by_levels.draw_some(squares(60), [12, 15, 50])) == 3
    assert sum(seen) == (15 + 9 + 1 - 3) + 19


def test_a_structure_below_the_level_is_absent(drawn_by_levels):
    shares = np.full((7, SIDE, SIDE), 0.02, np.float16)
    shares[0] = 0.6
    shares[:, :12] = 0.1
    shares[1, :12] = 0.45  # a ventricle, not surely
    shares[:, 12:, :12] = 0.05
    shares[2, 12:, :12] = 0.7  # a septum, surely
    sure = drawn_by_levels.confidence(shares)
    assert sure[0] == 0
    assert sure[1] == pytest.approx(0.7, abs=1e-3)
    mask = drawn_by_levels.mask(shares, sure, (SIDE, SIDE))
    assert set(np.unique(mask)) == {0, 2}


def test_a_mask_lies_on_the_frame_s_own_pixels(drawn_by_levels):
    shares = np.zeros((7, SIDE, SIDE), np.float16)
    shares[0] = 1
    shares[:, 6:18, 6:18] = 0
    shares[1, 6:18, 6:18] = 1
    larger = Pencil(drawn_by_levels.model, Letterbox(10, 106, 20, 116, SIDE), 0.5)
    mask = larger.mask(shares, larger.confidence(shares), (120, 140))
    rows, columns = np.nonzero(mask)
    assert mask.shape == (120, 140)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((34, 81, 44, 91), abs=1)
