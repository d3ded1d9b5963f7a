"""The figures of real pictures, on readings and folders whose answers are known by hand."""

import numpy as np
import pytest

from benchmarks.ecg_pictures import Picture, Reading, compare_rate, main, pictures, read, table
from engine import models
from engine.finding import Finding, Measurement, Provenance


def found(*measurements):
    return Finding("ecg", Provenance("0" * 64), measurements=measurements)


def test_the_folder_s_list_says_what_is_read(tmp_path):
    (tmp_path / "index.csv").write_text("file,kind\na.png,scan\nempty.png,blank paper\nb.jpg,photo\n")
    (tmp_path / "printed_rate.csv").write_text("file,heart_rate\nb.jpg,71\n")
    assert list(pictures(tmp_path)) == [
        Picture(tmp_path / "a.png", "scan", None),
        Picture(tmp_path / "b.jpg", "photo", 71.0),
    ]


def test_a_file_that_is_no_picture_counts_as_not_answered(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    reading = read(Picture(path, "scan", 70.0), models.store("cpu"))
    assert (reading.answered, reading.well_read, reading.rate_right) == (False, False, None)


@pytest.mark.parametrize(("rate", "right"), [(70.0, True), (76.9, True), (62.9, False), (78.0, False)])
def test_a_rate_is_right_within_a_tenth(rate, right):
    assert compare_rate(found(Measurement("heart_rate", "Heart rate", rate, "/min")), 70.0) is right


def test_a_missing_rate_is_wrong_where_one_is_printed_and_unknown_where_none_is():
    assert compare_rate(found(), 70.0) is False
    assert compare_rate(found(), None) is None


def test_leads_that_were_not_printed_together_are_not_held_to_be_well_read():
    assert not Reading("scan", True).well_read
    assert Reading("scan", True, 0.24).well_read
    assert not Reading("scan", True, 0.25).well_read


def test_the_table_counts_each_kind_and_all():
    readings = [
        Reading("scan", True, 0.1, True),
        Reading("scan", False),
        Reading("photo", True, 0.5),
        Reading("photo", True),
    ]
    rows = [line.split(" | ") for line in table(readings).splitlines()]
    assert [row[0].strip("| ") for row in rows[2:]] == ["scan", "photo", "all"]
    assert rows[2][1:4] == ["2", "1 of 2 (9 to 91 %)", "1 of 2 (9 to 91 %)"]
    assert rows[2][4].startswith("1 of 1")
    assert rows[3][4] == "-"
    assert rows[4][3].startswith("1 of 4")
    assert rows[4][5].strip(" |") == f"{np.median([0.1, 0.5]):.2f}"


def test_an_empty_folder_is_bad_usage(tmp_path, capsys):
    assert main(["--data", str(tmp_path)]) == 2
    assert "index.csv" in capsys.readouterr().err
