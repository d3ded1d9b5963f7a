"""The spark page, in a real browser, on the simulated example."""

import csv
import io
import json

import numpy as np
import pytest
import tifffile

from engine.sparks.keras_networks import unet
from tests.app_pages import steps
from tests.engine.sparks.drawn_recording import MS, UM, drawn, tiff
from tests.engine.sparks.keras_files import always

pytestmark = pytest.mark.browser
SPARKS = [(15, 8, 10, 1.0, 2.2, 12.0, 40.0), (30, 16, 30, 0.8, 2.0, 12.0, 30.0)]
PUFF = (20, 12, 60, 0.8, 3.0, 30.0, 240.0)


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

    found = spark_rows(steps.download(page, "sparks.csv"))
    assert len(found) >= 5
    page.get_by_role("button", name="Reject spark 2", exact=True).click()
    page.get_by_role("button", name="Take back spark 2", exact=True).wait_for()
    page.get_by_text(f"{len(found) - 1} of {len(found)} sparks accepted").wait_for()
    kept = [row["spark"] for row in spark_rows(steps.download(page, "accepted_sparks.csv"))]
    assert kept == [row["spark"] for row in found if row["spark"] != "2"]
    labels = tifffile.imread(io.BytesIO(steps.download(page, "labels.tif")))
    assert labels.shape == (80, 48, 144)
    assert {str(n) for n in np.unique(labels)} == {"0", *kept}

    page.get_by_role("button", name="Spark 3", exact=True).click()
    page.get_by_role("heading", name="Spark 3, frame by frame").wait_for()
    finding = json.loads(steps.download(page, "finding.json"))
    assert finding["task"] == "calcium-sparks"
    assert steps.download(page, "report.pdf").startswith(b"%PDF")


def test_marks_and_puffs_are_shown_beside_the_sparks(open_app):
    page = open_app()
    steps.to_page(page, "Calcium sparks")
    frames = drawn([*SPARKS, PUFF], frames=90, width=80)
    stack = tiff(frames, ome=True, metadata={"axes": "TYX", "PhysicalSizeX": UM, "TimeIncrement": MS / 1000})
    steps.upload(page, ["cell.tif", "marks.csv"], [stack, b"x,y,tIni,tFin\n11,8,15,20\n70,4,20,24\n"])
    steps.answered(page)
    page.get_by_text("1 of 2 marks was found").or_(page.get_by_text("1 of 2 marks were found")).first.wait_for()
    marks = steps.table(page, "Mark")
    assert marks["M1"][3] == "✓ as spark 1"
    assert marks["M2"][3] == "! not found"
    assert [row[0] for row in steps.table(page, "Release").values()] == ["Puff"]
    assert page.locator("svg g title", has_text="Mark 2: not found").count() == 1
    frequency = steps.table(page, "Measurement")["Spark frequency per 1000 µm² of cell"]
    assert frequency[1].endswith("per 1000 µm² per s")
    assert [found for found in steps.violations(page) if "presentation-role-conflict" not in found] == []


def test_a_folder_is_read_in_one_go_and_each_recording_opens(open_app, tmp_path):
    for name, sparks in (("one", SPARKS), ("two", SPARKS[:1])):
        (tmp_path / f"{name}.tif").write_bytes(tiff(drawn(sparks)))
    (tmp_path / "broken.tif").write_bytes(tiff(drawn())[:500])
    page = open_app()
    steps.to_page(page, "Calcium sparks")
    page.get_by_text("A whole folder of recordings").click()
    steps.give_files(page, "Choose the folder", tmp_path)
    page.get_by_role("button", name="Read them all").click()
    page.get_by_role("columnheader", name="Recording").wait_for()
    rows = steps.table(page, "Recording")
    folder = tmp_path.name
    assert rows[f"{folder}/one"][1] == "2"
    assert rows[f"{folder}/two"][1] == "1"
    assert rows[f"{folder}/broken"][1].startswith("!")
    all_sparks = spark_rows(steps.download(page, "all_sparks.csv"))
    assert [row["recording"] for row in all_sparks] == [f"{folder}/one"] * 2 + [f"{folder}/two"]
    page.get_by_role("button", name=f"Open {folder}/two").click()
    steps.answered(page)
    page.get_by_text("1 of 1 sparks accepted").wait_for()


def test_a_network_of_ones_own_answers_in_place_of_ours(open_app):
    page = open_app()
    steps.try_example(page, "calcium-sparks")
    page.get_by_role("heading", name="Take it with you").wait_for()
    steps.at_rest(page)
    page.get_by_text("Ask networks of your own").click()
    page.get_by_text("Choose their files").click()
    never = always(unet(), 3, -3.0)
    given = {"name": "mine.h5", "mimeType": "application/octet-stream", "buffer": never}
    steps.give_files(page, "Keras weights (.h5)", given)
    page.get_by_role("button", name="Read with these").click()
    page.get_by_text("No spark was found in this recording.").wait_for()
    page.get_by_text("Your network says what is a spark.").wait_for()
    page.get_by_role("button", name="Ask ours again").click()
    page.get_by_role("columnheader", name="Peak frame").wait_for()
