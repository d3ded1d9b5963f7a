import cv2
import numpy as np
import pytest

from engine.echo.sector import find_sector


@pytest.mark.parametrize("black", [0, 16])
def test_the_sector_is_found_on_whatever_the_file_writes_as_black(black):
    frame = np.full((240, 320), black, np.uint8)
    cv2.ellipse(frame, (160, 20), (180, 180), 90, -40, 40, 140, cv2.FILLED)
    sector = find_sector(np.repeat(frame[None, ..., None], 3, 3))
    assert sector is not None
    assert sector.mask.mean() == pytest.approx((frame == 140).mean(), rel=0.05)
