"""Which files of a folder are one recording."""

import pytest

from engine.errors import UnreadableInput
from engine.sparks.folder import recordings_of
from tests.engine.sparks.drawn_recording import drawn, tiff

FRAMES = drawn(frames=12)
MARKS = b"x,y,tIni,tFin\n1,2,3,4\n"


def named(studies):
    return {study.name: [part.name for part in study.parts] for study in studies}


def test_stacks_are_recordings_each_with_the_marks_of_its_name():
    files = [
        ("day/b.ome.tif", tiff(FRAMES)),
        ("day/a.tif", tiff(FRAMES)),
        ("day/b.csv", MARKS),
        ("day/notes.txt", b"x"),
    ]
    assert named(recordings_of(files)) == {"day/a": ["a.tif"], "day/b.ome": ["b.ome.tif", "b.csv"]}


def test_a_folder_of_single_frames_is_one_recording():
    files = [(f"day/cell 1/im{k}.tif", tiff(FRAMES[k])) for k in range(3)] + [("day/cell 1/marks.csv", MARKS)]
    files += [("day/cell 2/scan.png", b"a picture"), ("day/.hidden.tif", b"x")]
    found = named(recordings_of(files))
    assert found == {"day/cell 1": ["im0.tif", "im1.tif", "im2.tif", "marks.csv"], "day/cell 2": ["scan.png"]}


def test_a_damaged_file_stays_a_recording_of_its_own_to_be_refused_by_name():
    files = [("day/a.tif", tiff(FRAMES)), ("day/cut.tif", tiff(FRAMES)[:500]), ("day/empty.avi", b"")]
    assert set(named(recordings_of(files))) == {"day/a", "day/cut", "day/empty"}


def test_a_folder_without_recordings_is_said():
    with pytest.raises(UnreadableInput, match="there are none"):
        recordings_of([("day/notes.txt", b"x")])
