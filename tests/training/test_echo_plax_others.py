import csv

import cv2
import numpy as np

from training.echo_plax_data import BASE, Traced
from training.echo_plax_others import apical_files, apical_of, read_others, short_axis


def test_a_short_axis_is_a_ring_that_differs_by_seed():
    one, two = (short_axis(np.random.default_rng(k)) for k in (0, 1))
    assert one.shape == (BASE, BASE)
    assert one.any()
    assert (one != two).any()


def test_a_long_axis_turned_has_its_apex_up():
    frame = np.zeros((BASE, BASE), np.uint8)
    frame[:, :20] = 200  # the apex's side
    (turned,) = apical_of([Traced("clip", 0, frame, frame, frame > 0)])
    assert (turned[:20] == 200).all()


def test_a_folder_without_other_views_still_gives_made_ones(tmp_path, capsys):
    pictures = read_others(tmp_path, [])
    assert pictures.shape[1:] == (BASE, BASE)
    assert len(pictures) > 20
    assert "not in the data folder" in capsys.readouterr().out


def test_apical_frames_are_those_of_one_split(tmp_path):
    folder = tmp_path / "camus_a4c"
    (folder / "images").mkdir(parents=True)
    with (folder / "index.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerows([("file", "split"), ("a_ED.png", "train"), ("b_ED.png", "valid")])
    cv2.imwrite(str(folder / "images" / "b_ED.jpg"), np.zeros((4, 4), np.uint8))
    assert [file.name for file in apical_files(tmp_path, "valid")] == ["b_ED.jpg"]
