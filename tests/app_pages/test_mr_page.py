"""The cardiac MR page as its user works with it."""

import re

import pytest

from tests.app_pages.steps import (
    answered,
    choose,
    download,
    good_in_every_look,
    headline,
    main,
    picture,
    to_page,
    upload,
)

pytestmark = pytest.mark.browser


def test_example_is_answered_played_explained_and_exported(open_app):
    page = open_app()
    to_page(page, "Cardiac MR")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    assert re.search(r"LV ejection fraction \d+ %", headline(page))
    main(page).get_by_text(re.compile(r"\d+ % sure")).first.wait_for()
    slider = page.locator("#player svg[role=slider]")
    first = page.locator("#player .frame").inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#player .frame").inner_text() != first
    assert page.locator("svg.bullseye").count() == 2
    main(page).get_by_text("Normal").first.wait_for()
    main(page).get_by_text("the stronger the pink, the less sure").first.wait_for()
    main(page).get_by_role("heading", name="Can this explanation be trusted?").wait_for()
    main(page).get_by_text("What the network’s layers see").click()
    main(page).get_by_text(re.compile("channels on slice .* at end-diastole")).first.wait_for()
    choose(page, "Phase", "End-systole")
    main(page).get_by_text(re.compile("channels on slice .* at end-systole")).first.wait_for()
    assert '"task": "cardiac-mr"' in download(page, "finding.json").decode()


def test_a_picture_of_something_else_is_refused_without_a_number(open_app):
    page = open_app()
    to_page(page, "Cardiac MR")
    upload(page, "holiday.png", picture())
    answered(page)
    assert headline(page) == "Not read"


def test_a_corrected_outline_changes_the_volumes_and_can_be_taken_back(open_app):
    page = open_app()
    to_page(page, "Cardiac MR")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    before = headline(page)
    main(page).get_by_text("Correct an outline").click()
    volumes = page.locator("#outlines .volumes")
    read = volumes.inner_text()
    point = page.locator("#outlines .handle").first
    point.focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    assert volumes.inner_text() != read
    page.keyboard.press("PageDown")
    assert page.locator("#outlines .handle[tabindex='0']").get_attribute("aria-label").startswith("LV cavity, point 2")
    page.get_by_role("button", name="Remove the LV cavity here").click()
    page.get_by_role("button", name="Use this outline").click()
    main(page).get_by_text("With your corrected outlines").wait_for()
    assert headline(page) != before
    answered(page)
    good_in_every_look(page)
    assert '"corrected_outlines"' in download(page, "finding.json").decode()
    main(page).get_by_role("button", name="Back to what was read").click()
    main(page).get_by_text("With your corrected outlines").wait_for(state="hidden")
    assert headline(page) == before
