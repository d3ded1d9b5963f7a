"""The simulator's truth: every number that it states is the one that it drew."""

import numpy as np
import pytest

from training.sparks_simulator import Scene, brightened, random_scene, simulate, typical_scene

STILL = Scene(
    frames=60, height=40, width=60, um_per_px=0.3, sparks=1, amplitude=2.0, photons=200.0, gain=1.0, offset=10.0,
    read_noise=0.0, hot_pixels=0, nuclei=0, cell_edge=False, z_line_contrast=0.0, unevenness=0.0, diffusion=0.0,
)  # fmt: skip


def made(scene, seed=3):
    return simulate(scene, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_recording():
    assert (made(STILL).frames == made(STILL).frames).all()


def test_a_spark_is_as_bright_as_it_is_said_to_be():
    simulation = made(STILL)
    (event,) = simulation.events
    t, y, x = round(event.t_peak), round(event.y), round(event.x)
    peak = simulation.frames[t, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean() - 10
    rest = 200.0
    assert peak / rest - 1 == pytest.approx(event.amplitude, rel=0.25)


def test_marked_pixels_have_a_quarter_of_the_peak():
    simulation = made(STILL)
    (event,) = simulation.events
    relative = (simulation.frames.astype(float) - 10) / 200 - 1
    inside = simulation.labels == 1
    assert simulation.mask("spark").sum() == inside.sum() > 50
    assert relative[inside].mean() > 0.25 * event.amplitude
    assert relative[~inside].mean() < 0.05
    there = np.flatnonzero(inside.any((1, 2)))
    assert abs(there[0] - event.t_start) <= 1
    assert abs(there[-1] - event.t_end) <= 1


def test_the_noise_is_the_photons():
    quiet = made(Scene(**{**vars(STILL), "sparks": 0}))
    assert quiet.frames.std(0).mean() == pytest.approx(np.sqrt(200), rel=0.05)


def test_the_peak_stands_as_far_out_of_the_noise_as_was_asked():
    scene = Scene(**{**vars(STILL), "amplitude": None, "peak_snr": 0.5})
    (event,) = made(scene).events
    assert event.amplitude == pytest.approx(0.5 * np.sqrt(200) / 200, rel=0.05)


def test_puffs_and_waves_are_named():
    kinds = [e.kind for e in made(Scene(sparks=2, puffs=1, waves=1)).events]
    assert sorted(kinds) == ["puff", "spark", "spark", "wave"]


@pytest.mark.parametrize("seed", range(6))
def test_random_scenes_can_be_drawn(seed):
    rng = np.random.default_rng(seed)
    scene = brightened(random_scene(rng, line_scan=seed % 2 == 1), rng)
    simulation = simulate(scene, rng)
    assert simulation.frames.shape == (scene.frames, scene.height, scene.width)
    assert simulation.labels.max() <= len(simulation.events)


def test_an_empty_scene_holds_no_spark():
    assert typical_scene("empty", np.random.default_rng(0)).sparks == 0
