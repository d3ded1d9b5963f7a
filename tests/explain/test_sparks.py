"""Attention on the recording's frames, and whether taking the attended frames away takes the answer away."""

import numpy as np
import pytest

from engine import models
from engine.registry import task
from explain.sparks import deletion_curve, explain
from tests.engine.sparks.drawn_recording import drawn, stack

SPARK = (30, 12, 20, 1.0, 2.2, 12.0, 40.0)


@pytest.fixture(scope="module")
def analysis():
    return task("calcium-sparks").analyse(stack(drawn([SPARK])), store=models.store("cpu"))


def test_attention_lies_on_the_spark_and_adds_up_to_one(analysis):
    explained = explain(analysis, models.store("cpu"))
    attention = explained.arrays["attention"]
    assert attention.shape == (60,)
    assert attention.sum() == pytest.approx(1, abs=1e-4)
    assert attention[27:40].sum() > 0.6
    assert set(explained.axes) == set(explained.arrays)


def test_removing_the_attended_frames_removes_the_answer(analysis):
    (check,) = explain(analysis, models.store("cpu")).faithfulness
    assert check.passed
    assert check.attributed[0] > 0.9
    assert check.attributed[-1] < 0.5
    assert (check.random > check.attributed).any()


def test_a_network_that_looks_elsewhere_does_not_pass(analysis, monkeypatch):
    model = models.store("cpu").get("sparks-frames")
    described = analysis.evidence.detection.frames
    import explain.sparks

    honest = explain.sparks.attend

    def misleading(model, described, kept=None):
        frame, attention, whole = honest(model, described, kept)
        return frame, (attention.max() - attention) / len(attention), whole

    monkeypatch.setattr(explain.sparks, "attend", misleading)
    check = deletion_curve(model, described)
    assert check.attributed[-1] >= np.min(check.random) - 0.05
