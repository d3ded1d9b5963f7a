"""The method of discs on drawn ventricles whose volume is known by hand."""

import numpy as np
import pytest

from engine.echo_ef.volumes import ATRIUM, CAVITY, discs


def drawn(half=30, tall=80, size=200, spacing=(1.0, 1.0)):
    """Half an ellipsoid of revolution, apex up, over an atrium. half, tall in the unit of spacing."""
    y, x = np.mgrid[:size, :size]
    across, up = (x - 100) * spacing[0], (150 - y) * spacing[1]
    mask = np.zeros((size, size), np.uint8)
    mask[((across / half) ** 2 + (up / tall) ** 2 < 1) & (up >= 0)] = CAVITY
    mask[(np.abs(across) < half) & (up < 0) & (up > -20)] = ATRIUM
    return mask


def test_half_an_ellipsoid_has_two_thirds_of_pi_r2_h():
    found = discs(drawn())
    assert found.volume == pytest.approx(2 / 3 * np.pi * 30**2 * 80, rel=0.05)
    assert found.length == pytest.approx(80, abs=2.5)
    assert found.apex[1] < found.mitral[1]


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.5, 1.0), (1.0, 0.7)])
def test_volume_is_that_of_the_spacing_whatever_the_pixels(spacing):
    found = discs(
        drawn(30, 80, 400 if spacing[1] < 1 else 200, spacing) if spacing[1] == 1 else drawn(30, 60, 200, spacing),
        spacing,
    )
    tall = 80 if spacing[1] == 1 else 60
    assert found.volume == pytest.approx(2 / 3 * np.pi * 30**2 * tall, rel=0.05)


def test_area_length_agrees_on_a_regular_shape():
    found = discs(drawn())
    assert found.area_length_volume == pytest.approx(found.volume, rel=0.06)


def test_a_turned_ventricle_has_the_same_volume():
    import cv2

    matrix = cv2.getRotationMatrix2D((100, 100), 25, 1.0)
    turned = cv2.warpAffine(drawn(), matrix, (200, 200), flags=cv2.INTER_NEAREST)
    assert discs(turned).volume == pytest.approx(discs(drawn()).volume, rel=0.06)


def test_no_cavity_no_volume():
    assert discs(np.zeros((50, 50), np.uint8)) is None


def test_a_stray_island_does_not_count():
    mask = drawn()
    mask[10:14, 10:14] = CAVITY
    assert discs(mask).volume == pytest.approx(discs(drawn()).volume, rel=1e-6)
