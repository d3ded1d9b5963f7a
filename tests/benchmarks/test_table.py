"""The table of `make bench`: what is drawn for it, and how values and ratios are laid out."""

import io
import time

import pytest
import torch
from PIL import Image

from benchmarks import __main__ as bench
from benchmarks.subjects import SUBJECTS, Part, in_batches
from benchmarks.timing import LEAST_TIMED, Timing, peer_seconds
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
    timings = {
        "finding": Timing(2.0, 1000.0),
        "explanation": Timing(3.0, 1100.0),
        "peer": Timing(8.0, 500.0, "8 of 8 networks"),
    }
    monkeypatch.setattr(bench, "cold", lambda task: 12.34)
    monkeypatch.setattr(bench, "app_process", lambda task: 812.3)
    monkeypatch.setattr(bench, "warm", lambda task, what: timings[what])
    head, _, *rows, _, timed = bench.table("ecg").splitlines()
    assert "8 of 8 networks" in timed
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


def test_a_peer_s_long_work_is_cut_off_and_stands_for_the_rest(monkeypatch):
    clock, done = [0.0], []

    def lasts(seconds):
        def once():
            clock[0] += seconds
            done.append(seconds)

        return once

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    parts = (Part("frames", 4, lasts(1.0)), Part("clips", 100, lasts(2.0)))
    seconds, timed = peer_seconds(lambda data: parts, b"", budget_s=10.0)
    assert seconds == 4 * 1.0 + 100 * 2.0
    assert timed == "4 of 4 frames, 5 of 100 clips"
    assert len(done) == 1 + 4 + 1 + 5  # each part once before it counts


def test_slow_work_is_done_a_few_times_all_the_same(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", iter(range(0, 10_000, 60)).__next__)
    _, timed = peer_seconds(lambda data: (Part("clips", 9, lambda: None),), b"", budget_s=1.0)
    assert timed == f"{LEAST_TIMED} of 9 clips"


@pytest.mark.parametrize(("frames", "size"), [(96, 16), (20, 10), (7, 7), (17, 1)])
def test_all_batches_of_a_peer_are_alike(frames, size):
    seen = []
    part = in_batches(lambda x: seen.append(x.shape), torch.zeros(frames, 1, 2, 2))
    part.once()
    assert part.count * size == frames
    assert seen == [(size, 1, 2, 2)]
