"""From recordings to labelled candidates."""

import numpy as np
import pytest

from engine.errors import EngineError
from engine.sparks.features import CELL_FEATURES, FRAME_FEATURES
from engine.sparks.readers import KINDS
from tests.engine.sparks.drawn_recording import drawn, tiff
from training.sparks_examples import COARSE_UM, annotated_examples, example_of, load_or_draw
from training.sparks_examples import drawn as drawn_example
from training.sparks_simulator import Scene, simulate

SCENE = Scene(frames=60, height=40, width=80, um_per_px=0.3, sparks=3, peak_snr=3.0, hot_pixels=0, repeat_sites=0.0)


def test_every_bright_spark_has_its_candidate():
    simulation = simulate(SCENE, np.random.default_rng(5))
    example, _, _ = example_of("drawn", simulation)
    assert example.events.shape[1] == len(CELL_FEATURES)
    assert example.frames.shape[1] == FRAME_FEATURES - 1
    assert (example.kinds == KINDS.index("spark")).sum() + example.missed == 3
    assert example.missed == 0
    assert example.firing.any()
    assert not example.firing.all()


def test_coarse_recordings_are_of_half_a_deviation_and_large_pixels():
    condition, simulation, stated = drawn_example("coarse", 0, False)
    scene = simulation.scene
    assert (condition, scene.um_per_px, scene.peak_snr, stated) == ("snr05_coarse", COARSE_UM, 0.5, (1.0, 1.0))


def test_an_example_is_kept_and_read_again(tmp_path):
    first = load_or_draw(tmp_path, "test", 4, True)
    again = load_or_draw(tmp_path, "test", 4, True)
    assert len(list(tmp_path.iterdir())) == 1
    assert (first.events == again.events).all()
    assert str(again.condition) == "line"


def test_a_user_s_annotated_folder_becomes_an_example(tmp_path):
    folder = tmp_path / "recordings" / "one"
    folder.mkdir(parents=True)
    for number, frame in enumerate(drawn([(15, 8, 10, 1.2, 2.2, 12.0, 40.0)], frames=40)):
        (folder / f"im{number:03d}.tif").write_bytes(tiff(frame))
    (folder / "marks.csv").write_text("x,y,tIni,tFin\n10,8,15,22\n")
    (example,) = annotated_examples(tmp_path / "recordings")
    assert (example.kinds == KINDS.index("spark")).sum() == 1
    assert example.missed == 0
    assert example.firing[15:23].all()
    assert example.firing.sum() == 8


def test_folders_without_marks_are_said(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.tif").write_bytes(tiff(drawn(frames=20)))
    with pytest.raises(EngineError, match="annotations"):
        annotated_examples(tmp_path)
