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


def test_the_near_field_belongs_to_the_sector_where_a_black_cavity_cuts_it_off():
    frame = np.zeros((480, 640), np.uint8)
    cv2.ellipse(frame, (320, 20), (420, 420), 90, -42, 42, 140, cv2.FILLED)
    frame[130:180] = 0
    sector = find_sector(np.repeat(frame[None, ..., None], 3, 3))
    assert sector is not None
    assert sector.box[0] < 40
    assert sector.mask[155, 320]


def test_a_small_sector_above_a_strip_in_time_is_none_of_it():
    frame = np.zeros((480, 640), np.uint8)
    frame[200:460, 40:600] = 90
    cv2.ellipse(frame, (320, 20), (150, 150), 90, -30, 30, 140, cv2.FILLED)
    sector = find_sector(np.repeat(frame[None, ..., None], 3, 3))
    assert sector is not None
    assert sector.box == (200, 460, 40, 600)
