"""The ECG page, in a real browser, on our own drawn pages and simulated hearts."""

import json

import pytest

from app_pages.shared.intake import example
from engine import NOTICE
from engine.registry import task
from tests.app_pages import steps

pytestmark = pytest.mark.browser


def test_the_example_is_answered_explained_judged_and_taken_along(ecg_example):
    page = ecg_example
    assert "%" in steps.headline(page)
    assert page.locator("button.bar").count() == 9
    assert "synthetic example" in steps.told(page)
    assert page.get_by_role("tab", name="On the photo").is_visible()
    page.get_by_role("tab", name="On clean paper").click()
    assert page.locator("svg.paper .halo").count() > 5

    rows = steps.table(page, "Reference range")
    assert {"Heart rate", "QRS duration"} <= set(rows)
    assert "per min" in rows["Heart rate"][1]
    page.get_by_role("button", name="QRS duration", exact=True).click()
    page.get_by_text("Marked: QRS duration").wait_for()
    assert page.locator("svg.paper rect.mark").count() >= 1

    page.get_by_role("button", name="Agree", exact=True).or_(
        page.get_by_role("radio", name="Agree", exact=True)
    ).click()
    page.get_by_label("Comment").fill("Seen with the patient")
    page.get_by_label("Comment").blur()
    page.wait_for_timeout(1500)  # the comment's way to the server
    finding = json.loads(steps.download(page, "finding.json"))
    assert finding["status"] == "finding"
    assert finding["notice"] == NOTICE
    assert (finding["verdict"]["agreement"], finding["verdict"]["comment"]) == ("agree", "Seen with the patient")
    assert finding["verdict"]["labels"] == [label["code"] for label in finding["labels"] if label["positive"]]
    assert steps.download(page, "signal.csv").startswith(b"time_s,I,II,III,aVR")
    assert steps.download(page, "report.pdf").startswith(b"%PDF")
    assert steps.download(page, "explanation.npz").startswith(b"PK")


def test_choosing_a_class_explains_that_class(ecg_example):
    page = ecg_example
    other = page.locator("button.bar[aria-pressed=false]").first
    name = other.locator(".what").inner_text()
    other.click()
    page.get_by_role("heading", name=f"Textbook criteria of {name}").wait_for()
    page.get_by_text(f"speaks most for {name}").locator("visible=true").first.wait_for()


def test_a_corner_moved_with_the_keyboard_and_another_speed_change_the_finding(ecg_example):
    page = ecg_example
    before = float(steps.table(page, "Reference range")["Heart rate"][1].split()[0])
    page.get_by_text("Correct what was understood").click()
    corner = page.get_by_role("button", name="Top left corner")
    place = corner.get_attribute("aria-label")
    corner.focus()
    page.keyboard.press("Shift+ArrowRight")
    assert corner.get_attribute("aria-label") != place
    page.locator("button:has-text('Read again'):not([disabled])").wait_for()
    steps.choose(page, "Paper speed", "50 mm/s")
    page.get_by_role("button", name="Read again").click()
    page.get_by_text("50 mm/s (reader)").wait_for()
    steps.answered(page)
    after = float(steps.table(page, "Reference range")["Heart rate"][1].split()[0])
    assert after == pytest.approx(2 * before, rel=0.05)
    page.get_by_role("button", name="Back to what the app found").click()
    page.get_by_text("25 mm/s").first.wait_for()


def test_a_stored_record_skips_the_picture(open_app):
    page = open_app()
    steps.to_page(page, "12-lead ECG")
    steps.upload(page, "record.csv", steps.stored_record())
    steps.answered(page)
    assert steps.table(page, "Reference range")["Heart rate"][1].split()[0] in ("59", "60", "61")
    assert page.get_by_text("Flattened page").count() == 0


def test_another_picture_is_refused_without_a_number(open_app):
    page = open_app()
    steps.to_page(page, "12-lead ECG")
    steps.upload(page, "holiday.png", steps.picture())
    page.get_by_text("Not read", exact=True).wait_for()
    assert "What to do:" in page.locator(".answer.refused").inner_text()
    told = steps.told(page)
    assert "%" not in told
    assert "per min" not in told
    assert page.locator("button.bar").count() == 0
    finding = json.loads(steps.download(page, "finding.json"))
    assert (finding["status"], finding["labels"], finding["measurements"]) == ("refused", [], [])


@pytest.mark.parametrize(
    ("name", "data"), [("ecg.jpg", b""), ("ecg.jpg", b"\xff\xd8\xff broken"), ("ecg.zip", b"PK\x03\x04broken")]
)
def test_a_file_that_cannot_be_read_gets_one_sentence(open_app, name, data):
    page = open_app()
    steps.to_page(page, "12-lead ECG")
    steps.upload(page, name, data)
    alert = steps.main(page).get_by_role("alert")
    alert.first.wait_for()
    told = alert.first.inner_text()
    assert told.rstrip().endswith(".")
    assert "Traceback" not in told
    assert "Error" not in told
    assert page.locator(".answer").count() == 0
    steps.upload(page, "again.csv", steps.stored_record())  # the session goes on
    steps.answered(page)


def test_the_work_can_be_cancelled(open_app):
    page = open_app()
    steps.to_page(page, "12-lead ECG")
    path = example(task("ecg"))
    steps.upload(page, path.name, path.read_bytes() + b"\0")  # another hash than the example's: not remembered
    steps.main(page).get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_text("Stopped; nothing was kept.").wait_for()
    assert page.locator(".answer").count() == 0
