"""`mask.npz` and the overlay, written frame by frame."""

import io

import numpy as np
import pytest

from engine.echo.mask_file import mask_npz
from engine.echo.overlay import Structure, display_frames, display_size, drawn, webm
from engine.progress import silent

LV = Structure(1, "lv", "Left ventricle", (255, 0, 0))


def test_masks_come_back_as_they_went():
    masks = np.random.default_rng(0).integers(0, 4, (7, 20, 33), dtype=np.uint8)
    read = np.load(io.BytesIO(mask_npz(iter(masks), masks.shape)))["mask"]
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, masks)


def test_a_missing_mask_is_noticed():
    with pytest.raises(ValueError, match="expected 3"):
        mask_npz(iter(np.zeros((2, 4, 4), np.uint8)), (3, 4, 4))


@pytest.mark.parametrize(
    ("size", "shown"), [((112, 112), (320, 320)), ((768, 1024), (360, 480)), ((301, 401), (300, 400))]
)
def test_the_drawn_size_is_even_and_neither_tiny_nor_huge(size, shown):
    assert display_size(*size) == shown


def test_a_structure_is_tinted_inside_and_nowhere_else():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 1
    picture = drawn(np.full((40, 40, 3), 100, np.uint8), mask, [LV])
    assert picture[20, 20, 0] > 120 > picture[20, 20, 1]
    assert (picture[2, 2] == 100).all()


def test_the_overlay_plays_with_every_frame_at_its_rate():
    import av

    frames = [np.full((112, 112, 3), 40 + k, np.uint8) for k in range(12)]
    masks = [np.ones((112, 112), np.uint8)] * 12
    pictures = (marked for _, marked in display_frames(iter(frames), iter(masks), [LV]))
    data = webm(pictures, 50.0, silent, 12)
    with av.open(io.BytesIO(data)) as read:
        assert read.streams.video[0].codec.name in ("vp8", "libvpx")
        assert float(read.streams.video[0].average_rate) == pytest.approx(50, rel=0.05)
        assert sum(1 for _ in read.decode(video=0)) == 12
