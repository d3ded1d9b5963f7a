"""What axe says of every page, in light and dark and on a phone."""

import pytest

from engine.registry import TASKS
from tests.app_pages import steps

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("dark", "width"), steps.LOOKS, ids=["light", "dark", "phone"])
def test_every_page_before_a_study_is_chosen(open_app, dark, width):
    page = open_app(dark, width)
    assert steps.violations(page) == []
    for task in TASKS.values():
        steps.to_page(page, task.title)
        page.get_by_test_id("stFileUploaderDropzone").wait_for()
        assert steps.violations(page) == [], task.id
    steps.to_page(page, "Models")
    page.get_by_text("Model card").first.wait_for()
    assert steps.violations(page) == []


def test_a_full_result_in_light_and_dark_and_on_a_phone(ecg_example):
    steps.good_in_every_look(ecg_example)
