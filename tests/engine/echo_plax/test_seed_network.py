"""The user's own U-Net: what goes in, what comes out, and files that are another network's."""

import numpy as np
import pytest
import torch

from engine.echo_plax.seed_network import SIDE, Squashed, load, squares_of
from engine.errors import WeightError
from engine.progress import silent
from tests.engine.keras_file import answer, h5, layers, weights

WIDTHS = (3, 4)


def test_it_sees_raw_grey_levels_and_answers_as_float64_does():
    described = layers(WIDTHS)
    arrays = weights(described)
    arrays["down0_1"][0] /= 255  # as a network has it that was taught on 0..255
    picture = np.random.default_rng(0).integers(0, 256, (32, 40), dtype=np.uint8)
    with torch.inference_mode():
        logits = load(h5(described, arrays))(torch.from_numpy(picture[None, None].astype(np.float32) / 255))
    said = logits.softmax(1)[0].permute(1, 2, 0).numpy()
    assert np.abs(said - answer(described, arrays, picture)).max() < 1e-5


def test_frames_are_squashed_and_drawings_come_back():
    frame = np.zeros((100, 300, 3), np.uint8)
    frame[:, 150:] = 200
    squares = squares_of(iter([frame, frame]), Squashed(), silent)
    assert squares.shape == (2, SIDE, SIDE)
    assert squares[0, 10, 100] == 0
    assert squares[0, 10, 300] == 200
    right = (squares[0] > 100).astype(np.float32)
    labels = Squashed().enlarge(np.stack([1 - right, right]), (100, 300))
    np.testing.assert_array_equal(labels[:, 152:], 1)
    np.testing.assert_array_equal(labels[:, :148], 0)


@pytest.mark.parametrize(
    ("made", "message"),
    [(layers(WIDTHS, classes=2), "7 classes"), (layers(WIDTHS, side=128), "384 x 384")],
)
def test_another_network_is_turned_away(made, message):
    with pytest.raises(WeightError, match=message):
        load(h5(made, weights(made)))
