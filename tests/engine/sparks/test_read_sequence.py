"""Every kind of file that a recording comes in, and every reason not to read one."""

import io
import struct

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from engine.errors import RefusedStudy, UnreadableInput
from engine.sparks import read_sequence as read_sequence_module
from engine.sparks.read_sequence import read_sequence
from engine.study import read_path
from tests.engine.sparks.drawn_recording import drawn, stack, study, tiff

FRAMES = drawn(frames=14, height=20, width=30)


def png(picture):
    return cv2.imencode(".png", picture)[1].tobytes()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def whole(recording):
    return recording.read(0, recording.shape[0])


def test_ome_tiff_states_its_sizes():
    recording = read_sequence(stack(FRAMES))
    assert recording.shape == (14, 20, 30)
    assert recording.um_per_px == pytest.approx(0.4)
    assert recording.ms_per_frame == pytest.approx(8.0)
    assert (whole(recording) == FRAMES).all()
    assert read_sequence(stack(FRAMES), 0.2, 5.0).um_per_px == 0.2


def test_imagej_tiff_states_its_sizes():
    data = tiff(FRAMES, imagej=True, resolution=(5.0, 5.0), metadata={"axes": "TYX", "unit": "um", "finterval": 0.012})
    recording = read_sequence(study(("a.tif", data)))
    assert recording.um_per_px == pytest.approx(0.2)
    assert recording.ms_per_frame == pytest.approx(12.0)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_plain_stacks_are_read_in_pieces(compression):
    recording = read_sequence(study(("a.tif", tiff(FRAMES, compression=compression))))
    assert (recording.um_per_px, recording.ms_per_frame) == (None, None)
    assert (recording.read(3, 6) == FRAMES[3:6]).all()


def test_an_array_is_read():
    assert (whole(read_sequence(study(("a.npy", npy(FRAMES.astype(np.float32)))))) == FRAMES).all()


def test_frames_come_in_the_order_of_their_numbers_and_gaps_are_named():
    files = [(f"im{n}.tif", tiff(FRAMES[k])) for k, n in enumerate((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14))]
    recording = read_sequence(study(*reversed(files)))
    assert (whole(recording) == FRAMES[:12]).all()
    assert recording.missing_frames == (12,)
    assert any("12" in note for note in recording.notes)


