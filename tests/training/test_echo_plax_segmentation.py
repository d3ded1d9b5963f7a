import numpy as np
import torch

from engine.echo_plax.anatomy import AORTA, SEPTUM, VENTRICLE
from training.echo_plax_augment import augment, grey
from training.echo_plax_segmentation import CLASSES, loss_of
from training.echo_plax_turned import EITHER_WALL, UNKNOWN, turned


def logits_for(number: int, side: int = 16) -> torch.Tensor:
    logits = torch.zeros(1, CLASSES, side, side)
    logits[:, number] = 20
    return logits


def test_an_open_pixel_is_right_for_any_of_its_classes_and_for_no_other():
    mask = torch.full((1, 16, 16), EITHER_WALL)
    mask[:, :4] = SEPTUM
    mostly = loss_of(logits_for(SEPTUM), mask)
    aorta = loss_of(logits_for(AORTA), mask)
    assert mostly < 1.0 < aorta
    unknown = torch.full((1, 16, 16), UNKNOWN)
    assert loss_of(logits_for(AORTA), unknown) < loss_of(logits_for(VENTRICLE), unknown) - 5


def test_an_apical_heart_comes_to_lie_apex_left_and_septum_above():
    mask = np.zeros((200, 200), np.uint8)
    mask[30:120, 60:140] = 2
    mask[42:120, 75:125] = 1
    mask[120:170, 78:122] = 3
    _, laid = turned(np.full((200, 200), 90, np.uint8), mask)
    middle = {number: np.argwhere(laid == number).mean(0) for number in (1, 2, 3, 5, EITHER_WALL)}
    assert middle[2][0] < middle[1][0] < middle[5][0]  # septum, ventricle, outer wall from above
    assert middle[EITHER_WALL][1] < middle[1][1] < middle[3][1]  # apex, ventricle, atrium from the left


def test_augmentation_moves_frame_and_mask_together():
    frame = np.zeros((96, 96), np.uint8)
    frame[30:60, 20:70] = 200
    mask = (frame > 0).astype(np.uint8)
    kept = []
    for seed in range(8):
        image, classes = augment(frame, mask, 64, np.random.default_rng(seed))
        assert image.shape == classes.shape == (64, 64)
        assert 0 <= image.min() <= image.max() <= 1
        inside, outside = image[classes == 1], image[classes == 0]
        kept.append(inside.mean() > outside.mean() + 0.05)
    assert sum(kept) >= 7


def test_grey_stays_in_range():
    rng = np.random.default_rng(3)
    for _ in range(10):
        found = grey(rng.random((48, 48)).astype(np.float32), rng)
        assert found.dtype == np.float32
        assert 0 <= found.min() <= found.max() <= 1
