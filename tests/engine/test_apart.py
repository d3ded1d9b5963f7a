"""What hangs or crashes takes only its own process along."""

import io

import numpy as np
import pytest
from scipy.io import savemat

from engine import apart
from engine.apart import read_apart


def annotations() -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, {"xytspark": np.array([[3, 4, 5, 6], [7, 8, 9, 10]]), "other": np.zeros(3)})
    return buffer.getvalue()


def test_a_matlab_table_comes_back():
    found = read_apart("annotations", annotations())
    assert found is not None
    np.testing.assert_array_equal(found["xytspark"], [[3, 4, 5, 6], [7, 8, 9, 10]])


@pytest.mark.parametrize("data", [b"", b"no table", annotations()[:150]])
def test_other_bytes_are_nothing(data):
    assert read_apart("annotations", data) is None


def test_a_table_that_crashes_its_reader_is_nothing():
    data = bytearray(annotations())
    assert data[144] == 14  # whole numbers of 64 bits
    data[144] = 5  # sparse, which the sizes behind do not fit: a segmentation fault in SciPy 1.17
    assert read_apart("annotations", bytes(data)) is None


@pytest.mark.parametrize("harm", ["while True: pass", "import os; os.abort()"])
def test_what_hangs_or_crashes_is_stopped(tmp_path, monkeypatch, harm):
    child = tmp_path / "child.py"
    child.write_text(harm)
    monkeypatch.setattr(apart, "__file__", str(child))
    monkeypatch.setattr(apart, "SECONDS", 1)
    assert read_apart("annotations", b"any") is None
