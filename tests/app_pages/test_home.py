"""The first page, in a real browser."""

import pytest

from engine.registry import TASKS
from tests.app_pages import steps

pytestmark = pytest.mark.browser


def test_a_visitor_sees_what_the_app_does_and_what_it_does_not(open_app):
    page = open_app()
    page.get_by_role("heading", name="Where your data go").wait_for()
    page.get_by_text("Goes in").last.wait_for()
    told = steps.told(page)
    for task in TASKS.values():
        assert task.question in told
        assert task.takes in told
    for words in ("Research use only", "Not a medical device", "What it does not do", "Where your data go"):
        assert words in told
    for task in TASKS.values():
        assert (
            steps.main(page)
            .get_by_role("img", name=f"{task.title}: the synthetic example as the app reads it")
            .is_visible()
        )


def test_only_the_tasks_that_exist_are_listed(open_app):
    page = open_app()
    links = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    titles = [task.title for task in TASKS.values()]
    assert [link.split("\n")[-1].strip() for link in links] == ["Start", *titles, "Models"]


def test_the_page_fits_a_phone(open_app):
    page = open_app(width=390)
    box = page.locator(steps.MAIN)
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
