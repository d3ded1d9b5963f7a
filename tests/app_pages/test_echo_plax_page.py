"""The parasternal page as its user works with it."""

import json
import re

from tests.app_pages.steps import (
    answered,
    download,
    explained,
    give_files,
    good_in_every_look,
    headline,
    main,
    picture,
    to_page,
    upload,
)
from tests.engine.keras_file import h5, layers, weights


def test_example_is_answered_drawn_explained_and_exported(open_app):
    page = open_app()
    to_page(page, "Parasternal long axis")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    assert re.match(r"LV at end-diastole [\d.]+ mm", headline(page))
    slider = page.locator("#player svg[role=slider]")
    first = page.locator("#player .frame").inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#player .frame").inner_text() != first
    assert page.locator("#player .two img").count() == 2
    explained(page)
    main(page).get_by_text("What the drawn left ventricle rests on").wait_for()
    main(page).get_by_role("button", name="Posterior wall thickness").click()
    main(page).get_by_text(re.compile("^Posterior wall thickness, end-diastole: frame")).first.wait_for()
    finding = json.loads(download(page, "finding.json"))
    assert finding["task"] == "echo-plax"
    assert finding["artefacts"]["dimensions"] == "dimensions.csv"


def test_a_full_result_in_light_and_dark_and_on_a_phone(open_app):
    page = open_app()
    to_page(page, "Parasternal long axis")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    explained(page)
    main(page).get_by_text("What the drawn left ventricle rests on").wait_for()
    good_in_every_look(page)


def test_a_picture_of_something_else_is_refused_without_a_size(open_app):
    page = open_app()
    to_page(page, "Parasternal long axis")
    upload(page, "holiday.png", picture())
    answered(page)
    assert headline(page) == "Not read"


def test_a_network_of_the_reader_s_own_draws_until_it_is_taken_back(open_app):
    page = open_app()
    to_page(page, "Parasternal long axis")
    page.get_by_role("button", name="Try the synthetic example").click()
    answered(page)
    main(page).get_by_text("A network of your own").click()
    described = layers((3, 4))
    file = {"name": "unet.h5", "mimeType": "application/octet-stream", "buffer": h5(described, weights(described))}
    give_files(page, "Its file", file)
    main(page).get_by_text("your own network", exact=True).wait_for()
    main(page).get_by_role("button", name="own network again").click()
    main(page).get_by_text("the app’s network", exact=True).wait_for()
