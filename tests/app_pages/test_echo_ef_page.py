"""The ejection fraction page as its user works with it."""

import re

from playwright.sync_api import expect

from tests.app_pages.steps import answered, headline, main, picture, to_page, upload
from tests.app_pages.test_accessibility import own_violations


def test_example_is_answered_drawn_explained_and_exported(open_app):
    page = open_app()
    to_page(page, "Ejection fraction")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    before = headline(page)
    assert re.match(r"EF \d+ %", before)
    slider = page.locator("#player svg[role=slider]")
    first = page.locator("#player .frame").inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#player .frame").inner_text() != first
    main(page).get_by_role("button", name=re.compile("^Beat 1")).click()
    main(page).get_by_text("beat 2").first.wait_for()
    main(page).get_by_text("Long axis and discs on the drawn cavity").wait_for()
    with page.expect_download() as download:
        main(page).get_by_role("button", name="finding.json").click()
    assert '"task": "echo-ef"' in download.value.path().read_text(encoding="utf-8")
    page.mouse.move(0, 0)  # else a hint of Streamlit's stands open on the button
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("[data-st-overlay-root] > *")).to_have_count(0)
    for dark, width in ((False, 1280), (True, 390)):
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.locator(f"#view[data-tone={'dark' if dark else 'light'}]").first.wait_for(state="attached")
        assert own_violations(page) == []
        assert main(page).evaluate("box => box.scrollWidth - box.clientWidth") <= 0


def test_a_file_that_is_no_network_is_told_and_the_answer_stays(open_app):
    page = open_app()
    to_page(page, "Ejection fraction")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    before = headline(page)
    main(page).get_by_text("A network of your own").click()
    chooser = page.get_by_test_id("stFileUploaderDropzoneInput").last
    chooser.set_input_files([{"name": "mine.pt", "mimeType": "application/octet-stream", "buffer": b"no network"}])
    main(page).get_by_text("Expected a PyTorch checkpoint").wait_for()
    assert headline(page) == before


def test_a_picture_of_something_else_is_refused_without_a_number(open_app):
    page = open_app()
    to_page(page, "Ejection fraction")
    upload(page, "holiday.png", picture())
    answered(page)
    assert headline(page) == "Not read"
