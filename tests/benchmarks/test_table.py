"""The table of `make bench`: what is drawn for it, and how values and ratios are laid out."""

import io

import pytest
from PIL import Image

from benchmarks import __main__ as bench
from benchmarks.subjects import SUBJECTS
from benchmarks.timing import Timing
from engine.registry import TASKS


def test_every_task_is_timed():
    assert set(SUBJECTS) == set(TASKS)


def test_the_ecg_is_a_photo_of_two_megapixels():
    name, data = SUBJECTS["ecg"].draw()
    photo = Image.open(io.BytesIO(data))
    assert name.endswith(".jpg")
    assert photo.format == "JPEG"
    assert photo.width * photo.height == pytest.approx(2e6, rel=0.01)


@pytest.mark.parametrize("task", SUBJECTS)
def test_drawing_again_gives_the_same_study(task):
    assert SUBJECTS[task].draw() == SUBJECTS[task].draw()


def test_ratios_are_the_peer_s_value_over_ours(monkeypatch):
    timings = {"finding": Timing(2.0, 1000.0), "explanation": Timing(3.0, 1100.0), "peer": Timing(8.0, 500.0)}
    monkeypatch.setattr(bench, "cold", lambda task: 12.34)
    monkeypatch.setattr(bench, "app_process", lambda task: 812.3)
    monkeypatch.setattr(bench, "warm", lambda task, what: timings[what])
    head, _, *rows = bench.table("ecg").splitlines()
    assert all(row.count("|") == head.count("|") for row in rows)
    values = [[cell.strip() for cell in row.split("|")[2:5]] for row in rows]
    assert values == [
        ["12.3", "-", "-"],
        ["2.00", "8.00", "4.00"],
        ["3.00", "-", "-"],
        ["1000", "500", "0.50"],
        ["1100", "-", "-"],
        ["812", "-", "-"],
    ]


def test_an_unknown_task_is_bad_usage(capsys):
    with pytest.raises(SystemExit) as left:
        bench.main(["xray"])
    assert left.value.code == 2
    assert "no benchmark for xray; there are ecg" in capsys.readouterr().err
