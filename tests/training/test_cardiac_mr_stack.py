"""What the stack network learns from: whole stacks changed alike, and a loss that is the measure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.unet import UNet
from tests.engine.mr.drawn_mr import ring
from training.cardiac_mr_augment import drawn_stack
from training.cardiac_mr_data import Slice
from training.cardiac_mr_stack import OVERLAP_WEIGHT, begun_from, mean, people_of, rate, stack_loss, stages, train

GREYS = np.array([0.1, 0.9, 0.3, 0.6], np.float32)


def stack(slices=6, patient="p", phase="ED", validates=False):
    found = []
    for number in range(slices):
        labels = ring(64, 12.0 - number, 5.0)
        found.append(Slice(patient, phase, number, GREYS[labels], labels, 1.5, (32.0, 32.0), False, validates))
    return found


def logits(mask):
    return 20.0 * torch.nn.functional.one_hot(torch.from_numpy(mask).long(), 6).permute(0, 3, 1, 2).float()


def test_a_stack_is_shown_whole_around_its_heart_and_each_slice_between_its_neighbours():
    seen = [drawn_stack(stack(), np.random.default_rng(k), 0.0) for k in range(40)]
    whole = [(images, masks) for images, masks, lengths in seen if lengths == (6,)]
    assert len(whole) > 20
    for images, masks in whole:
        assert np.array_equal(images[1:, 0], images[:-1, 1])
        assert np.array_equal(images[:-1, 2], images[1:, 1])
        assert not images[0, 0].any()
        assert not images[-1, 2].any()
        areas = (masks == 1).sum((1, 2)).astype(int)
        assert (np.diff(areas) <= 0).all() or (np.diff(areas) >= 0).all()  # from either end
    ends = {bool((masks[0] == 1).sum() > (masks[-1] == 1).sum()) for _, masks in whole}
    assert ends == {True, False}
    lone = [images for images, _, lengths in seen if set(lengths) == {1}]
    assert lone
    assert not any(images[:, [0, 2]].any() for images in lone)


def test_pictures_and_masks_of_a_stack_are_changed_alike():
    rng = np.random.default_rng(3)
    for _ in range(12):
        images, masks, _ = drawn_stack(stack(), rng, 1.0)
        if (masks == 1).sum() > 500:
            assert images[:, 1][masks == 1].mean() > images[:, 1][masks == 2].mean()


def test_the_loss_is_none_for_the_truth_and_an_rv_that_is_missing_costs_more_than_a_wall():
    mask = np.stack([one.mask for one in stack()])
    true = torch.from_numpy(mask.astype(np.int64))
    assert float(stack_loss(logits(mask), true, [6])) < 0.01
    blind = {k: stack_loss(logits(np.where(mask == k, 0, mask)), true, [6]) for k in (2, 3)}
    entropy = {k: -np.log(1e-6) * (mask == k).mean() for k in blind}
    overlap = {k: float(blind[k]) - entropy[k] for k in blind}
    share = OVERLAP_WEIGHT[2] / sum(OVERLAP_WEIGHT)
    assert overlap[3] == pytest.approx(share, abs=0.02)
    assert overlap[3] > 1.3 * overlap[2]


def test_a_small_stack_counts_as_much_as_a_large_one():
    one, other = (np.stack([s.mask for s in stack(n)]) for n in (2, 6))
    both = np.concatenate([one, other])
    true = torch.from_numpy(both.astype(np.int64))
    without = [both.copy(), both.copy()]
    without[0][:2][one == 3] = 0
    without[1][2:][other == 3] = 0
    lost = [float(stack_loss(logits(w), true, [2, 6])) + np.log(1e-6) * (w != both).mean() for w in without]
    assert lost[0] == pytest.approx(lost[1], abs=0.02)


def test_stacks_are_those_of_a_patient_and_phase_in_their_order():
    slices = [*stack(3, "b")[::-1], *stack(2, "a", "ES"), *stack(4, "c", validates=True)]
    found = people_of(slices, False)
    assert [(s[0].patient, s[0].phase, [one.number for one in s]) for s in found] == [
        ("a", "ES", [0, 1]),
        ("b", "ED", [0, 1, 2]),
    ]
    assert [s[0].patient for s in people_of(slices, True)] == ["c"]


def test_the_rate_rises_then_falls():
    assert rate(0.0, 10) == 0.01
    assert rate(0.1, 10) > 0.9
    assert rate(1.0, 10) == 0.01


def test_a_training_ends_with_a_network_that_began_as_the_first_and_can_be_taken_up(tmp_path, monkeypatch):
    monkeypatch.setattr("training.cardiac_mr_stack.STEPS", 1)
    torch.manual_seed(0)
    first = UNet(3, 6)
    lone = replace(stack(1, "s")[0], cavity_only=True, phase="")
    slices = [
        *stack(2),
        *stack(2, "q", "ES"),
        lone,
        *stack(2, "v", validates=True),
        *stack(2, "v", "ES", validates=True),
    ]
    begun = begun_from(first).slices.state_dict()
    assert all(torch.equal(begun[name], value) for name, value in first.state_dict().items())
    one = train(slices, first, tmp_path, 1, courses=(1, 2)).state_dict()
    again = train(slices, first, tmp_path, 1, courses=(1, 2)).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["slices.stem.0.weight"], begun["stem.0.weight"])
    kept = [torch.load(tmp_path / f"epoch-{epoch}.pt", weights_only=True) for epoch in (0, 1)]
    name = "through.0.give.weight"
    assert not torch.equal(kept[0][name], kept[1][name])
    assert one[name] == pytest.approx((kept[0][name] + kept[1][name]) / 2)


def test_the_weights_are_the_mean_of_each_courses_end_and_the_end_of_full_strength():
    assert stages((21, 60)) == (20, 35, 59)
    assert stages((1, 2)) == (0, 1)
    found = mean(
        [{"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}, {"w": torch.tensor([2.0, 4.0]), "n": torch.tensor(5)}]
    )
    assert found["w"].tolist() == [1.5, 3.0]
    assert int(found["n"]) == 5
