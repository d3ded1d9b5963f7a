"""The finding's form: the contract's fields, no nan, and no number on a refused study."""

import json
import math

import numpy as np
import pytest

from engine import NOTICE
from engine.finding import Finding, Label, Measurement, Provenance, Quality, Refusal, Verdict, WeightUsed

PROVENANCE = Provenance("0" * 64, device="cpu", seconds=1.25, weights=(WeightUsed("net", "f" * 64),))
LABEL = Label("AF", "Atrial fibrillation", 0.93, 0.41, True)
RATE = Measurement("heart_rate", "Heart rate", 72.0, "/min", 60, 100, {"lead": "II"}, "a guideline")


def test_the_contract_s_fields_are_there():
    finding = Finding("ecg", PROVENANCE, (LABEL,), (RATE,), (Quality("einthoven_residual", 0.06, True),))
    body = json.loads(finding.to_json())
    assert body["schema"] == 1
    assert (body["task"], body["status"], body["refusal"]) == ("ecg", "finding", None)
    assert body["notice"] == NOTICE
    label = {"code": "AF", "name": "Atrial fibrillation", "probability": 0.93, "threshold": 0.41, "positive": True}
    assert label.items() <= body["labels"][0].items()
    rate = {"code": "heart_rate", "name": "Heart rate", "value": 72.0, "unit": "/min", "low": 60, "high": 100}
    assert (rate | {"where": {"lead": "II"}}).items() <= body["measurements"][0].items()
    assert {"code": "einthoven_residual", "value": 0.06, "acceptable": True}.items() <= body["quality"][0].items()
    assert body["artefacts"] == {}
    assert body["provenance"]["input_sha256"] == "0" * 64
    assert {"software", "device", "seconds"} <= set(body["provenance"])
    assert body["provenance"]["weights"] == [{"name": "net", "sha256": "f" * 64}]


@pytest.mark.parametrize("answer", [{"labels": (LABEL,)}, {"measurements": (RATE,)}])
def test_a_refused_finding_carries_no_number(answer):
    with pytest.raises(ValueError, match="no label and no measurement"):
        Finding("ecg", PROVENANCE, refusal=Refusal("not_an_ecg", "This is no ECG."), **answer)


def test_a_refused_finding_says_why():
    body = Finding("ecg", PROVENANCE, refusal=Refusal("not_an_ecg", "This is no ECG.")).to_dict()
    assert body["status"] == "refused"
    assert body["refusal"] == {"code": "not_an_ecg", "message": "This is no ECG."}
    assert body["labels"] == body["measurements"] == []


def test_json_has_no_nan_and_no_numpy():
    details = {"a": math.nan, "b": [np.float32(0.5), np.inf], "c": (np.int64(3), np.bool_(True)), "d": np.eye(2)}
    body = json.loads(Finding("ecg", PROVENANCE, details=details).to_json())
    assert body["details"] == {"a": None, "b": [0.5, None], "c": [3, True], "d": [[1.0, 0.0], [0.0, 1.0]]}


@pytest.mark.parametrize(
    ("value", "low", "high", "inside"),
    [(60, 60, 100, True), (100, 60, 100, True), (59.9, 60, 100, False), (101, None, 100, False), (5, None, None, None)],
)
def test_a_measurement_knows_its_range(value, low, high, inside):
    assert Measurement("x", "X", value, "ms", low, high).in_range is inside


def test_the_verdict_travels_in_the_finding_without_changing_it():
    finding = Finding("ecg", PROVENANCE, (LABEL,))
    marked = finding.with_verdict(Verdict("corrected", ("AF",), {"heart_rate": 70.0}, "seen"))
    assert finding.verdict is None
    assert marked.to_dict()["verdict"] == {
        "agreement": "corrected",
        "labels": ["AF"],
        "measurements": {"heart_rate": 70.0},
        "comment": "seen",
    }
    assert marked.labels == finding.labels


def test_a_measurement_is_found_by_its_code():
    finding = Finding("ecg", PROVENANCE, measurements=(RATE,))
    assert finding.measurement("heart_rate") is RATE
    assert finding.measurement("pr_interval") is None
