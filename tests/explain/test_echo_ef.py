"""What an ejection fraction is explained by: frames whose part is known by hand, and maps that stay on the heart."""

import numpy as np
import pytest
import torch

from engine import models
from engine.echo_ef import echonet
from engine.echo_ef.peers import PeerOpinion
from engine.progress import silent
from engine.registry import TASKS
from engine.study import read_bytes
from explain.echo_ef import AXES, explain, frame_influence, video_maps
from tests.engine.echo.drawn_videos import avi
from training.echo_simulator import EchoScene, simulate


@pytest.fixture(scope="module")
def analysed():
    frames, _ = simulate(EchoScene(seconds=1.2, rate_hz=30))
    return TASKS["echo-ef"].analyse(read_bytes("a.avi", avi(frames, 30)), None, models.store("cpu"))


@pytest.fixture(scope="module")
def explained(analysed):
    return explain(analysed, models.store("cpu"))


def test_every_array_says_its_axes(explained):
    assert explained.arrays.keys() == explained.axes.keys() == AXES.keys() - {"video_grad_cam"}


def test_maps_are_of_the_frames_that_the_number_rests_on(explained, analysed):
    beats = analysed.evidence.beats
    assert explained.details["frames"] == sorted({f for b in beats for f in (b.ed_frame, b.es_frame)})
    shape = (len(explained.details["frames"]), 128, 128)
    assert explained.arrays["confidence"].shape == explained.arrays["grad_cam"].shape == shape


def test_confidence_is_the_probability_of_what_is_drawn(explained):
    confidence = explained.arrays["confidence"]
    assert confidence.min() >= 0.25  # of four classes the likeliest
    assert confidence.max() <= 1.001


def test_the_cavity_rests_on_the_heart_and_not_on_the_dark_corner(explained, analysed):
    frame = explained.details["frames"][0]
    cavity = analysed.evidence.shares[frame].argmax(0) == 1
    attributed = explained.arrays["grad_cam"][0]
    assert attributed[cavity].mean() > 3 * attributed[:20, :20].mean()


def test_a_frame_that_carries_the_systole_alone_moves_the_answer():
    volumes = np.full(40, 100.0)
    volumes[:5] = 90
    volumes[18:23] = [70, 45, 40, 45, 70]
    influence = frame_influence(volumes, 30.0)
    assert np.nanargmax(np.abs(influence)) in (19, 20, 21)
    assert abs(influence[35]) < 1e-6


def test_a_video_network_is_asked_why_over_space_and_time():
    from torchvision.models.video import r2plus1d_18

    torch.manual_seed(0)
    network = r2plus1d_18(weights=None, num_classes=1).eval().requires_grad_(False)
    store = models.ModelStore("cpu")
    store.lend(echonet.VIDEO, "0" * 64, network)
    squares = np.zeros((40, 112, 112), np.uint8)
    squares[:, 30:60, 40:70] = 200
    nothing = np.empty(0)
    said = PeerOpinion(squares, (0,), np.array([50.0]), nothing, nothing, "0" * 64)
    maps, frames = video_maps(said, store, silent)
    assert maps.shape == (1, 32, 112, 112)
    assert frames == [list(range(0, 64, 2))]
    assert maps.min() >= 0
    assert maps.std() > 0
    assert all(p.grad is None for p in network.parameters())
