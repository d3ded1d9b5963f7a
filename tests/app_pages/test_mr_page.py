"""The cardiac MR page as its user works with it."""

import re

import pytest

from tests.app_pages.steps import answered, headline, main, picture, to_page, upload

pytestmark = pytest.mark.browser


def test_example_is_answered_played_explained_and_exported(open_app):
    page = open_app()
    to_page(page, "Cardiac MR")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    assert re.search(r"LV ejection fraction \d+ %", headline(page))
    slider = page.locator("#player svg[role=slider]")
    first = page.locator("#player .frame").inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#player .frame").inner_text() != first
    assert page.locator("svg.bullseye").count() == 2
    main(page).get_by_text("Normal").first.wait_for()
    main(page).get_by_text("the stronger the pink, the less sure").first.wait_for()
    main(page).get_by_role("heading", name="Can this explanation be trusted?").wait_for()
    with page.expect_download() as download:
        main(page).get_by_role("button", name="finding.json").click()
    assert '"task": "cardiac-mr"' in download.value.path().read_text(encoding="utf-8")


def test_a_picture_of_something_else_is_refused_without_a_number(open_app):
    page = open_app()
    to_page(page, "Cardiac MR")
    upload(page, "holiday.png", picture())
    answered(page)
    assert headline(page) == "Not read"
