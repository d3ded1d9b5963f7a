"""A folder of studies becomes one table."""

import csv

import pytest

from service.cohort import main, table


@pytest.fixture
def folder(tmp_path):
    """Four studies: one answered, one refused, one broken, one folder."""
    (tmp_path / "in" / "d").mkdir(parents=True)
    for name, content in {"a.txt": b"123456", "b.txt": b"1", "c.txt": b"BROKEN", "d/x.txt": b"12345678901"}.items():
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "in" / ".hidden").write_bytes(b"123456")
    return tmp_path / "in"


def test_every_study_is_a_row(drawn, folder, tmp_path):
    out = tmp_path / "table.csv"
    assert main(["drawn", str(folder), "--out", str(out)]) == 2  # one cannot be read
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["study"] for row in rows] == ["a.txt", "b.txt", "c.txt", "d"]
    assert [row["status"] for row in rows] == ["finding", "refused", "unreadable", "finding"]
    assert [row["size [By]"] for row in rows] == ["6", "", "", "11"]
    assert rows[3]["LONG probability"] == "0.9000"
    assert rows[3]["ODD positive"] == "1"
    assert rows[1]["reason"] == "The file is too short; send a longer one."
    assert rows[2]["reason"] == "Expected a drawn file; draw it again."


def test_it_exits_with_0_when_all_are_answered_or_refused(drawn, folder, tmp_path):
    (folder / "c.txt").unlink()
    assert main(["drawn", str(folder), "--out", str(tmp_path / "table.csv")]) == 0


def test_a_defect_costs_one_row(drawn, folder, tmp_path):
    (folder / "c.txt").write_bytes(b"BUG")
    assert main(["drawn", str(folder), "--out", str(tmp_path / "table.csv")]) == 2
    text = (tmp_path / "table.csv").read_text()
    assert "c.txt,failed,KeyError" in text
    assert "secret" not in text


def test_no_folder_is_bad_usage(drawn, tmp_path, capsys):
    assert main(["drawn", str(tmp_path / "absent"), "--out", str(tmp_path / "table.csv")]) == 2
    assert "expected a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "written"), [("=cmd|x", "'=cmd|x"), ("-1.5", "-1.5"), ("-x", "'-x"), ("@a", "'@a"), ("ecg", "ecg")]
)
def test_a_name_is_no_formula(name, written):
    assert table([{"study": name}]).splitlines()[1].startswith(f"{written},")
