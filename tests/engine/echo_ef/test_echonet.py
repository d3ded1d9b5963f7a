"""A user's own EchoNet-Dynamic networks: which files load, what they are shown, and what their opinion changes."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch

from engine import models
from engine.echo.letterbox import Letterbox
from engine.echo_ef import echonet, peers, task
from engine.echo_ef.beats import Beat
from engine.errors import EngineError, WeightError
from engine.progress import silent
from engine.registry import TASKS
from engine.study import read_bytes
from engine.videos import read_video
from tests.engine.echo.drawn_videos import avi
from tests.engine.echo_ef.echonet_checkpoints import checkpoint, segmentation, video
from training.echo_simulator import EchoScene, simulate


@pytest.fixture(scope="module")
def store():
    return models.ModelStore("cpu")


@pytest.fixture(scope="module")
def study():
    frames, _ = simulate(EchoScene(ejection_fraction=58, seconds=1.4, rate_hz=30))
    return read_bytes("a.avi", avi(frames, 30))


@pytest.fixture(scope="module")
def alone(store, study):
    return TASKS["echo-ef"].analyse(study, None, store)


@pytest.fixture(scope="module")
def asked_video(store, study):
    fields = TASKS["echo-ef"].lend(video(20.0), store) | {"clips": "one"}
    return TASKS["echo-ef"].analyse(study, task.options(fields), store)


def test_the_video_network_speaks_beside_our_answer_and_lowers_its_certainty(alone, asked_video):
    ours, theirs = (
        asked_video.finding.measurement(code) for code in ("lv_ejection_fraction", "lv_ejection_fraction_video_network")
    )
    assert theirs.value == pytest.approx(20)
    assert theirs.where["clips"] == 1
    assert ours.value == alone.finding.measurement("lv_ejection_fraction").value
    assert asked_video.evidence.estimate.deviation > 1.5 * alone.evidence.estimate.deviation
    sure = {label.code: label.probability for label in alone.finding.labels}
    less = {label.code: label.probability for label in asked_video.finding.labels}
    assert less["EF_PRESERVED"] < sure["EF_PRESERVED"]
    apart = next(q for q in asked_video.finding.quality if q.code == "own_networks_apart")
    assert not apart.acceptable


def test_the_finding_names_the_users_network_by_its_hash(alone, asked_video):
    assert "echonet-video" in {used.name for used in asked_video.finding.provenance.weights}
    assert "echonet-video" not in {used.name for used in alone.finding.provenance.weights}


def test_beats_left_out_keep_the_networks_opinion(asked_video):
    kept = task.with_beats(asked_video, (0,))
    assert kept.finding.measurement("lv_ejection_fraction_video_network").value == pytest.approx(20)
    assert kept.finding.measurement("lv_ejection_fraction").where["beats"] == 1


def test_its_segmentation_is_measured_at_our_beats(store):
    frames = simulate(EchoScene(seconds=0.3, rate_hz=20))[0]
    recording = read_video(read_bytes("a.avi", avi(frames, 20)))
    asked = peers.Asked(segmentation=TASKS["echo-ef"].lend(segmentation(0.5), store)["echonet_segmentation"])
    nothing_of_ours = np.zeros((len(frames), 128, 128), np.uint8)
    box = Letterbox(0, 300, 0, 360, 128)
    said = peers.ask(recording, box, nothing_of_ours, (Beat(1, 4, 60.0),), asked, store, silent)
    assert said.ventricle.all()  # it calls every pixel ventricle, so nothing ejects
    assert said.estimates() == {echonet.SEGMENTATION: pytest.approx(0.0, abs=1e-6)}


def test_its_segmentation_is_read_where_its_logit_is_positive():
    kind, network = echonet.load(segmentation(0.5))
    assert kind == echonet.SEGMENTATION
    model = models.LoadedModel(None, network, "cpu")
    assert echonet.ventricle(np.zeros((2, 112, 112), np.uint8), model, silent).all()


def test_frames_are_shown_as_it_was_trained():
    x = echonet.normalised(np.full((2, 112, 112), 78, np.uint8))
    assert x.shape == (3, 2, 112, 112)
    assert float(x[0, 0, 0, 0]) == pytest.approx((78 - 30.8) / 47.9)


@pytest.mark.parametrize(
    ("frames", "choice", "starts"),
    [(100, "one", (18,)), (66, "all", (0, 1, 2)), (40, "all", (0,)), (200, "beats", (24, 68)), (40, "beats", (0,))],
)
def test_clips_lie_where_they_are_asked_for(frames, choice, starts):
    beats = (Beat(50, 62, 60.0), Beat(94, 106, 60.0))
    assert echonet.clip_starts(frames, choice, beats) == starts


def test_a_clip_has_every_second_frame_and_the_mean_beyond_the_end():
    squares = np.repeat(np.arange(40, dtype=np.uint8)[:, None, None], 112, 1).repeat(112, 2)
    clip = echonet.clips(squares, [10])[0, 0, :, 0, 0].numpy()
    assert clip[:15] == pytest.approx((np.arange(10, 40, 2) - 30.8) / 47.9, abs=1e-5)
    assert (clip[15:] == 0).all()


def test_a_score_as_an_older_numpy_wrote_it_does_not_hinder():
    with pytest.raises(WeightError, match="last layer of neither"):  # it was read, and only then found to be another
        echonet.load(_older_numpy(checkpoint(torch.nn.Linear(1, 1))))


def _older_numpy(data):
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(file, "w") as after:
        for name in before.namelist():
            assert name != "data.pkl" or b"numpy._core" in before.read(name)
            after.writestr(name, before.read(name).replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    return file.getvalue()


class _Harm:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no checkpoint", "something else"),
        (pickle.dumps({"state_dict": _Harm()}), "something else"),
        (checkpoint(torch.nn.Linear(2, 1)), "last layer of neither"),
        (video(outputs=2), "other names or shapes"),
    ],
    ids=["text", "harmful", "another network", "two outputs"],
)
def test_other_files_are_refused_and_nothing_is_executed(data, sentence, capsys):
    with pytest.raises(WeightError, match=sentence):
        echonet.load(data)
    assert "executed" not in capsys.readouterr().out


def test_a_network_that_was_pushed_out_is_asked_for_again(store, study):
    with pytest.raises(WeightError, match="choose its file again"):
        TASKS["echo-ef"].analyse(study, task.options({"echonet_video": "0" * 64}), store)


def test_other_choices_of_clips_are_named():
    with pytest.raises(EngineError, match="one, all, beats"):
        task.options({"clips": "some"})


def test_tasks_without_a_place_for_networks_say_so(store):
    with pytest.raises(EngineError, match="no networks of your own"):
        TASKS["cardiac-mr"].lend(b"", store)
