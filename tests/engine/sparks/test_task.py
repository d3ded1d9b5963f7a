"""The whole answer on drawn recordings: what is found, measured, written, and what is not said."""

import csv
import io

import numpy as np
import pytest

from engine import models
from engine.errors import EngineError, RefusedStudy
from engine.registry import task
from engine.sparks import detect
from engine.sparks.read_sequence import read_sequence
from engine.sparks.task import SparksOptions, options
from tests.engine.sparks.drawn_recording import drawn, stack, study, tiff

SPARKS = [(15, 8, 10, 1.0, 2.2, 12.0, 40.0), (30, 16, 30, 0.8, 2.0, 12.0, 30.0)]
QUIET = drawn(frames=60)


def analysed(given, **stated):
    return task("calcium-sparks").analyse(given, SparksOptions(**stated), models.store("cpu"))


def rows(analysis, name):
    return list(csv.DictReader(io.StringIO(analysis.artefacts[name].decode())))


@pytest.fixture(scope="module")
def sparking():
    return analysed(stack(drawn(SPARKS)))


def test_both_sparks_are_found_where_and_when_they_were_drawn(sparking):
    assert sparking.finding.labels[0].positive
    assert sparking.finding.labels[0].probability > 0.9
    found = [(float(r["x"]), float(r["y"]), float(r["t_peak"])) for r in rows(sparking, "sparks.csv")]
    assert found == [pytest.approx((10, 8, 16.5), abs=0.7), pytest.approx((30, 16, 31.5), abs=0.7)]


def test_sizes_are_those_that_were_drawn(sparking):
    first = rows(sparking, "sparks.csv")[0]
    assert float(first["amplitude"]) == pytest.approx(1.0, rel=0.15)
    assert float(first["fwhm_um"]) == pytest.approx(2.2, rel=0.1)
    assert float(first["tau_ms"]) == pytest.approx(40, rel=0.25)


def test_the_count_and_the_frequency_agree(sparking):
    values = {m.code: m.value for m in sparking.finding.measurements}
    assert values["spark_count"] == 2
    area = 24 * 40 * 0.4**2 / 1000
    assert values["spark_frequency"] == pytest.approx(2 / (area * 60 * 0.008), rel=0.05)


def test_the_mask_holds_the_sparks_of_the_table_in_their_frames(sparking):
    mask = np.load(io.BytesIO(sparking.artefacts["mask.npz"]))["mask"]
    assert mask.shape == (60, 24, 40)
    assert mask.dtype == np.uint16
    for row in rows(sparking, "sparks.csv"):
        there = np.flatnonzero((mask == int(row["spark"])).any((1, 2)))
        assert (there[0], there[-1]) == (int(row["t_start"]), int(row["t_end"]))
        assert (mask == int(row["spark"])).sum((1, 2)).max() == int(row["area_px"])


def test_attention_and_probability_of_every_frame(sparking):
    frames = rows(sparking, "frames.csv")
    assert [int(r["frame"]) for r in frames] == list(range(60))
    attention = np.array([float(r["attention"]) for r in frames])
    probability = np.array([float(r["probability"]) for r in frames])
    assert attention.sum() == pytest.approx(1, abs=1e-3)
    assert 12 <= attention.argmax() <= 40
    assert probability[17] > 0.8 > 0.3 > probability[2]


def test_a_quiet_cell_holds_no_spark():
    quiet = analysed(stack(QUIET))
    assert not quiet.finding.labels[0].positive
    assert rows(quiet, "sparks.csv") == []
    assert not any(m.code.startswith("median") for m in quiet.finding.measurements)


def test_without_sizes_no_physical_number_is_said():
    found = analysed(study(("cell.tif", tiff(drawn(SPARKS)))))
    assert len(rows(found, "sparks.csv")) == 2
    assert {m.code for m in found.finding.measurements} == {"spark_count", "median_amplitude", "amplitude"}
    assert rows(found, "sparks.csv")[0]["tau_ms"] == ""
    assert not {q.code: q.acceptable for q in found.finding.quality}["pixel_size_known"]


@pytest.mark.parametrize("seed", range(4))
def test_a_puff_is_named_and_not_counted(seed):
    frames = drawn(frames=100, seed=seed).astype(float)
    rows_, columns = np.mgrid[:24, :40]
    held = 1 / (1 + np.exp(-(np.arange(100) - 20) / 1.5)) - 1 / (1 + np.exp(-(np.arange(100) - 70) / 4))
    frames += 160 * held[:, None, None] * np.exp(-((rows_ - 12) ** 2 + (columns - 20) ** 2) / 8)
    found = analysed(stack(frames.astype(np.uint16)))
    assert found.finding.details["puffs"] == 1
    counted = [r for r in rows(found, "sparks.csv") if np.hypot(float(r["x"]) - 20, float(r["y"]) - 12) < 8]
    assert counted == []  # none on the puff, of which half its height lies within 2.4 px


def test_a_long_recording_is_read_in_windows_and_no_spark_is_lost_or_doubled(monkeypatch):
    monkeypatch.setattr(detect, "WINDOW_SAMPLES", 24 * 40 * 150)
    sparks = [(onset, 12, 20, 1.0, 2.2, 12.0, 40.0) for onset in (20, 75, 130, 147, 200, 260, 310)]
    recording = read_sequence(stack(drawn(sparks, frames=340)))
    windows = detect._windows(recording, detect.assumed_grid(recording), 340)
    assert len(windows) > 2
    assert [w[2] for w in windows[1:]] == [w[3] for w in windows[:-1]]  # cores share the recording out
    found = rows(analysed(stack(drawn(sparks, frames=340))), "sparks.csv")
    assert [round(float(r["t_peak"]) - 1.5) for r in found] == [s[0] for s in sparks]


def test_a_line_scan_is_read_line_by_line():
    columns = np.arange(120)
    time = np.arange(400)
    course = np.where(time >= 150, np.exp(-(time - 150) / 35.0), 0)
    light = 100 * (1 + 1.2 * course[:, None] * np.exp(-0.5 * ((columns - 60) / 9) ** 2))
    scan = np.random.default_rng(0).poisson(light).clip(0, 255).astype(np.uint8)
    found = analysed(study(("scan.tif", tiff(scan))), um_per_px=0.1, ms_per_frame=1.0)
    (row,) = rows(found, "sparks.csv")
    assert float(row["x"]) == pytest.approx(60, abs=3)
    assert float(row["t_peak"]) == pytest.approx(152, abs=8)
    assert not found.finding.labels[0].validated
    assert np.load(io.BytesIO(found.artefacts["mask.npz"]))["mask"].shape == (400, 1, 120)


def test_a_video_of_something_else_is_refused():
    frames = np.stack([np.roll(np.kron(np.arange(48).reshape(6, 8) * 4, np.ones((8, 8))), t, 1) for t in range(20)])
    refused = analysed(study(("a.tif", tiff(frames.astype(np.uint8)))))
    assert refused.finding.refusal.code == "not_a_recording"
    assert refused.artefacts == {}


@pytest.mark.parametrize(("name", "text"), [("um_per_px", "0"), ("ms_per_frame", "x"), ("background", "-1")])
def test_a_statement_out_of_range_is_named(name, text):
    with pytest.raises(EngineError, match=f"Expected {name}"):
        options({name: text})


def test_an_empty_statement_is_none():
    assert options({"um_per_px": " ", "ms_per_frame": "4.5"}) == SparksOptions(ms_per_frame=4.5)


def test_a_refusal_is_the_engine_s_own_error():
    with pytest.raises(RefusedStudy):
        read_sequence(stack(QUIET[:5]))
