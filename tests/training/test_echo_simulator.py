import numpy as np
import pytest

from training.echo_simulator import EchoScene, simulate


@pytest.mark.parametrize("ef", [25, 45, 65])
def test_the_cavity_loses_what_the_scene_says(ef):
    _, shares = simulate(EchoScene(ejection_fraction=ef))
    assert 100 * (1 - shares.min() / shares.max()) == pytest.approx(ef, abs=1)


def test_frames_are_a_sector_on_black_that_moves():
    frames, _ = simulate(EchoScene(seconds=0.5))
    assert frames.shape == (20, 300, 360)
    assert frames.dtype == np.uint8
    assert (frames[:, :80, :60] == 0).all()  # the corner above the sector
    assert np.abs(frames[0].astype(int) - frames[10]).mean() > 2
