"""The whole task on drawn recordings: the shipped weight has to see the drawn heart, and nothing else."""

import csv
import io

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from engine import models
from engine.echo_plax import task
from engine.errors import Cancelled, EngineError, WeightError
from engine.registry import TASKS
from engine.study import read_bytes
from tests.engine.echo.drawn_videos import avi, dicom
from tests.engine.keras_file import h5, layers, weights
from training.echo_plax_simulator import PlaxScene, simulate
from training.echo_simulator import EchoScene
from training.echo_simulator import simulate as simulate_apical

SCENE = PlaxScene(seconds=1.8)
SPACING = ((1, 1, 3, 0, 0, None, None, SCENE.mm_per_px / 10, SCENE.mm_per_px / 10),)  # cm per pixel


@pytest.fixture(scope="module")
def store():
    return models.store("cpu")


@pytest.fixture(scope="module")
def beating():
    return simulate(SCENE)[0]


@pytest.fixture(scope="module")
def answered(store, beating):
    study = read_bytes("a.dcm", dicom(beating, SPACING, 1000 / SCENE.rate_hz))
    return TASKS["echo-plax"].analyse(study, task.options({"sex": "M"}), store)


def test_a_drawn_heart_gets_its_sizes(answered):
    finding = answered.finding
    assert finding.refusal is None
    for code, drawn, allowed in (("lvid_d", SCENE.lvid_d, 0.12), ("lvid_s", SCENE.lvid_s, 0.2)):
        row = finding.measurement(code)
        assert row.unit == "mm"
        assert row.value == pytest.approx(drawn, rel=allowed)
    shortening = 100 * (1 - SCENE.lvid_s / SCENE.lvid_d)
    assert finding.measurement("fractional_shortening").value == pytest.approx(shortening, abs=8)
    assert finding.measurement("lvid_d").source.endswith("men")


def test_the_files_are_those_of_the_contract(answered, beating):
    masks = np.load(io.BytesIO(answered.artefacts["mask.npz"]))["mask"]
    assert masks.shape == beating.shape
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) <= set(range(7))
    rows = list(csv.DictReader(io.StringIO(answered.artefacts["dimensions.csv"].decode())))
    assert len(rows) == len(beating)
    assert {row["unit"] for row in rows} == {"mm"}
    assert float(rows[0]["mm_per_px"]) == pytest.approx(SCENE.mm_per_px, rel=1e-3)
    assert answered.artefacts["overlay.webm"][:4] == b"\x1aE\xdf\xa3"


def test_masks_resemble_the_drawn_structures(answered, beating):
    truth = simulate(SCENE)[1]
    masks = np.load(io.BytesIO(answered.artefacts["mask.npz"]))["mask"]
    cavity = ((masks == 1) & (truth == 1)).sum() / ((masks == 1) | (truth == 1)).sum()
    assert cavity > 0.7


def test_evidence_has_a_picture_and_a_calliper_per_frame(answered, beating):
    evidence = answered.evidence
    assert len(evidence.plain) == len(evidence.drawn) == len(evidence.dimensions.calipers) == len(beating)
    assert evidence.confidence.shape == (len(beating), 6)
    np.testing.assert_allclose(evidence.shares([2, 5]).astype(float).sum(1), 1, atol=0.02)


def test_a_plain_video_has_pixels_until_the_reader_states_the_scale(store, beating):
    study = read_bytes("a.avi", avi(beating, 30))
    plain = TASKS["echo-plax"].analyse(study, None, store).finding
    scaled = TASKS["echo-plax"].analyse(study, task.options({"mm_per_px": "0.5"}), store).finding
    assert plain.measurement("lvid_d").unit == "px"
    assert plain.measurement("lv_mass") is None
    assert scaled.measurement("lvid_d").value == pytest.approx(plain.measurement("lvid_d").value / 2, rel=0.01)


def test_a_single_frame_gets_masks_and_nothing_of_end_systole(store, beating):
    found = TASKS["echo-plax"].analyse(read_bytes("a.dcm", dicom(beating[8:9], SPACING)), None, store)
    assert found.finding.refusal is None
    assert not {m.code for m in found.finding.measurements} & {
        "lvid_d",
        "lvid_s",
        "fractional_shortening",
        "la_diameter",
    }
    assert "no end-systole" in found.finding.details["notes"][0]
    assert np.load(io.BytesIO(found.artefacts["mask.npz"]))["mask"].shape == (1, *beating.shape[1:])


def test_a_user_s_own_network_draws_and_is_named(store, beating):
    described = layers((3, 4))
    file = h5(described, weights(described))
    fields = task.lend(file, store)
    found = TASKS["echo-plax"].analyse(read_bytes("a.avi", avi(beating[:6])), task.options(fields), store)
    assert found.finding.refusal is None
    assert found.finding.details["drawn_by"] == "own network"
    assert [w.sha256 for w in found.finding.provenance.weights][1:] == [fields["own_network"]]
    assert found.evidence.squares.shape == (6, 384, 384)


def test_a_network_that_is_gone_from_memory_is_asked_for_again(store, beating):
    with pytest.raises(WeightError, match="choose its file again"):
        TASKS["echo-plax"].analyse(
            read_bytes("a.avi", avi(beating[:3])), task.options({"own_network": "0" * 64}), store
        )


def test_another_view_is_refused_with_what_to_do(store):
    apical = simulate_apical(EchoScene(seconds=0.6))[0]
    refusal = TASKS["echo-plax"].analyse(read_bytes("a.avi", avi(apical)), None, store).finding.refusal
    assert refusal.code == "not_parasternal"
    assert "choose a parasternal long-axis loop" in refusal.message


def noise(rng):
    return rng.integers(0, 255, (10, 200, 240), dtype=np.uint8)


def flat(rng):
    return np.full((10, 200, 240), 128, np.uint8)


def black(rng):
    return np.zeros((10, 200, 240), np.uint8)


@pytest.mark.parametrize("frames", [noise, flat, black])
def test_what_is_no_echo_is_refused(store, frames):
    study = read_bytes("a.avi", avi(frames(np.random.default_rng(0))))
    assert TASKS["echo-plax"].analyse(study, None, store).finding.refusal


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "examples_palette.dcm", "examples_rgb_color.dcm"])
def test_real_ultrasound_of_other_views_and_organs_is_refused(store, name):
    with open(get_testdata_file(name), "rb") as file:
        finding = TASKS["echo-plax"].analyse(read_bytes("a.dcm", file.read()), None, store).finding
    assert finding.refusal is not None
    assert not finding.measurements


@pytest.mark.parametrize(
    "fields", [{"speed": "1"}, {"mm_per_px": "a"}, {"mm_per_px": "900"}, {"sex": "x"}, {"own_network": "../net.h5"}]
)
def test_other_options_are_named(fields):
    with pytest.raises(EngineError, match=r"mm_per_px|Expected sex|Expected own_network"):
        task.options(fields)


def test_progress_can_stop_the_work(store, beating):
    def stop(share, doing):
        if share > 0.3:
            raise Cancelled("Stopped; nothing was kept.")

    with pytest.raises(Cancelled):
        TASKS["echo-plax"].analyse(read_bytes("a.avi", avi(beating[:20])), None, store, stop)
