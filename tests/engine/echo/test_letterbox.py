import numpy as np
import pytest

from engine.echo.letterbox import Letterbox


@pytest.mark.parametrize(
    "box", [Letterbox(10, 210, 30, 330, 128), Letterbox(0, 112, 0, 112, 128), Letterbox(5, 65, 8, 48, 128)]
)
def test_a_shape_comes_back_where_it_was(box):
    y, x = np.mgrid[:240, :340]
    middle = ((box.top + box.bottom) / 2, (box.left + box.right) / 2)
    radius = min(box.bottom - box.top, box.right - box.left) / 3
    disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2
    square = box.shrink((disc * 255).astype(np.uint8)).astype(np.float32) / 255
    back = box.enlarge(np.stack([1 - square, square]), disc.shape) > 0
    assert 2 * (disc & back).sum() / (disc.sum() + back.sum()) > 0.98
    rows, columns = np.nonzero(back)
    assert (rows.mean(), columns.mean()) == pytest.approx(middle, abs=0.6)


def test_points_go_to_the_frame():
    box = Letterbox(20, 120, 40, 240, 100)  # scaled by one half, 25 rows of border
    assert box.to_frame((0, 25)) == pytest.approx((40.5, 20.5))
