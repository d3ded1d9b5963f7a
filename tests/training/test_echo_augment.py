"""What training does to a frame: brightness by structure, a hard reject, fluid around the heart."""

import numpy as np
import pytest

from training import echo_augment


@pytest.fixture
def heart():
    """A grey sector with a drawn cavity, its wall, and an atrium below."""
    mask = np.zeros((128, 128), np.uint8)
    mask[36:74, 62:92] = echo_augment.MYOCARDIUM
    mask[40:74, 66:88] = echo_augment.CAVITY
    mask[76:94, 66:88] = echo_augment.ATRIUM
    image = np.zeros((128, 128), np.float32)
    image[8:120, 8:120] = 0.5
    return image, mask


def test_walls_and_blood_change_each_for_itself_and_the_rest_stays(heart):
    image, mask = heart
    seen = [echo_augment.recoloured(image, mask, np.random.default_rng(k)) for k in range(8)]
    inside = [float(x[50:64, 72:82].mean()) for x in seen]
    wall = [float(x[50:64, 63:65].mean()) for x in seen]
    assert np.std(inside) > 0.05
    assert np.corrcoef(inside, wall)[0, 1] < 0.95
    assert all(x[20, 20] == pytest.approx(0.5) for x in seen)


def test_what_is_below_the_floor_is_black_and_white_stays_white():
    found = echo_augment.above_floor(np.array([0.0, 0.1, 0.2, 0.6, 1.0]), 0.2)
    assert found == pytest.approx([0, 0, 0, 0.5, 1])


def test_fluid_lies_around_the_heart_and_neither_in_it_nor_outside_the_sector(heart):
    image, mask = heart
    for seed in range(6):
        found = echo_augment.with_effusion(image, mask, np.random.default_rng(seed))
        assert (found[mask > 0] == image[mask > 0]).all()
        assert (found[:2] == 0).all()
        assert (np.abs(found - image) > 0.1).sum() > 100


def test_a_picture_without_a_heart_gets_no_fluid(heart):
    image, mask = heart
    assert (echo_augment.with_effusion(image, 0 * mask, np.random.default_rng(0)) == image).all()


def test_without_strength_only_what_was_asked_for_changes(heart):
    image, mask = heart
    found, moved = echo_augment.augment((255 * image).astype(np.uint8), mask, np.random.default_rng(0), strength=0)
    assert found == pytest.approx(image, abs=0.01)
    assert (moved == mask).all()


def test_a_finer_frame_falls_on_the_same_place():
    fine = np.zeros((256, 256), np.uint8)
    fine[80:160, 120:180] = 200  # two fine pixels to each of the outcome's
    image, mask = echo_augment.augment(fine, fine // 200, np.random.default_rng(0), strength=0, side=128)
    assert image.shape == mask.shape == (128, 128)
    assert mask[40:80, 60:90].all()
    assert mask.sum() == 40 * 30
    assert image[41:79, 61:89] == pytest.approx(200 / 255, abs=0.01)


def test_the_mask_follows_the_heart(heart):
    mask = heart[1]
    bright = (255 * (mask == echo_augment.CAVITY)).astype(np.uint8)
    found, moved = echo_augment.augment(bright, mask, np.random.default_rng(3), strength=0, far=1)
    inside = moved == echo_augment.CAVITY
    assert found[inside].mean() > 0.6 > 0.2 > found[moved == 0].mean()
