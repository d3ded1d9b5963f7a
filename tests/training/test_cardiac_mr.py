"""What the cardiac MR networks learn from: drawn hearts, augmentation that keeps image and mask together, landmarks."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine.unet import UNet
from training.cardiac_mr_augment import drawn
from training.cardiac_mr_data import Slice, read_acdc
from training.cardiac_mr_long_axis import points_of_contour
from training.cardiac_mr_segmentation import learn_cohort, loss_of
from training.cardiac_mr_simulator import Heart, nifti, simulate
from training.cardiac_mr_views import augmented, wanted_heat
from training.cardiac_mr_views_data import Seen


def slice_of(labels, cavity_only=False):
    image = (labels > 0).astype(np.float32) + 0.2 * labels
    return Slice("p", "ED", 0, image, labels, 1.5, (40.0, 30.0), cavity_only, False)


def square(side=80):
    labels = np.zeros((60, side), np.uint8)
    labels[20:40, 30:50] = 1
    return labels


def test_without_augmentation_the_heart_comes_to_the_middle():
    image, mask = drawn(slice_of(square()), np.random.default_rng(0), 0.0)
    rows, columns = np.nonzero(mask)
    assert (rows.mean(), columns.mean()) == pytest.approx((63.5, 63.5), abs=1.5)
    assert image.shape == (3, 128, 128)
    assert mask.shape == (128, 128)


def test_image_and_mask_are_changed_alike():
    rng = np.random.default_rng(1)
    for _ in range(12):
        image, mask = drawn(slice_of(square()), rng, 1.0)
        if mask.sum() > 150:
            assert image[1][mask == 1].mean() > image[1][mask == 0].mean()


def test_neighbours_are_black_where_there_are_none_and_lie_where_the_slice_lies():
    lone = slice_of(square())
    amid = replace(lone, before=lone.image, after=lone.image)
    for k in range(12):
        assert not drawn(lone, np.random.default_rng(k))[0][[0, 2]].any()
        assert not drawn(amid, np.random.default_rng(k), neighbours=False)[0][[0, 2]].any()
    seen = [drawn(amid, np.random.default_rng(k), 0.0)[0] for k in range(30)]
    both = [images for images in seen if images[0].any() and images[2].any()]
    assert 10 < len(both) < 30
    assert all(np.array_equal(images[0], images[1]) and np.array_equal(images[2], images[1]) for images in both)


def test_slices_of_a_phase_are_each_others_neighbours(tmp_path):
    _acdc(tmp_path, [("ED", 0), ("ED", 1), ("ES", 0), ("ES", 1)])
    first, second, *_ = read_acdc(tmp_path)
    assert first.before is None
    assert first.after is second.image
    assert second.before is first.image
    assert second.after is None


def test_a_mask_of_the_cavity_alone_does_not_say_that_the_rest_is_background():
    outputs = torch.full((1, 6, 24, 24), -6.0)
    mask = torch.zeros(1, 24, 24, dtype=torch.int64)
    mask[:, :12] = 1
    outputs[:, 1, :12] = outputs[:, 4, :12] = 6.0
    outputs[:, 3, 12:] = 6.0  # says RV where only "no LV cavity" is known
    outputs[:, 5] = 6.0  # and that it looks like such a picture
    partly = loss_of(outputs, mask, torch.tensor([True]))
    outputs[:, 5] = -6.0
    fully = loss_of(outputs, mask, torch.tensor([False]))
    assert float(fully) > float(partly) + 1
    assert float(partly) < 0.05


def test_beside_the_other_cohorts_outline_the_classes_are_free_and_far_from_it_they_are_not():
    mask = torch.zeros(1, 48, 48, dtype=torch.int64)
    mask[:, 14:34, 14:34] = 1
    outputs = torch.full((1, 6, 48, 48), -8.0)
    outputs[:, 4] = torch.where(mask == 1, 8.0, -8.0)
    outputs[:, 5] = 8.0
    outputs[:, 0] = 8.0

    def loss(cavity):
        drawn = outputs.clone()
        drawn[:, 1, *cavity] = 16.0
        return float(loss_of(drawn, mask, torch.tensor([True])))

    own, narrow, none = loss((slice(14, 34),) * 2), loss((slice(17, 31),) * 2), loss((slice(0, 0),) * 2)
    assert narrow == pytest.approx(own, abs=0.01)
    assert none > own + 0.3


@torch.no_grad()
def test_the_cohorts_are_told_apart_by_the_last_output():
    torch.manual_seed(0)
    network = UNet(3, 6, (12, 12))
    rng = np.random.default_rng(2)
    plain = slice_of(square())
    striped = replace(plain, image=plain.image + (np.arange(80) % 8 < 4).astype(np.float32))
    learn_cohort(network, [plain], [striped])
    seen = [torch.from_numpy(np.stack([drawn(s, rng, 0.5)[0] for _ in range(20)])) for s in (plain, striped)]
    odds = [network(x)[:, 5].mean((1, 2)) for x in seen]
    assert float((odds[0] < 0).float().mean()) > 0.7
    assert float((odds[1] > 0).float().mean()) > 0.7
    assert not network.head._forward_pre_hooks


def _acdc(folder, slices):
    """One drawn patient in the folder layout of ACDC's pictures."""
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    (folder / "patients.csv").write_text("patient,group,mm_per_pixel\np1,NOR,1.5\n")
    names = [f"p1_{phase}_{k:02d}.png,p1,{phase},{k}" for phase, k in slices]
    (folder / "slices.csv").write_text("\n".join(["file,patient,phase,slice", *names]) + "\n")
    for phase, k in slices:
        image = np.tile(np.arange(4, dtype=np.uint8) * 60, (4, 1))
        cv2.imwrite(str(folder / "images" / f"p1_{phase}_{k:02d}.jpg"), image)
        cv2.imwrite(str(folder / "masks" / f"p1_{phase}_{k:02d}.png"), np.tile(np.arange(4, dtype=np.uint8), (4, 1)))


