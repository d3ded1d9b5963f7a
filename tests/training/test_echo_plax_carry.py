import cv2
import numpy as np

from training.echo_plax_carry import between, carried


def moving_disc(frames: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """(T, 96, 96) textured disc that moves 3 px to the right per frame, and its masks (class 1)."""
    texture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (96, 96)).astype(np.float32), (0, 0), 2)
    texture = 128 + 3 * (texture - texture.mean())
    y, x = np.mgrid[:96, :96]
    grey, masks = [], []
    for k in range(frames):
        inside = np.hypot(x - 36 - 3 * k, y - 48) < 18
        grey.append(np.where(inside, np.clip(np.roll(texture, 3 * k, axis=1), 30, 255), 10).astype(np.uint8))
        masks.append(inside.astype(np.uint8))
    return np.stack(grey), np.stack(masks)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_a_mask_follows_what_it_lies_on_both_ways():
    grey, masks = moving_disc()
    forth = carried(grey, masks[0], 0, 4).argmax(2)
    back = carried(grey, masks[4], 4, 0).argmax(2)
    assert overlap(forth == 1, masks[4] == 1) > 0.85 > 0.5 > overlap(masks[0] == 1, masks[4] == 1)
    assert overlap(back == 1, masks[0] == 1) > 0.85


def test_between_two_traced_frames_both_are_heard():
    grey, masks = moving_disc()
    found = between(grey, {0: masks[0], 4: masks[4]}, 2)
    assert overlap(found == 1, masks[2] == 1) > 0.85
    assert set(np.unique(found)) == {0, 1}
