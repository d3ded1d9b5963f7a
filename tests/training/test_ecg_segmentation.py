"""The page network's training data and loss."""

import numpy as np
import pytest
import torch

from engine.ecg.segmentation import LAYERS
from training.ecg_segmentation import (
    PER_PAGE,
    SEEN,
    SIZE,
    batches,
    load_signals,
    loss_of,
    mean_of,
    page_crops,
    qrs_on_borders,
)


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(0)
    time = np.arange(2500) / 250
    eight = np.outer(np.linspace(0.5, 1.5, 8), np.sin(2 * np.pi * time)).astype(np.float32)
    return page_crops(eight, rng)


def test_crops_of_a_page_hold_picture_and_masks(crops):
    assert len(crops) == PER_PAGE
    assert all(crop.shape == (SIZE, SIZE, 3 + len(LAYERS)) and crop.dtype == np.uint8 for crop in crops)
    assert max((crop[..., 3] > 128).mean() for crop in crops) > 0.002


def test_a_qrs_complex_falls_on_a_border_between_columns():
    signal = np.zeros((12, 5000))
    signal[:, 1000::700] = 1.0  # spikes, none within 80 ms of 2.5, 5 or 7.5 s
    for seed in range(20):
        turned = qrs_on_borders(signal, 2.5, np.random.default_rng(seed))
        spikes = np.flatnonzero(turned[0])
        assert np.abs(spikes[:, None] - np.array([1250, 2500, 3750, 5000])).min() <= 41
        assert len(spikes) == np.count_nonzero(signal[0])


def test_batches_repeat_with_their_seed(crops, tmp_path):
    np.save(tmp_path / "000.npy", np.stack(crops))
    first, again = (next(batches([tmp_path / "000.npy"], 2, np.random.default_rng(3))) for _ in range(2))
    assert first[0].shape == (2, 3, SEEN, SEEN)
    assert first[1].shape == (2, len(LAYERS), SEEN, SEEN)
    assert 0 <= float(first[0].min()) <= float(first[0].max()) <= 1
    torch.testing.assert_close(first[0], again[0])


def test_the_right_answer_costs_less_than_none_and_far_less_than_the_opposite():
    masks = torch.zeros(1, len(LAYERS), 32, 32)
    masks[:, :, 8:16, 8:16] = 1
    right = (masks * 2 - 1) * 8
    fine, coarse = right[:, :2], right[:, 2:, ::2, ::2]
    answers = [loss_of(fine * k, coarse * k, masks).item() for k in (1.0, 0.0, -1.0)]
    assert answers[0] < 0.1 * answers[1]
    assert answers[1] < 0.5 * answers[2]


def test_signals_are_read_as_running_sums_of_steps(tmp_path):
    (tmp_path / "index12.csv").write_text("row,shard,shard_row,split\n0,0,1,train\n1,0,0,valid\n")
    delta = np.zeros((2, 8, 2500), np.int16)
    delta[1, 0, 10] = 200
    np.savez(tmp_path / "signals_00.npz", delta=delta)
    signals = load_signals(tmp_path, "train")
    assert signals.shape == (1, 8, 2500)
    assert signals[0, 0, 9] == 0
    assert signals[0, 0, 10] == pytest.approx(1.0)


def test_the_mean_of_two_states_lies_between_them_and_keeps_counters():
    one, other = ({"w": torch.full((2,), w), "n": torch.tensor(n)} for w, n in ((1.0, 7), (3.0, 5)))
    mean = mean_of(one, other)
    assert mean["w"].tolist() == [2.0, 2.0]
    assert int(mean["n"]) == 7