def test_acdc_classes_become_the_contracts(tmp_path):
    _acdc(tmp_path, [("ED", 0)])
    (found,) = read_acdc(tmp_path)
    assert found.mask[0].tolist() == [0, 3, 2, 1]
    assert found.mm_per_px == 1.5


def test_corners_of_a_ventricle_are_its_mitral_points_and_its_tip_the_apex():
    mask = np.zeros((200, 200), np.uint8)
    outline = np.array([(60, 40), (85, 60), (120, 110), (140, 130), (110, 150), (80, 120), (58, 80), (50, 50)])
    cv2.fillPoly(mask, [outline], 1)
    apex, septal, lateral = points_of_contour(mask)
    assert np.hypot(*(septal - (110, 150))) < 8
    assert np.hypot(*(lateral - (140, 130))) < 8
    assert apex[1] < 60
    assert points_of_contour(np.zeros((50, 50), np.uint8)) is None


def test_points_move_with_the_picture():
    image = np.zeros((90, 120), np.float32)
    places = np.array([[30.0, 20.0], [80.0, 40.0], [75.0, 70.0]])
    for x, y in places:
        cv2.circle(image, (int(x), int(y)), 4, 1.0, -1)
    rng = np.random.default_rng(3)
    for _ in range(8):
        picture, points = augmented(Seen("s", "p", image, "VIEW_4CH", places, False), rng)
        for x, y in points[np.isfinite(points).all(1)]:
            if 4 < x < 91 and 4 < y < 91:
                near = picture[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4]
                assert near.max() > 0.5 * picture.max()


def test_an_unknown_point_wants_no_heat():
    heat = wanted_heat(np.array([[10.0, 20.0], [np.nan, np.nan], [5.0, 5.0]]))
    assert heat.sum((1, 2)) == pytest.approx([1.0, 0.0, 1.0])
    assert np.unravel_index(heat[0].argmax(), heat[0].shape) == (20, 10)


def test_the_simulated_heart_beats_and_comes_back_the_same():
    heart = Heart(slices=5, phases=4, side=64, mm_per_px=3.2)
    images, labels = simulate(heart)
    volume = (labels == 1).sum((1, 2, 3))
    assert volume.argmax() == 0
    assert volume.argmin() == 2
    assert nifti(images, heart) == nifti(simulate(heart)[0], heart)
