import numpy as np
import pytest
import torch

from engine.echo.segmentation import FEW, PIECE, STEADY, agreed, in_turn, looked_again, steadied
from engine.models import LoadedModel
from engine.progress import silent
from engine.weights import Weight


class Says(torch.nn.Module):
    """Two classes; the second with this probability at every pixel."""

    def __init__(self, probability):
        super().__init__()
        self.logit = float(np.log(probability / (1 - probability)))

    def forward(self, x):
        return torch.cat([torch.zeros_like(x), torch.full_like(x, self.logit)], 1)


@pytest.fixture
def two_networks():
    entry = Weight("a", "a", "", "", "", "", "")
    return tuple(LoadedModel(entry, Says(probability), "cpu") for probability in (0.9, 0.5))


def test_where_two_networks_differ_their_mean_is_less_sure(two_networks):
    shares = agreed(np.zeros((3, 8, 8), np.uint8), two_networks, silent)
    assert shares.shape == (3, 2, 8, 8)
    assert shares.dtype == np.float16
    np.testing.assert_allclose(shares[:, 1], 0.7, atol=0.01)


def test_in_turn_and_steadied_every_frame_rests_on_both_networks_alike(two_networks):
    shares = in_turn(np.zeros((FEW + 1, 8, 8), np.uint8), two_networks, silent)
    np.testing.assert_allclose(shares[::2, 1], 0.9, atol=0.01)
    np.testing.assert_allclose(shares[1::2, 1], 0.5, atol=0.01)
    np.testing.assert_allclose(steadied(shares)[1:-1, 1], 0.7, atol=0.01)


@pytest.mark.parametrize("frames", [1, 2, FEW])
def test_each_of_few_frames_is_looked_at_by_both(two_networks, frames):
    np.testing.assert_allclose(in_turn(np.zeros((frames, 8, 8), np.uint8), two_networks, silent)[:, 1], 0.7, atol=0.01)


class Sees(torch.nn.Module):
    """Two classes; the second where the picture is bright."""

    def forward(self, x):
        return torch.cat([torch.zeros_like(x), 40 * (x - 0.5)], 1)


def test_several_looks_come_back_to_where_they_were_taken():
    square = np.zeros((1, 64, 64), np.uint8)
    square[0, 10:30, 34:50] = 255
    model = LoadedModel(Weight("a", "a", "", "", "", "", ""), Sees(), "cpu")
    shares = looked_again(square, [model], silent)
    assert shares.dtype == np.float16
    np.testing.assert_allclose(shares.sum(1), 1, atol=2e-3)
    assert ((shares[:, 1] > 0.5) != (square > 0)).sum() <= 12  # at most its corners are rounded
    assert shares[0, 0, 0, 0] > 0.99  # beyond the turned square lies background


def test_a_flicker_is_halved_and_shares_still_add_up():
    shares = np.zeros((5, 2, 4, 4), np.float16)
    shares[:, 0] = 1
    shares[2] = shares[2][::-1]  # one frame says the other class
    smooth = steadied(shares)
    assert smooth.dtype == np.float16
    np.testing.assert_allclose(smooth.sum(1), 1)
    np.testing.assert_allclose(smooth[:, 1, 0, 0], [0, 0.25, 0.5, 0.25, 0])


def test_a_long_recording_is_steadied_piece_by_piece_as_if_at_once():
    shares = np.random.default_rng(1).random((2 * PIECE + 3, 2, 4, 4)).astype(np.float16)
    edged = np.concatenate([shares[:1], shares, shares[-1:]]).astype(np.float32)
    expected = sum(weight * edged[k : k + len(shares)] for k, weight in enumerate(STEADY))
    np.testing.assert_allclose(steadied(shares), expected, atol=2e-3)


def test_two_frames_stay_as_they_are():
    shares = np.random.default_rng(0).random((2, 3, 4, 4)).astype(np.float16)
    assert steadied(shares) is shares
