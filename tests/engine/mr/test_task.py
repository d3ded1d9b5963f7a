"""The task from bytes to finding, with networks that draw and name by grey alone."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import EngineError, RefusedStudy
from engine.models import LoadedModel
from engine.mr import task
from engine.mr.views import CLASSES, SIZE
from engine.progress import silent
from engine.study import Study
from tests.engine.mr.drawn_mr import dicom, ring
from tests.engine.mr.test_segmentation import ByGrey, pictures


class Says(nn.Module):
    """One view for every picture, and points in the middle."""

    def __init__(self, view):
        super().__init__()
        self.logits = 8.0 * torch.eye(8)[CLASSES.index(view)]

    def views(self, x):
        return self.logits.expand(len(x), -1)

    def forward(self, x):
        heat = torch.full((len(x), 3, SIZE, SIZE), -20.0)
        for k in range(3):
            heat[:, k, 20 + 20 * k, 30 + 5 * k] = 20.0
        return self.views(x), heat


def store(view):
    kept = {
        "cardiac-mr-views": Says(view),
        "cardiac-mr-segmentation": ByGrey(),
        "cardiac-mr-stack": ByGrey(),
        "cardiac-mr-beat": ByGrey(),
    }
    operating = {"temperature": 1.0, "least_confidence": 0.05}
    weight = SimpleNamespace(name="drawn", operating=operating)
    return SimpleNamespace(get=lambda name: LoadedModel(weight, kept[name].eval(), "cpu"))


def study(slices=4, radii=(12.0, 8.0), **elements):
    axes = {"ImageOrientationPatient": None, "ImagePositionPatient": None} if slices == 1 else {}
    files = [
        dicom(pictures(ring(64, radius, 6.0)) * 10, 8.0 * k, 40.0 * p, PixelSpacing=[1.5, 1.5], **(axes | elements))
        for k in range(slices)
        for p, radius in enumerate(radii)
    ]
    return Study("drawn", tuple(files))


def answered(view="VIEW_SAX", asked=None, **kinds):
    return task.answer(study(**kinds), asked, store(view), silent)


def test_a_short_axis_cine_gets_volumes_mask_and_insertions():
    found = answered()
    codes = {m.code: m.value for m in found.measurements}
    true = [(ring(64, radius, 6.0) == 1).sum() * 4 * 1.5 * 1.5 * 8 / 1000 for radius in (12.0, 8.0)]
    assert codes["lv_end_diastolic_volume"] == pytest.approx(true[0], rel=0.05)
    assert codes["lv_ejection_fraction"] == pytest.approx(100 * (1 - true[1] / true[0]), abs=4)
    assert set(found.artefacts) == {"mask", "landmarks"}
    places = json.loads(found.artefacts["landmarks"][1])
    assert set(places) == {"rv_insertion_anterior", "rv_insertion_inferior"}
    assert max(found.labels, key=lambda label: label.probability).code == "VIEW_SAX"


def test_an_insertion_is_as_sure_as_the_outlines_around_it():
    found = answered()
    before = found.details["landmark_confidence"]["rv_insertion_anterior"]
    assert 0.3 < before <= 1.0
    evidence = found.evidence
    unsure = replace(evidence.segmentation, confidence=evidence.segmentation.confidence * np.float16(0.5))
    assert task._insertions(unsure)["rv_insertion_anterior"].confidence == pytest.approx(0.5 * before, abs=0.01)


def test_a_long_axis_gets_its_three_landmarks_and_no_volume():
    found = answered("VIEW_4CH")
    assert found.measurements == ()
    assert set(json.loads(found.artefacts["landmarks"][1])) == {"apex", "mitral_septal", "mitral_lateral"}


def test_a_cavity_drawn_empty_is_said_in_place_of_an_ejection_fraction():
    found = answered(radii=(12.0, 0.0))
    codes = {m.code for m in found.measurements}
    assert "lv_end_diastolic_volume" in codes
    assert "lv_ejection_fraction" not in codes
    assert any("drawn empty in phase 2" in note for note in found.details["notes"])


def test_what_the_reader_states_indexes_the_volumes():
    found = answered(asked=task.options({"height_cm": "160", "weight_kg": "90", "heart_rate": "60"}))
    codes = {m.code: m.value for m in found.measurements}
    assert codes["lv_mass_index"] == pytest.approx(codes["lv_mass"] / 2, abs=0.01)
    assert codes["cardiac_output"] == pytest.approx(codes["lv_stroke_volume"] * 0.06, abs=0.01)


def test_one_slice_says_why_there_is_no_volume():
    found = answered(slices=1)
    assert found.measurements == ()
    assert any("holds no volume" in note for note in found.details["notes"])


def test_scouts_alone_say_what_to_send():
    found = answered("VIEW_CORONAL", ImageOrientationPatient=None, ImagePositionPatient=None)
    assert found.measurements == ()
    assert any("send the short-axis cine" in note for note in found.details["notes"])


def test_no_heart_is_refused():
    with pytest.raises(RefusedStudy) as refused:
        answered("OTHER")
    assert refused.value.code == "not_cardiac_mr"


def test_a_stack_without_a_ventricle_is_refused():
    files = tuple(dicom(np.full((64, 64), 50), 8.0 * k) for k in range(4))
    with pytest.raises(RefusedStudy) as refused:
        task.answer(Study("even", files), None, store("VIEW_SAX"), silent)
    assert refused.value.code == "no_ventricle"


@pytest.mark.parametrize(
    "fields", [{"height_cm": "3"}, {"sex": "X"}, {"series": "-1"}, {"heart_rate": "nan"}, {"no": "1"}]
)
def test_statements_that_cannot_be_are_named(fields):
    with pytest.raises(EngineError):
        task.options(fields)
