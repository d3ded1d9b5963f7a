"""Whatever came becomes cines, or a sentence."""

import io

import numpy as np
import pytest
from PIL import Image

from engine.errors import UnreadableInput
from engine.mr.read import read_cines
from engine.study import Part, Study
from tests.engine.mr.drawn_mr import stack


def png(name, grey, side=20):
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side), grey, np.uint8)).save(buffer, "PNG")
    return Part(name, buffer.getvalue())


def test_pictures_are_slices_in_the_order_of_their_numbers():
    (cine,) = read_cines(Study("x", (png("s10.png", 30), png("s2.png", 20), png("s1.png", 10))))
    assert cine.images[0, :, 0, 0].tolist() == [10, 20, 30]
    assert cine.mm_per_px is None


def test_pictures_of_another_size_are_left_out_and_named():
    (cine,) = read_cines(Study("x", (png("a.png", 1), png("b.png", 2, 30))))
    assert cine.slices == 1
    assert "1 pictures of another size" in cine.notes[-1]


def test_files_beside_the_dicoms_do_not_matter():
    (cine,) = read_cines(Study("x", (*stack(), Part("DICOMDIR.txt", b"notes"))))
    assert cine.images.shape[:2] == (4, 3)


def test_a_letter_is_no_cardiac_mr():
    with pytest.raises(UnreadableInput, match="none of them"):
        read_cines(Study("x", (Part("letter.dcm", b"This is a letter." * 30),)))
