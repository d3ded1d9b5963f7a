"""The measuring of the long axis against callipers that were laid by hand: here, those of a drawn mask."""

import json

import cv2
import numpy as np
import pytest

from benchmarks.plax_calipers import errors, interval, table
from tests.engine.echo_plax.drawn_masks import LVID, drawn


@pytest.fixture
def folder(tmp_path):
    for name in ("a_001", "a_009", "b_004"):
        cv2.imwrite(str(tmp_path / f"{name}_mask.png"), drawn())
        lines = {"lvid": [[10, 10], [10, 10 + LVID / 1.1]]}  # ours is a tenth longer
        (tmp_path / f"{name}.json").write_text(json.dumps({"lines": lines}))
    return tmp_path


def test_errors_are_relative_and_by_clip(folder):
    found = errors(folder)
    assert {clip: len(values) for clip, values in found["lvid"].items()} == {"a": 2, "b": 1}
    assert np.concatenate(list(found["lvid"].values())) == pytest.approx(0.1, abs=0.03)
    assert found["la"] == {}


def test_a_size_that_ours_lacks_is_counted_as_empty(folder):
    cv2.imwrite(str(folder / "b_004_mask.png"), drawn(without=(2,)))
    row = next(row for row in table(errors(folder)).splitlines() if row.startswith("| lvid"))
    assert [cell.strip() for cell in row.split("|")[3:6]] == ["3", "2", "1"]


def test_the_interval_of_equal_clips_is_a_point():
    assert interval([np.array([0.2]), np.array([0.2])]) == (0.2, 0.2)
