"""What axe says of every page, in light and dark and on a phone."""

import pytest

from engine.registry import TASKS
from tests.app_pages import steps

pytestmark = pytest.mark.browser
LOOKS = pytest.mark.parametrize(
    ("dark", "width"), [(False, 1280), (True, 1280), (False, 390)], ids=["light", "dark", "phone"]
)
# Streamlit's own file chooser carries role=presentation and a name; a minor finding that a page cannot change.
STREAMLITS_OWN = ("presentation-role-conflict",)


def own_violations(page):
    return [found for found in steps.violations(page) if not found.startswith(STREAMLITS_OWN)]


@LOOKS
def test_every_page_before_a_study_is_chosen(open_app, dark, width):
    page = open_app(dark, width)
    assert own_violations(page) == []
    for task in TASKS.values():
        steps.to_page(page, task.title)
        page.get_by_test_id("stFileUploaderDropzone").wait_for()
        assert own_violations(page) == [], task.id
    steps.to_page(page, "Models")
    page.get_by_text("Model card").first.wait_for()
    assert own_violations(page) == []


def test_a_full_result_in_light_and_dark_and_on_a_phone(ecg_example):
    page = ecg_example
    assert own_violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.locator("#view[data-tone=dark]").first.wait_for(state="attached")
    assert own_violations(page) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert own_violations(page) == []
    box = page.locator(steps.MAIN)
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
