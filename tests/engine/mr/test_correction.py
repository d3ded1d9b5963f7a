"""What the reader draws is what is measured."""

import io
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis import Analysis
from engine.errors import EngineError
from engine.finding import Finding, Provenance
from engine.mr.cine import Cine
from engine.mr.correction import corrected
from engine.mr.outlines import outlines
from engine.mr.segmentation import Segmentation
from engine.mr.task import read_off
from tests.engine.mr.drawn_mr import ring


def stack():
    """Four slices, three phases: full, half, full but for one pixel."""
    return np.stack([[ring(80, radius, 7.0)] * 4 for radius in (16.0, 9.0, 15.9)])


@pytest.fixture
def read():
    labels = stack()
    cine = Cine(labels.astype(np.float32), (1.5, 1.5), 8.0)
    found = Segmentation(labels, np.full((3, 4, 8, 8), 0.9, np.float16), np.eye(2, 3), (1.5, 1.5), False)
    answer = read_off(cine, ("drawn",), 0, np.eye(8)[0], found, {})
    finding = Finding("cardiac-mr", Provenance("0"), answer.labels, answer.measurements, details=answer.details)
    return Analysis(finding, dict(answer.artefacts.values()), answer.evidence)


def volume(analysis, code="lv_end_diastolic_volume"):
    return analysis.finding.measurement(code).value


def test_a_slice_without_ventricle_takes_its_share_and_the_phases_stay(read):
    after = corrected(read, {(0, 0): {}})
    assert volume(after) == pytest.approx(0.75 * volume(read), rel=0.001)
    assert volume(after, "lv_end_systolic_volume") == volume(read, "lv_end_systolic_volume")
    assert after.evidence.volumes.end_diastole == read.evidence.volumes.end_diastole
    assert after.finding.details["corrected_outlines"] == [[0, 0]]
    assert any("1 picture was corrected" in note for note in after.finding.details["notes"])
    mask = np.load(io.BytesIO(after.artefacts["mask.npz"]))["mask"]
    assert not mask[0, 0].any()


def test_a_larger_cavity_is_a_larger_volume_and_what_was_read_stays(read):
    before = read.evidence.segmentation.labels.copy()
    curves = outlines(before[0, 1])
    middle = curves["cavity"].mean(0)
    curves["cavity"] = middle + 1.2 * (curves["cavity"] - middle)
    after = corrected(read, {(0, 1): curves})
    assert volume(after) == pytest.approx(volume(read) * (3 + 1.44) / 4, rel=0.02)
    assert volume(after, "lv_ejection_fraction") > volume(read, "lv_ejection_fraction")
    assert np.array_equal(read.evidence.segmentation.labels, before)


def test_places_and_curves_that_do_not_exist_are_said(read):
    with pytest.raises(EngineError, match="phase 9"):
        corrected(read, {(9, 0): {}})
    with pytest.raises(EngineError, match="3 points"):
        corrected(read, {(0, 0): {"cavity": np.zeros((2, 2))}})
    bare = replace(read, evidence=replace(read.evidence, segmentation=None, volumes=None))
    with pytest.raises(EngineError, match="no"):
        corrected(bare, {})
