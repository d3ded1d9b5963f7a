"""Pictures of the measured figures: they are written, and what they draw is what was measured."""

import cv2
import numpy as np
import pytest

from engine.echo_ef.ejection_fraction import MeasuredError
from training import echo_plots

ERROR = MeasuredError((40.0, 50.0), (0.0, 0.0, 0.0), (6.0, 6.0, 6.0))


def test_every_picture_is_written_and_patients_without_an_ef_are_left_out(tmp_path):
    rng = np.random.default_rng(0)
    reference = rng.uniform(20, 70, 30)
    ef = np.stack([reference + rng.normal(0, 5, 30), reference], 1)
    ef[3, 0] = np.nan
    echo_plots.write(tmp_path, rng.uniform(0.8, 1, (30, 3)), ("LV", "wall", "LA"), ef, ERROR)
    assert {path.name for path in tmp_path.iterdir()} == {
        "dice.png",
        "ef_scatter.png",
        "ef_bland_altman.png",
        "ef_roc.png",
    }
    assert all(cv2.imread(str(path)).std() > 5 for path in tmp_path.iterdir())


def test_the_roc_is_of_the_stated_probabilities():
    truth, probability = echo_plots.roc_of(np.array([[30.0, 38.0], [45.0, 49.0], [62.0, 50.0]]), ERROR)
    assert truth.tolist() == [[1, 1], [0, 1], [0, 0]]
    assert (np.diff(probability, axis=0) < 0).all()  # the higher the estimate, the less likely either
    assert (probability[:, 1] >= probability[:, 0]).all()
    assert probability[0, 0] == pytest.approx(0.95, abs=0.01)  # 10 points below 40 with a deviation of 6
