"""The ejection fraction page as its user works with it."""

import re

from tests.app_pages.steps import (
    answered,
    download,
    give_files,
    good_in_every_look,
    headline,
    main,
    picture,
    to_page,
    told,
    upload,
)


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
    assert '"task": "echo-ef"' in download(page, "finding.json").decode()
    good_in_every_look(page)


def test_a_file_that_is_no_network_is_told_and_the_answer_stays(open_app):
    page = open_app()
    to_page(page, "Ejection fraction")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    before = headline(page)
    main(page).get_by_text("A network of your own").click()
    no_network = {"name": "mine.pt", "mimeType": "application/octet-stream", "buffer": b"no network"}
    give_files(page, "Its file", no_network)
    beside = main(page).get_by_test_id("stExpander").filter(has_text="A network of your own")
    beside.get_by_text("Expected a PyTorch checkpoint").wait_for()
    assert headline(page) == before


def test_a_real_dicom_recording_gets_its_ejection_fraction_and_no_millilitres(open_app):
    page = open_app()
    to_page(page, "Ejection fraction")
    page.get_by_role("button", name="Try a real DICOM recording").click()
    answered(page)
    main(page).get_by_text("public test files of pydicom").wait_for()
    assert re.search(r"EF \d+ %", headline(page))
    assert "does not fit" in told(page)
    assert not re.search(r"\d mL", told(page))


def test_a_picture_of_something_else_is_refused_without_a_number(open_app):
    page = open_app()
    to_page(page, "Ejection fraction")
    upload(page, "holiday.png", picture())
    answered(page)
    assert headline(page) == "Not read"
