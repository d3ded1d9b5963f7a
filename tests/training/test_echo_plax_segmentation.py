import numpy as np
import torch

from engine.echo_plax.anatomy import AORTA, SEPTUM, VENTRICLE
from training.echo_plax_augment import Style, augment, grey, other_echo
from training.echo_plax_data import Traced
from training.echo_plax_segmentation import (
    BATCH,
    CLASSES,
    UNSURE,
    Course,
    Examples,
    batch_of,
    loss_of,
    mean_of,
    pictures,
)
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


def test_other_hearts_keep_frame_and_mask_together_and_the_sector_above_its_floor():
    frame = np.zeros((96, 96), np.uint8)
    frame[30:60, 20:70] = 200
    mask = (frame > 0).astype(np.uint8)
    sector = np.zeros((96, 96), bool)
    sector[:, :80] = True
    kept = []
    for seed in range(8):
        image, classes = augment(
            frame, mask, 64, np.random.default_rng(seed), sector=sector, style=Style(floor=26, varied=True)
        )
        shown = image > 0
        assert image[shown].min() >= 26 / 255 - 1e-6
        assert 0 < shown.mean() < 1
        assert not classes[~shown].any()
        kept.append(image[classes == 1].mean() > image[shown & (classes == 0)].mean() + 0.05)
    assert sum(kept) >= 6


def test_another_echo_changes_each_tissue_by_itself():
    classes = np.zeros((64, 64), np.uint8)
    classes[:, 32:] = 5
    image = np.full((64, 64), 0.5, np.float32)
    gaps = []
    for seed in range(12):
        found = other_echo(image, classes, np.random.default_rng(seed))
        gaps.append(abs(found[:, :16].mean() - found[:, 48:].mean()))
        assert found[:, :16].std() < 0.06
    assert np.median(gaps) > 0.1


def test_a_batch_takes_from_every_source_its_share():
    sector = np.ones((48, 48), bool)

    def flat(grey: int, number: int) -> Traced:
        return Traced("clip", 0, np.full((48, 48), grey, np.uint8), np.full((48, 48), number, np.uint8), sector)

    made = pictures(np.full((1, 48, 48), 90, np.uint8), np.full((1, 48, 48), 2, np.uint8))
    examples = Examples([flat(50, 1)], made, made, made, drawn=[flat(50, UNSURE)])
    course = Course(1, 1e-3, ((1.0, 32),), simulated=1, drawn=1.0)
    image, mask = batch_of(examples, course, 32, np.random.default_rng(0))
    assert image.shape == (BATCH, 1, 32, 32)
    assert sum((one == UNSURE).any() for one in mask) == BATCH - 3
    assert sum((one == 2).any() for one in mask) == 3


def test_where_the_drawing_was_not_sure_nothing_is_wrong():
    mask = torch.full((1, 16, 16), UNSURE)
    assert loss_of(logits_for(AORTA), mask) == loss_of(logits_for(VENTRICLE), mask)


def test_the_mean_of_two_networks_lies_between_them():
    low, high = torch.nn.Conv2d(1, 2, 1), torch.nn.Conv2d(1, 2, 1)
    for network, value in ((low, 1.0), (high, 3.0)):
        for part in network.parameters():
            torch.nn.init.constant_(part, value)
    assert all((part == 2).all() for part in mean_of(low, high).parameters())
    assert all((part == 1).all() for part in low.parameters())
