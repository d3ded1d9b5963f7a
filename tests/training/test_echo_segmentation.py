"""The apical segmentation's training: frames of both layouts, and a loss that asks only for what is drawn."""

import cv2
import numpy as np
import pytest
import torch

from engine.unet import UNet
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


def test_the_shipped_network_names_a_structure_from_below_an_even_chance_on():
    network = UNet(1, 4).eval()
    before = network(torch.zeros(1, 1, 16, 16)).softmax(1)
    after = es.readier(network)(torch.zeros(1, 1, 16, 16)).softmax(1)
    odds = (after[:, 1:] / after[:, :1]) / (before[:, 1:] / before[:, :1])
    np.testing.assert_allclose(odds.detach().numpy(), es.STRUCTURE_ODDS, rtol=1e-4)


def test_the_bands_are_those_of_the_definition():
    assert [es.band_of(ef) for ef in (20, 40, 40.1, 49.9, 50, 70)] == [0, 0, 1, 1, 2, 2]


def test_every_band_is_drawn_alike_and_within_a_band_every_frame():
    bands = np.array([2] * 20 + [0] * 4 + [1] * 8)
    drawn = es.balanced(bands, 30, np.random.default_rng(0))
    assert np.bincount(bands[drawn]).tolist() == [10, 10, 10]
    often = np.bincount(drawn, minlength=len(bands))
    assert set(often[:20]) == {0, 1}
    assert set(often[20:24]) == {2, 3}
    assert set(often[24:]) == {1, 2}
    assert drawn.tolist() != sorted(drawn)


def test_bands_that_nobody_has_are_left_out():
    drawn = es.balanced(np.array([2, 2, 0, 0]), 7, np.random.default_rng(0))
    assert sorted(np.bincount(np.array([2, 2, 0, 0])[drawn]).tolist()) == [0, 3, 4]


def test_camus_frames_carry_their_patients_band(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    lines = ["file,patient,phase,split,mm_per_pixel"]
    for patient, systole, split in (("a", 20, "train"), ("b", 27, "train"), ("c", 29, "valid")):
        for phase, radius in (("ED", 30), ("ES", systole)):
            mask = cv2.ellipse(np.zeros((128, 128), np.uint8), (64, 60), (radius, 40), 0, 0, 360, 1, -1)
            cv2.imwrite(str(tmp_path / f"masks/{patient}_{phase}.png"), mask)
            cv2.imwrite(str(tmp_path / f"images/{patient}_{phase}.jpg"), 100 * mask)
            lines.append(f"{patient}_{phase}.png,{patient},{phase},{split},0.5")
    (tmp_path / "index.csv").write_text("\n".join(lines))
    found = es.read_camus(tmp_path)
    assert found.bands.tolist() == [2, 2, 0, 0, 0, 0]  # 56, 19 and 7 %
    assert found.validates.tolist() == [False] * 4 + [True] * 2


def test_a_round_begins_at_the_mean_of_those_it_names(tmp_path, monkeypatch):
    monkeypatch.setattr(es, "UNet", lambda inputs, outputs: UNet(inputs, outputs, widths=(4, 8)))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (16, es.SIZE, es.SIZE)).astype(np.uint8)
    frames = es.Frames(
        images, (images > 128).astype(np.uint8), np.zeros(16, bool), np.ones(16, bool), np.zeros(16, int)
    )
    kinds = {es.FINE: es.Pictures(frames, images[:2])}
    first = (es.Round(1, 1e-3, 0.0, 0.0, 0.0, counts=1), es.Round(1, 1e-3, 0.0, 0.0, 0.0, counts=1))
    es.train(first, kinds, frames.of(np.arange(2)), tmp_path, 1)
    halfway = es._mean({tmp_path / "round0.pt": 1, tmp_path / "round1.pt": 1})
    still = (*first, es.Round(1, 0.0, 0.0, 0.0, 0.0, counts=1, begins=(0, 1), balanced=True))
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)
    es.train(still, kinds, frames.of(np.arange(2)), tmp_path, 1)
    after = torch.load(tmp_path / "round2.pt", weights_only=True)
    np.testing.assert_allclose(after["module.head.weight"], halfway["module.head.weight"], atol=1e-6)


def test_rounds_count_by_their_shares(tmp_path):
    for name, value in (("a", 0.0), ("b", 4.0)):
        torch.save({"w": torch.full((2,), value), "n": torch.tensor(int(value))}, tmp_path / name)
    mean = es._mean({tmp_path / "a": 1, tmp_path / "b": 3})
    assert mean["w"].tolist() == [3.0, 3.0]
    assert mean["n"].item() == 3