def test_the_one_channel_with_the_signal_is_taken():
    colour = np.zeros((*FRAMES.shape, 3), np.uint8)
    colour[..., 0] = FRAMES // 2
    recording = read_sequence(study(("a.tif", tiff(colour, photometric="rgb"))))
    assert (whole(recording) == FRAMES // 2).all()
    assert any("red" in note for note in recording.notes)


def test_a_single_picture_is_a_line_scan_and_that_is_said():
    scan = FRAMES.reshape(-1, 30).astype(np.uint8)
    recording = read_sequence(study(("scan.png", png(scan))))
    assert recording.line_scan
    assert recording.shape == (280, 1, 30)
    assert (whole(recording)[:, 0] == scan).all()
    assert any("line scan" in note for note in recording.notes)


def test_annotations_come_along():
    marks = b"x,y,tIni,tFin\r\n15,9,3,7\r\n"
    recording = read_sequence(study(("a.tif", tiff(FRAMES)), ("a.csv", marks)))
    (mark,) = recording.annotations
    assert (mark.x, mark.y, mark.t_start, mark.t_end) == (15, 9, 3, 7)
    buffer = io.BytesIO()
    savemat(buffer, {"xytspark": np.array([[16, 10, 4, 8]])})
    assert read_sequence(study(("a.tif", tiff(FRAMES)), ("a.mat", buffer.getvalue()))).annotations == (mark,)


def test_more_than_one_annotation_file_is_said_and_none_is_shown():
    marks = b"x,y,tIni,tFin\n15,9,3,7\n"
    recording = read_sequence(study(("a.tif", tiff(FRAMES)), ("a.csv", marks), ("b.csv", marks)))
    assert recording.annotations == ()
    assert any("2 annotation files" in note for note in recording.notes)


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("mixed_sizes", [("1.png", png(FRAMES[0].astype(np.uint8))), ("2.png", png(np.zeros((9, 9), np.uint8)))]),
        ("all_black", [("a.tif", tiff(np.zeros((14, 20, 30), np.uint16)))]),
        (
            "saturated",
            [("a.tif", tiff(np.where(np.arange(600).reshape(20, 30) % 2, 255, FRAMES // 2).astype(np.uint8)))],
        ),
        ("too_short", [("a.tif", tiff(FRAMES[:5]))]),
        ("too_small", [("a.tif", tiff(FRAMES[:, :5, :5]))]),
        (
            "no_dominant_channel",
            [("a.tif", tiff(np.random.default_rng(0).integers(0, 255, (14, 20, 30, 3), np.uint8), photometric="rgb"))],
        ),
        ("not_finite", [("a.tif", tiff(np.where(FRAMES[0, 0, 0] == FRAMES, np.nan, FRAMES).astype(np.float32)))]),
    ],
)
def test_what_must_not_be_measured_is_refused_with_a_remedy(code, files):
    with pytest.raises(RefusedStudy) as caught:
        whole(read_sequence(study(*files)))
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "files",
    [
        [("a.tif", b"")],
        [("1.tif", tiff(FRAMES[0])), ("2.tif", b"")],
        [("a.tif", tiff(FRAMES)[:3000])],
        [("a.npy", npy(FRAMES)[:500])],
        [("a.npy", npy(FRAMES).replace(b"(14, 20, 30)", b"(-1, 20, 30)"))],
        [("a.npy", npy(np.array(["a"], object)))],
        [("a.csv", b"x,y\n")],
        [("a.bin", b"something else")],
    ],
)
def test_broken_bytes_are_turned_away_with_a_sentence(files):
    with pytest.raises(UnreadableInput) as caught:
        read_sequence(study(*files))
    assert str(caught.value).rstrip().endswith(".")


def in_a_circle(data: bytes, big: bool) -> bytes:
    """A TIFF whose last page leads back to its first."""
    place, tags, tag_bytes = (8, "<Q", 20) if big else (4, "<H", 12)
    first, size = data[place : 2 * place], struct.calcsize(tags)
    while int.from_bytes(data[place : place + len(first)], "little"):
        at = int.from_bytes(data[place : place + len(first)], "little")
        place = at + size + tag_bytes * struct.unpack_from(tags, data, at)[0]
    return data[:place] + first + data[place + len(first) :]


@pytest.mark.parametrize("big", [False, True])
def test_pages_that_lead_in_a_circle_are_not_followed_for_ever(monkeypatch, big):
    monkeypatch.setattr(read_sequence_module, "MAX_FRAMES", 300)
    whole = tiff(drawn(frames=14), bigtiff=big, compression="zlib", metadata=None)
    assert read_sequence(study(("cell.tif", whole))).shape[0] == 14
    with pytest.raises(UnreadableInput, match="damaged or incomplete"):
        read_sequence(study(("cell.tif", in_a_circle(whole, big))))


def test_no_memory_is_set_aside_for_what_a_damaged_png_promises():
    whole = png(np.arange(64 * 48, dtype=np.uint8).reshape(64, 48))
    at = whole.index(b"IDAT") - 4
    with pytest.raises(UnreadableInput, match="incomplete or damaged"):
        read_sequence(study(("scan.png", whole[:at] + b"\x7f\xff\xff\xff" + whole[at + 4 :])))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_stack_too_large_for_memory_is_read_from_disk(tmp_path, monkeypatch, compression):
    monkeypatch.setattr("engine.study.MAX_STUDY_BYTES", 1000)
    (tmp_path / "long.tif").write_bytes(tiff(FRAMES, compression=compression))
    recording = read_sequence(read_path(tmp_path / "long.tif", in_pieces=True))
    assert recording.shape == FRAMES.shape
    assert (recording.read(3, 9) == FRAMES[3:9]).all()
    assert (recording.read(12, 20) == FRAMES[12:]).all()


def test_a_large_array_is_read_from_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.study.MAX_STUDY_BYTES", 1000)
    (tmp_path / "long.npy").write_bytes(npy(FRAMES))
    recording = read_sequence(read_path(tmp_path / "long.npy", in_pieces=True))
    assert (recording.read(5, 8) == FRAMES[5:8]).all()
