"""EchoNet-Dynamic's layout, drawn: which frames come out, and that a tracing becomes the ventricle that it was made of."""

import csv

import cv2
import numpy as np
import pytest

from training import echo_dynamic


def write_layout(folder, splits=("TRAIN", "VAL"), frames=6):
    """Videos whose frame k is grey 10 k, ellipses traced on frames 1 and 4, as the published CSV files have them."""
    (folder / "Videos").mkdir(parents=True)
    listed, traced = [], []
    for n, split in enumerate(splits):
        name = f"0X{n}"
        video = cv2.VideoWriter(str(folder / "Videos" / f"{name}.avi"), cv2.VideoWriter.fourcc(*"FFV1"), 50, (112, 112))
        for k in range(frames):
            video.write(np.full((112, 112, 3), 10 * k, np.uint8))
        video.release()
        listed.append({"FileName": name, "EF": 55.5, "FPS": 50, "Split": split})
        for frame, half in ((1, 20), (4, 14)):
            traced.append(dict(zip(("X1", "Y1", "X2", "Y2"), (60, 20, 60, 80), strict=True)))
            for y in np.linspace(22, 78, 20):
                wide = half * np.sqrt(1 - ((y - 50) / 30) ** 2)
                traced.append(dict(zip(("X1", "Y1", "X2", "Y2"), (60 - wide, y, 60 + wide, y), strict=True)))
            for row in traced[-21:]:
                row.update(FileName=f"{name}.avi", Frame=frame)
    listed.append({"FileName": "0XMISSING", "EF": 40, "FPS": 50, "Split": "TRAIN"})
    for file, rows in (("FileList.csv", listed), ("VolumeTracings.csv", traced)):
        with (folder / file).open("w", newline="") as out:
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def test_a_traced_ellipse_comes_out_at_its_place_and_size(tmp_path):
    write_layout(tmp_path)
    first, second, *_ = echo_dynamic.traced_frames(tmp_path)
    assert first.mask.sum() == pytest.approx(np.pi * 20 * 30, rel=0.06)
    assert second.mask.sum() == pytest.approx(np.pi * 14 * 30, rel=0.06)
    rows, columns = np.nonzero(first.mask)
    assert (rows.mean(), columns.mean()) == pytest.approx((50, 60), abs=0.5)


def test_frames_are_those_that_were_traced_and_keep_their_split(tmp_path):
    write_layout(tmp_path)
    frames = list(echo_dynamic.traced_frames(tmp_path))
    assert [frame.split for frame in frames] == ["TRAIN", "TRAIN", "VAL", "VAL"]
    assert [int(frame.image.mean()) for frame in frames] == pytest.approx([10, 40, 10, 40], abs=1)


def test_videos_that_are_missing_are_counted(tmp_path, capsys):
    write_layout(tmp_path)
    assert [video.ejection_fraction for video in echo_dynamic.read_list(tmp_path)] == [55.5, 55.5]
    assert "without 1 of 3 videos" in capsys.readouterr().out


def test_the_layout_is_found_in_the_folder_or_below(tmp_path):
    assert echo_dynamic.find(tmp_path) is None
    write_layout(tmp_path / "echonet")
    assert echo_dynamic.find(tmp_path) == tmp_path / "echonet"
    assert echo_dynamic.find(tmp_path / "echonet") == tmp_path / "echonet"


def test_a_list_without_its_columns_is_named(tmp_path):
    (tmp_path / "FileList.csv").write_text("Name,EF\na,1\n")
    with pytest.raises(ValueError, match="FileName, EF and Split"):
        echo_dynamic.read_list(tmp_path)
