"""The spark page, in a real browser, on the simulated example."""

import csv
import io
import json

import numpy as np
import pytest
import tifffile

from tests.app_pages import steps

pytestmark = pytest.mark.browser


def download(page, name):
    with page.expect_download() as waited:
        steps.main(page).get_by_role("button", name=name, exact=True).click()
    return waited.value.path().read_bytes()


def spark_rows(data):
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_the_example_is_shown_frame_by_frame_judged_and_taken_along(open_app):
    page = open_app()
    steps.try_example(page, "calcium-sparks")
    assert "holds calcium sparks" in steps.headline(page)
    steps.explained(page)

    told = page.locator("#player .said")
    before = told.inner_text()
    trace = page.locator("svg.trace")
    box = trace.bounding_box()
    trace.hover(position={"x": box["width"] * 0.15, "y": box["height"] / 2})
    assert told.inner_text() != before  # the frame follows the pointer, without a round to the server
    frame = int(told.inner_text().split(",")[0].removeprefix("Frame "))
    page.locator("#player").focus()
    page.keyboard.press("ArrowRight")
    assert told.inner_text().startswith(f"Frame {frame + 1},")

    found = spark_rows(download(page, "sparks.csv"))
    assert len(found) >= 5
    page.get_by_role("button", name="Reject spark 2", exact=True).click()
    page.get_by_role("button", name="Take back spark 2", exact=True).wait_for()
    page.get_by_text(f"{len(found) - 1} of {len(found)} sparks accepted").wait_for()
    kept = [row["spark"] for row in spark_rows(download(page, "accepted_sparks.csv"))]
    assert kept == [row["spark"] for row in found if row["spark"] != "2"]
    labels = tifffile.imread(io.BytesIO(download(page, "labels.tif")))
    assert labels.shape == (80, 48, 144)
    assert {str(n) for n in np.unique(labels)} == {"0", *kept}

    page.get_by_role("button", name="Spark 3", exact=True).click()
    page.get_by_role("heading", name="Spark 3, frame by frame").wait_for()
    finding = json.loads(download(page, "finding.json"))
    assert finding["task"] == "calcium-sparks"
    assert download(page, "report.pdf").startswith(b"%PDF")
