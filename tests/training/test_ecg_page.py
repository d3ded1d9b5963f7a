"""The renderer's own account of where things lie must be true of the picture it drew."""

from dataclasses import replace

import numpy as np
import pytest

from training.ecg_page import at_500_hz, flatten, phone_style, plain_style, random_style, render
from training.ecg_simulator import EcgProfile, simulate


def signal(seconds: float = 10) -> np.ndarray:
    return simulate(EcgProfile(noise_mv=0.0), seconds, np.random.default_rng(0))


def mask_at(mask: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Mask values at the nearest pixels of points, 0 outside."""
    x, y = np.round(xy).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    values = np.zeros(len(x))
    values[inside] = mask[y[inside], x[inside]]
    return values[inside]


def test_samples_of_a_plain_page_lie_where_paper_speed_and_gain_put_them():
    page = render(signal(), plain_style(px_per_mm=8), np.random.default_rng(0))
    assert page.px_per_mm == pytest.approx((8, 8))
    two = next(lead for lead in page.leads if lead.lead == "II" and lead.rhythm)
    assert len(two.values_mv) == 5000
    step_px = np.diff(two.photo_xy[:, 0])
    np.testing.assert_allclose(step_px, 25 / 500 * 8, atol=1e-6)
    up_px = two.photo_xy[:, 1].max() - two.photo_xy[:, 1]
    np.testing.assert_allclose(up_px / 8 / 10, two.values_mv - two.values_mv.min(), atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_drawn_samples_lie_on_ink_through_the_camera(seed):
    rng = np.random.default_rng(seed)
    page = render(signal(), phone_style(plain_style(), rng), rng)
    for lead in page.leads:
        assert (mask_at(page.masks["trace"], lead.photo_xy) > 60).mean() > 0.97, lead.lead


def test_the_drawn_line_is_centred_on_the_samples():
    still = np.zeros((12, 5000), np.float32)
    page = render(still, plain_style(px_per_mm=8), np.random.default_rng(0))
    for lead in page.leads[:3]:
        x, y = lead.photo_xy[len(lead.photo_xy) // 2]
        column = page.masks["trace"][round(y) - 6 : round(y) + 7, round(x)].astype(float)
        centre = (column * np.arange(round(y) - 6, round(y) + 7)).sum() / column.sum()
        assert centre == pytest.approx(y, abs=0.25)


def test_the_way_to_the_photo_and_back_ends_where_it_began():
    rng = np.random.default_rng(5)
    page = render(signal(), phone_style(plain_style(), rng), rng)
    here = rng.uniform([0, 0], page.style.size_mm, (200, 2))
    np.testing.assert_allclose(page.geometry.to_page(page.geometry.to_photo(here)), here, atol=0.005)


def test_flattening_undoes_the_camera():
    rng = np.random.default_rng(2)
    page = render(signal(), phone_style(plain_style(), rng), rng)
    flat = flatten(page)
    assert flat.shape == page.paper.image.shape
    ink = page.paper.masks["trace"] > 200
    assert flat[ink].mean() < flat[~ink].mean() - 60


def test_rows_of_every_layout_hold_twelve_leads_or_one_page_of_six():
    for layout, cabrera in (("3x4", False), ("6x2", True), ("12x1", True), ("6x1", False)):
        rows = replace(plain_style(layout, rhythm=("II",)), cabrera=cabrera).rows()
        names = [name for row in rows[:-1] for name in row]
        assert len(names) == (6 if layout == "6x1" else 12)
        assert rows[-1] == ("II",)


def test_random_pages_repeat_with_their_seed():
    def page(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return render(signal(), random_style(rng, longest_px=600), rng).image

    for seed in range(3):
        np.testing.assert_array_equal(page(seed), page(seed))


def test_resampling_keeps_a_straight_line_straight():
    ramp = np.tile(np.arange(250, dtype=np.float32), (12, 1))
    np.testing.assert_allclose(at_500_hz(ramp, 250)[3, :498], np.arange(498) / 2, atol=1e-4)


def test_a_signal_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="12"):
        render(signal(4), plain_style(), np.random.default_rng(0))
