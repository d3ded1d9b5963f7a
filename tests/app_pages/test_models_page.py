"""The models page, in a real browser."""

import pytest

from engine import weights
from tests.app_pages import steps

pytestmark = pytest.mark.browser


def test_every_weight_shows_its_figures_its_hash_and_its_card(open_app):
    page = open_app()
    steps.to_page(page, "Models")
    shipped = weights.manifest()
    assert shipped
    page.locator("dd", has_text=list(shipped.values())[-1].sha256).wait_for()
    told = steps.told(page)
    for weight in shipped.values():
        assert weight.title in told
        assert weight.sha256 in told
        assert weight.licence in told
        for name, figure in weight.metrics.items():
            if isinstance(figure, dict) and "value" in figure:
                assert name.replace("_", " ") in told
    steps.main(page).get_by_text("Model card", exact=True).first.click()
    steps.main(page).get_by_test_id("stExpanderDetails").first.get_by_test_id("stMarkdown").first.wait_for()
