"""The apical segmentation's training: frames of both layouts, and a loss that asks only for what is drawn."""

import numpy as np
import pytest
import torch

from tests.training.test_echo_dynamic import write_layout
from training import echo_segmentation as es


def logits_of(classes, sure=12.0):
    """(B, 4, H, W) logits that are sure of these classes (B, H, W)."""
    return sure * torch.nn.functional.one_hot(torch.as_tensor(classes), 4).permute(0, 3, 1, 2).float()


@pytest.fixture
def drawn():
    """One frame with all four classes in quarters."""
    mask = np.zeros((1, 16, 16), np.int64)
    mask[0, :8, 8:], mask[0, 8:, :8], mask[0, 8:, 8:] = 1, 2, 3
    return mask


def test_a_sure_and_right_drawing_costs_nothing_and_a_wrong_one_much(drawn):
    whole = torch.tensor([True])
    truth = torch.from_numpy(drawn)
    assert float(es.loss_of(logits_of(drawn), truth, whole)) < 0.01
    assert float(es.loss_of(logits_of((drawn + 1) % 4), truth, whole)) > 5


def test_where_the_cavity_alone_is_traced_the_other_structures_are_free(drawn):
    traced = torch.from_numpy((drawn == 1).astype(np.int64))
    assert float(es.loss_of(logits_of(drawn), traced, torch.tensor([False]))) < 0.01
    assert float(es.loss_of(logits_of(drawn), traced, torch.tensor([True]))) > 1
    assert float(es.loss_of(logits_of(0 * drawn), traced, torch.tensor([False]))) > 1


def test_both_kinds_count_by_their_share(drawn):
    truth = torch.from_numpy(np.concatenate([drawn, (drawn == 1).astype(np.int64)]))
    both = es.loss_of(logits_of(np.concatenate([drawn, 0 * drawn])), truth, torch.tensor([True, False]))
    alone = es.loss_of(logits_of(0 * drawn), truth[1:], torch.tensor([False]))
    assert float(both) == pytest.approx(float(alone) / 2, abs=0.01)


def test_echonet_dynamic_frames_train_and_validate_by_their_split(tmp_path):
    write_layout(tmp_path, splits=("TRAIN", "VAL", "TEST"))
    found = es.read_dynamic(tmp_path)
    assert found.images.shape == found.masks.shape == (4, 128, 128)
    assert found.validates.tolist() == [False, False, True, True]
    assert not found.whole.any()
    assert found.masks[0].sum() == pytest.approx(np.pi * 20 * 30 * (128 / 112) ** 2, rel=0.07)


def test_frames_of_two_sets_lie_one_after_the_other(tmp_path):
    write_layout(tmp_path)
    found = es.read_dynamic(tmp_path)
    both = found.and_also(found)
    assert len(both.images) == len(both.whole) == 2 * len(found.images)
    assert (both.masks[: len(found.masks)] == found.masks).all()


def test_the_pace_starts_each_round_high_and_ends_it_low():
    course = (es.Round(4, 2e-3, 1.0, 0.0, 0.0), es.Round(2, 1e-3, 0.5, 0.0, 0.0))
    assert es.pace(course, 0) == (course[0], 2e-3)
    assert es.pace(course, 2) == (course[0], pytest.approx(1e-3))
    assert es.pace(course, 4) == (course[1], 1e-3)
    assert es.pace(course, 6 - 1e-6)[1] < 1e-6
    assert es.pace(course, 6) == (course[1], 0.0)


@pytest.mark.parametrize("name", es.COURSES)
def test_every_course_ends_on_frames_whose_borders_are_exact(name):
    assert es.COURSES[name][-1].frames == es.FINE
