"""The whole task on drawn recordings: the shipped weights have to see a drawn heart beat, and nothing else."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from engine import models
from engine.echo_ef import task
from engine.errors import EngineError
from engine.registry import TASKS
from engine.study import read_bytes
from tests.engine.echo.drawn_videos import avi, dicom
from training.echo_simulator import EchoScene, simulate


@pytest.fixture(scope="module")
def store():
    return models.store("cpu")


@pytest.fixture(scope="module")
def beating():
    return simulate(EchoScene(ejection_fraction=58, seconds=2.2))[0]


@pytest.fixture(scope="module")
def answered(store, beating):
    return TASKS["echo-ef"].analyse(read_bytes("a.dcm", dicom(beating)), None, store)


def test_a_drawn_heart_gets_its_ejection_fraction_and_rate(answered):
    finding = answered.finding
    assert finding.refusal is None
    stated = finding.measurement("lv_ejection_fraction")
    assert stated.value == pytest.approx(58, abs=10)
    low, high = stated.where["interval_95"]
    assert low < stated.value < high
    assert finding.measurement("heart_rate").value == pytest.approx(72, abs=4)
    assert sum(label.probability for label in finding.labels) == pytest.approx(1, abs=1e-3)
    assert (
        finding.measurement("lv_end_diastolic_volume").value > finding.measurement("lv_end_systolic_volume").value > 0
    )


def test_the_files_are_those_of_the_contract(answered, beating):
    masks = np.load(io.BytesIO(answered.artefacts["mask.npz"]))["mask"]
    assert masks.shape == beating.shape
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 1, 2, 3}
    rows = list(csv.DictReader(io.StringIO(answered.artefacts["beats.csv"].decode())))
    assert [int(row["beat"]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(int(row["ed_frame"]) < int(row["es_frame"]) for row in rows)  # this recording shows whole beats
    assert answered.artefacts["overlay.webm"][:4] == b"\x1aE\xdf\xa3"


def test_beats_can_be_left_out_and_the_answer_follows(answered):
    kept = task.with_beats(answered, (0,))
    per_beat = [m for m in kept.finding.measurements if "beat" in m.where]
    assert [m.where["beat"] for m in per_beat] == [1]
    assert kept.finding.details["beats_that_count"] == [1]


def test_a_plain_video_has_no_millilitres_until_the_reader_states_the_scale(store, beating):
    study = read_bytes("a.avi", avi(beating[:40], 40))
    plain = TASKS["echo-ef"].analyse(study, None, store).finding
    assert plain.measurement("lv_end_diastolic_volume") is None
    scaled = TASKS["echo-ef"].analyse(study, task.options({"mm_per_px": "0.45"}), store).finding
    assert scaled.measurement("lv_end_diastolic_volume").unit == "mL"


def test_a_single_frame_gets_masks_and_no_number(store, beating):
    found = TASKS["echo-ef"].analyse(read_bytes("a.dcm", dicom(beating[5:6])), None, store)
    assert found.finding.refusal is None
    assert not found.finding.measurements
    assert not found.finding.labels
    assert np.load(io.BytesIO(found.artefacts["mask.npz"]))["mask"].shape == (1, 300, 360)


def test_a_still_heart_has_no_ejection_fraction(store, beating):
    finding = TASKS["echo-ef"].analyse(read_bytes("a.avi", avi(np.repeat(beating[5:6], 40, 0))), None, store).finding
    assert not finding.measurements
    assert "No whole beat" in finding.details["notes"][0]


def test_the_real_four_chamber_cine_gets_an_ejection_fraction_without_volumes(store):
    with open(get_testdata_file("examples_ybr_color.dcm"), "rb") as file:
        finding = TASKS["echo-ef"].analyse(read_bytes("a.dcm", file.read()), None, store).finding
    assert finding.refusal is None
    assert 20 < finding.measurement("lv_ejection_fraction").value < 85
    assert finding.measurement("lv_end_diastolic_volume") is None
    assert "does not fit" in finding.details["pixel_size_note"]


@pytest.mark.parametrize("name", ["examples_palette.dcm", "examples_rgb_color.dcm", "examples_jpeg2k.dcm"])
def test_real_ultrasound_of_other_organs_is_refused(store, name):
    with open(get_testdata_file(name), "rb") as file:
        finding = TASKS["echo-ef"].analyse(read_bytes("a.dcm", file.read()), None, store).finding
    assert finding.refusal is not None
    assert not finding.measurements


def noise(rng):
    return rng.integers(0, 255, (10, 200, 240), dtype=np.uint8)


def flat(rng):
    return np.full((10, 200, 240), 128, np.uint8)


def black(rng):
    return np.zeros((10, 200, 240), np.uint8)


@pytest.mark.parametrize("frames", [noise, flat, black])
def test_what_is_no_echo_is_refused(store, frames):
    study = read_bytes("a.avi", avi(frames(np.random.default_rng(0))))
    assert TASKS["echo-ef"].analyse(study, None, store).finding.refusal


def test_colour_is_refused_by_name(store, beating):
    coloured = np.repeat(beating[:6, ..., None], 3, 3)
    coloured[:, 100:180, 150:220] = (220, 30, 30)
    finding = TASKS["echo-ef"].analyse(read_bytes("a.avi", avi(coloured)), None, store).finding
    assert finding.refusal.code == "colour_doppler"


@pytest.mark.parametrize("fields", [{"speed": "1"}, {"mm_per_px": "a"}, {"mm_per_px": "900"}])
def test_other_options_are_named(fields):
    with pytest.raises(EngineError, match="mm_per_px"):
        task.options(fields)


def test_progress_can_stop_the_work(store, beating):
    from engine.errors import Cancelled

    def stop(share, doing):
        if share > 0.3:
            raise Cancelled("Stopped; nothing was kept.")

    with pytest.raises(Cancelled):
        TASKS["echo-ef"].analyse(read_bytes("a.avi", avi(beating[:20])), None, store, stop)


def test_evidence_has_a_picture_per_frame(answered, beating):
    evidence = answered.evidence
    assert len(evidence.plain) == len(evidence.drawn) == len(evidence.squares) == len(beating)
    assert replace(evidence, beats=()).beats == ()


def shares_of(sure, frames=8):
    """(frames, 4, 128, 128): cavity, myocardium and atrium of 20 x 20 px each, drawn with these probabilities (frames,)."""
    shares = np.zeros((frames, 4, 128, 128), np.float16)
    shares[:, 0] = 1
    for k, left in ((1, 20), (2, 50), (3, 80)):
        area = (slice(None), slice(40, 60), slice(left, left + 20))
        shares[:, k][area] = np.broadcast_to(np.array(sure, np.float16)[:, None, None], (frames, 20, 20))
        shares[:, 0][area] = 1 - shares[:, k][area]
    return shares


def test_one_lifted_frame_of_eight_is_forgiven_and_two_are_not():
    assert task._forgiving_sureness(shares_of([0.95] * 7 + [0.1])) == pytest.approx(0.95, abs=0.01)
    assert task._forgiving_sureness(shares_of([0.95] * 6 + [0.1] * 2)) < task.SURE


def test_walls_that_are_guessed_are_refused_though_the_view_looks_right(store):
    squares = np.zeros((8, 128, 128), np.uint8)
    box = task.Letterbox(0, 128, 0, 128, 128)
    guessed = task.Drawn(squares, shares_of([0.6] * 8), box)
    with pytest.raises(task.RefusedStudy, match="walls that are guessed"):
        task._check_view(guessed, view_from(store, -1e9))
    with pytest.raises(task.RefusedStudy, match="four-chamber"):
        task._check_view(guessed, view_from(store, 1e9))


def view_from(store, threshold):
    """The shipped view network that takes what reaches this logit."""
    model = store.get("echo-ef-view")
    return replace(model, weight=replace(model.weight, operating={"threshold": threshold}))


def test_a_heart_that_is_drawn_well_in_half_of_the_frames_is_taken_and_not_in_fewer(store):
    squares, box = np.zeros((8, 128, 128), np.uint8), task.Letterbox(0, 128, 0, 128, 128)
    half = task.Drawn(squares, shares_of([0.95, 0.6] * 4), box)
    task._check_view(half, view_from(store, -1e9))
    assert task._forgiving_sureness(half.shares) < task.SURE  # taken, yet nothing is measured on it
    between = (task.SURE + task.SURE_VIEW) / 2
    task._check_view(task.Drawn(squares, shares_of([between] * 8), box), view_from(store, -1e9))
    with pytest.raises(task.RefusedStudy, match="walls that are guessed"):  # a still has no surer half
        task._check_view(task.Drawn(squares[:1], shares_of([between], 1), box), view_from(store, -1e9))
    fewer = task.Drawn(squares, shares_of([0.95, 0.6, 0.6, 0.6] * 2), box)
    with pytest.raises(task.RefusedStudy, match="walls that are guessed"):
        task._check_view(fewer, view_from(store, -1e9))


def test_walls_that_can_be_told_in_some_frames_alone_are_drawn_and_not_measured(store, beating, monkeypatch):
    monkeypatch.setattr(task, "SURE", 1.0)
    found = TASKS["echo-ef"].analyse(read_bytes("a.dcm", dicom(beating)), None, store)
    assert found.finding.refusal is None
    assert not found.finding.measurements
    assert not found.finding.labels
    assert found.finding.details["notes"] == [task.NOT_MEASURED]
    assert np.load(io.BytesIO(found.artefacts["mask.npz"]))["mask"].any()
