"""The grid of drawn paper, whose pitch and direction are known."""

import numpy as np
import pytest

from engine.ecg.grid import fit_projection, line_image, local_grid


def ruled(pitch_px: float, turn_deg: float = 0.0, size: tuple[int, int] = (1000, 1600)) -> np.ndarray:
    """Light paper with a thin line every pitch and a darker one every fifth, turned by an angle."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    turn = np.deg2rad(turn_deg)
    page = np.full(size, 245.0)
    for along in (x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)):
        for step, depth in ((pitch_px, 40), (5 * pitch_px, 60)):
            far = np.abs((along + step / 2) % step - step / 2)
            page -= depth * np.clip(1.3 - far, 0, 1)
    return np.repeat(page.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(("pitch", "turn"), [(6.3, 0.0), (7.1, 6.0), (5.2, -12.0)])
def test_pitch_and_turn_of_ruled_paper(pitch, turn):
    page = ruled(pitch, turn)
    found = local_grid(line_image(page, np.zeros(page.shape[:2], np.float32)))
    assert found is not None
    to_mm, explained = fit_projection(found)
    across = to_mm[0, :2] / to_mm[2, 2]
    assert 1 / np.hypot(*across) == pytest.approx(pitch, rel=0.02)
    assert abs(np.rad2deg(np.arctan(across[1] / across[0])) - turn) < 1
    assert explained > 0.8


def test_plain_paper_has_no_grid():
    noise = np.random.default_rng(0).integers(235, 250, (500, 700, 3), dtype=np.uint8)
    assert local_grid(line_image(noise, np.zeros((500, 700), np.float32))) is None
