"""Video intake: frames, rate and pixel size as written; everything damaged or hostile becomes one sentence."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.study import read_bytes
from engine.videos import read_video
from tests.engine.echo.drawn_videos import avi, dicom

FRAMES = np.random.default_rng(0).integers(0, 255, (6, 64, 80), dtype=np.uint8)
TISSUE = (1, 1, 3, 0, 0, None, None, -0.05, 0.04)


def read(name, data):
    return read_video(read_bytes(name, data))


def test_a_lossless_avi_comes_back_pixel_by_pixel():
    video = read("a.avi", avi(FRAMES, 40))
    assert (video.width, video.height, video.frame_rate_hz, video.still) == (80, 64, 40.0, False)
    np.testing.assert_array_equal(np.stack(list(video.frames()))[..., 0], FRAMES)
    assert not video.pixel_size.known


def test_frames_can_be_streamed_again():
    video = read("a.avi", avi(FRAMES))
    assert len(list(video.frames())) == len(list(video.frames())) == 6


def test_dicom_gives_frames_rate_and_pixel_size_by_magnitude():
    video = read("a.dcm", dicom(FRAMES))
    assert video.frame_rate_hz == pytest.approx(40)
    assert (video.pixel_size.x_mm, video.pixel_size.y_mm) == pytest.approx((0.5, 0.4))
    np.testing.assert_array_equal(np.stack(list(video.frames()))[..., 1], FRAMES)


@pytest.mark.parametrize(
    "regions",
    [
        (),
        (TISSUE, TISSUE),
        ((1, 1, 3, 0, 0, 400, 300, 0.05, 0.05),),  # outside the frame
        ((1, 2, 3, 0, 0, None, None, 0.05, 0.05),),  # colour flow
        ((2, 1, 3, 0, 0, None, None, 0.05, 0.05),),  # M-mode
        ((1, 1, 4, 0, 0, None, None, 0.05, 0.05),),  # seconds
        ((1, 1, 3, 0, 0, None, None, 0.0, 0.05),),
    ],
)
def test_a_pixel_size_that_cannot_be_believed_is_not_used(regions):
    size = read("a.dcm", dicom(FRAMES, regions)).pixel_size
    assert not size.known
    assert size.reason


def test_the_real_four_chamber_cine_states_a_region_outside_its_frame():
    with open(get_testdata_file("examples_ybr_color.dcm"), "rb") as file:
        video = read("a.dcm", file.read())
    assert video.frame_rate_hz == pytest.approx(30, abs=0.1)
    assert "does not fit" in video.pixel_size.reason
    assert sum(1 for _ in video.frames()) == 30


def test_dicom_without_pictures_and_of_another_modality_is_refused():
    with pytest.raises(RefusedStudy, match="modality MR"):
        read("a.dcm", dicom(FRAMES, Modality="MR"))
    with pytest.raises(EngineError):
        read("a.dcm", dicom(FRAMES).split(b"\xe0\x7f\x10\x00")[0])


@pytest.mark.parametrize("data", [b"", b"RIFF", b"no video at all" * 50, avi(FRAMES)[:300]])
def test_what_is_no_video_is_one_sentence(data):
    with pytest.raises(EngineError) as caught:
        list(read("a.avi", data).frames())
    assert str(caught.value).endswith(".")


def test_huge_frames_are_turned_away_before_they_are_decoded():
    wide = avi(np.zeros((1, 2100, 2100), np.uint8))
    with pytest.raises(UnreadableInput, match="4 million"):
        read("a.avi", wide)


def test_a_track_in_an_unknown_coding_is_turned_away_with_the_remedy():
    unknown = avi(FRAMES).replace(b"FFV1", b"\0\1\2\3")  # the codec's name
    with pytest.raises(UnreadableInput, match="export it as MP4"):
        read("a.avi", unknown)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=40))
def test_damaged_bytes_raise_only_our_errors(at, junk):
    data = bytearray(avi(FRAMES))
    at %= len(data)
    data[at : at + len(junk)] = junk
    with contextlib.suppress(EngineError):
        list(read("a.avi", bytes(data)).frames())
