"""The grid of drawn paper, whose pitch and direction are known."""

import numpy as np
import pytest

from engine.ecg.grid import LocalGrid, fit_bend, fit_projection, line_image, local_grid


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


PX = 5.0  # of a mm on the drawn grid's photo


def bent_by(curl_mm: float) -> LocalGrid:
    """Tiles of paper whose left fifth curls: lines there lie up to `curl_mm` too far left, as x grows from 0 to 300 mm."""
    x, y = np.meshgrid(np.linspace(0, 1500, 13), np.linspace(0, 900, 7))
    centre = np.stack([x.ravel(), y.ravel()], 1)
    slope = curl_slope(centre[:, 0] / PX, curl_mm)
    waves = np.zeros((len(centre), 2, 2))
    waves[:, 0, 0] = (1 + slope) / PX
    waves[:, 1, 1] = 1 / PX
    return LocalGrid(centre, waves, np.ones((len(centre), 2)), PX, 1.0, 1.0)


def curl(x_mm: np.ndarray, most_mm: float) -> np.ndarray:
    return -most_mm * (1 - np.clip(x_mm / 150, 0, 1)) ** 3


def curl_slope(x_mm: np.ndarray, most_mm: float) -> np.ndarray:
    return 3 * most_mm / 150 * (1 - np.clip(x_mm / 150, 0, 1)) ** 2


def test_a_curl_is_straightened():
    bend = fit_bend(bent_by(12.0), np.diag([1 / PX, 1 / PX, 1.0]))
    assert bend is not None
    seen = np.array([[10.0, 90.0], [60.0, 40.0], [140.0, 120.0], [250.0, 90.0]])
    paper = seen + np.column_stack([curl(seen[:, 0], 12.0), np.zeros(4)])
    off = bend.straightened(paper) - seen
    np.testing.assert_allclose(off - off[-1], 0, atol=0.5)  # the whole may move: only slopes are seen


def test_flat_paper_has_no_bend():
    assert fit_bend(bent_by(0.5), np.diag([1 / PX, 1 / PX, 1.0])) is None
