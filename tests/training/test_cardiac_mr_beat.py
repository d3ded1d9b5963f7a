"""What the beat's network learns from: hearts turned upright, each slice beside itself at either end of its beat."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine.mr.segmentation import UPRIGHT
from engine.mr.stack_network import StackNet
from tests.engine.mr.drawn_mr import ring
from training.cardiac_mr_augment import drawn_beat, upright
from training.cardiac_mr_beat import INPUTS, Course, beats_of, begun_from, first_course, train
from training.cardiac_mr_data import Slice

GREYS = np.array([0.1, 0.9, 0.3, 0.6], np.float32)


def stack(phase="ED", radius=12.0, slices=5, turned=0.0, patient="p", validates=False):
    found = []
    for number in range(slices):
        labels = ring(64, radius - number, 5.0)
        turn = cv2.getRotationMatrix2D((31.5, 31.5), turned, 1.0)
        labels = cv2.warpAffine(labels, turn, (64, 64), flags=cv2.INTER_NEAREST)
        found.append(Slice(patient, phase, number, GREYS[labels], labels, 1.5, (32.0, 32.0), False, validates))
    return found


def towards_right(masks):
    (y, x), (right_y, right_x) = (
        np.argwhere(part)[:, -2:].mean(0) for part in ((masks == 1) | (masks == 2), masks == 3)
    )
    return np.degrees(np.arctan2(y - right_y, right_x - x)) % 360


@pytest.mark.parametrize("turned", [0, 90, 200])
def test_hearts_are_shown_upright_however_they_were_scanned(turned):
    ed, es = stack(turned=turned), stack("ES", 9.0, turned=turned)
    _, masks, _ = drawn_beat(ed, es, False, np.random.default_rng(0), 0.0)
    assert towards_right(masks) == pytest.approx(UPRIGHT, abs=3)
    spread = [towards_right(drawn_beat(ed, es, False, np.random.default_rng(k), 1.0)[1]) - UPRIGHT for k in range(30)]
    assert 5 < np.std(spread) < 30
    assert abs(np.mean(spread)) < 8


def test_each_slice_lies_between_its_neighbours_and_beside_itself_at_the_ends_of_the_beat():
    ed, es = stack(), stack("ES", 8.0)
    for systole in (False, True):
        seen = [drawn_beat(ed, es, systole, np.random.default_rng(k), 0.0) for k in range(60)]
        for images, masks, lengths in seen:
            assert images.shape[1] == INPUTS
            assert sum(lengths) == len(images) == len(masks)
            own = images[:, 3 + systole]
            assert np.array_equal(own, images[:, 1]) or not own.any()
            if images[:, 3].any() and images[:, 4].any():
                assert (images[:, 3] > 0.8).sum() > (images[:, 4] > 0.8).sum()  # the cavity is larger when it is full
            if len(lengths) == 1:
                assert np.array_equal(images[1:, 0], images[:-1, 1])
        for channel in (3, 4):
            assert any(not images[:, channel].any() for images, _, _ in seen)
        assert {len(lengths) > 1 for _, _, lengths in seen} == {True, False}
        assert np.mean([(m == 1).sum() / len(m) for _, m, _ in seen]) == pytest.approx(
            np.mean([(s.mask == 1).sum() for s in (ed, es)[systole]]), rel=0.15
        )


def test_patients_with_both_ends_of_the_beat_are_learnt_from():
    slices = [
        *stack("ES", patient="b"),
        *stack(patient="b"),
        *stack(patient="v", validates=True),
        *stack("ES", patient="v", validates=True),
    ]
    ((ed, es),) = beats_of(slices, False)
    assert {s.phase for s in ed} == {"ED"}
    assert {s.phase for s in es} == {"ES"}
    assert [ed[0].patient for ed, _ in beats_of(slices, True)] == ["v"]


def test_it_begins_as_the_stage_draws_whatever_the_ends_of_the_beat_are():
    torch.manual_seed(0)
    stage = StackNet(3, 6).eval()
    network = begun_from(stage.state_dict()).eval()
    pictures, ends = torch.rand(4, 3, 32, 32), torch.rand(4, 2, 32, 32)
    with torch.no_grad():
        assert network(torch.cat([pictures, ends], 1)).numpy() == pytest.approx(stage(pictures).numpy(), abs=1e-4)


def test_a_training_can_be_taken_up_and_yields_the_mean_of_its_stages(tmp_path, monkeypatch):
    monkeypatch.setattr("training.cardiac_mr_beat.STEPS", 1)
    torch.manual_seed(0)
    (tmp_path / "cardiac-mr-stack").mkdir()
    torch.save(StackNet(3, 6).state_dict(), tmp_path / "cardiac-mr-stack" / "epoch-20.pt")
    lone = replace(stack(patient="s")[0], cavity_only=True, phase="")
    slices = [
        *stack(),
        *stack("ES"),
        lone,
        *stack(patient="v", validates=True),
        *stack("ES", patient="v", validates=True),
    ]
    runs = tmp_path / "beat"
    courses = (Course(1, 1e-3, 2), Course(2, 1e-3, 1))
    one, again = (train(slices, first_course(tmp_path), runs, 1, courses, (0, 1)).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    name = "slices.stem.0.weight"
    kept = [torch.load(runs / f"epoch-{epoch}.pt", weights_only=True)[name] for epoch in (0, 1)]
    assert not torch.equal(*kept)
    assert one[name] == pytest.approx((kept[0] + kept[1]) / 2)
    assert one[name][:, 3:].abs().max() > 0  # it has looked at the ends of the beat


def test_the_degrees_upright_are_of_both_phases_together():
    both = [*stack(turned=40), *stack("ES", 8.0, turned=40)]
    further = upright(both) - upright([*stack(), *stack("ES", 8.0)])
    assert further % 360 == pytest.approx(320, abs=2)
