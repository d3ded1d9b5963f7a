"""The FHIR bundle: references that resolve, codes and units of the standards, and nothing on a refused study."""

import json

from engine import NOTICE
from engine.finding import Finding, Label, Measurement, Provenance, Refusal, WeightUsed
from service.fhir import LOINC, UCUM, bundle

PROVENANCE = Provenance("ab" * 32, weights=(WeightUsed("net", "cd" * 32),))
FINDING = Finding(
    "ecg",
    PROVENANCE,
    (Label("AF", "Atrial fibrillation", 0.93, 0.41, True), Label("PVC", "Premature beat", 0.1, 0.3, False)),
    (
        Measurement("heart_rate", "Heart rate", 131.0, "/min", 60, 100, {"lead": "II"}, "Guideline A"),
        Measurement("rr_cv", "RR variability", 12.0, "%"),
    ),
)


def resources(finding: Finding, kind: str) -> list[dict]:
    return [e["resource"] for e in bundle(finding)["entry"] if e["resource"]["resourceType"] == kind]


def test_the_report_refers_to_every_observation():
    made = bundle(FINDING)
    (report,) = resources(FINDING, "DiagnosticReport")
    there = {entry["fullUrl"] for entry in made["entry"]}
    assert len(there) == len(made["entry"]) == 6
    assert {result["reference"] for result in report["result"]} <= there
    assert len(report["result"]) == len(resources(FINDING, "Observation")) == 4
    assert report["conclusion"] == f"Atrial fibrillation. {NOTICE}"
    assert report["status"] == "preliminary"
    json.dumps(made, allow_nan=False)


def test_a_measurement_has_its_code_unit_and_range():
    rate, variability = resources(FINDING, "Observation")[2:]
    assert rate["code"]["coding"][0] == {"system": LOINC, "code": "8867-4"}
    assert rate["valueQuantity"] == {"value": 131.0, "unit": "/min", "system": UCUM, "code": "/min"}
    assert (rate["referenceRange"][0]["low"]["value"], rate["referenceRange"][0]["high"]["value"]) == (60, 100)
    assert rate["note"] == [{"text": "lead: II"}]
    assert "referenceRange" not in variability
    assert [coding["code"] for coding in variability["code"]["coding"]] == ["rr_cv"]


def test_a_label_has_its_probability():
    fibrillation = resources(FINDING, "Observation")[0]
    assert fibrillation["valueBoolean"] is True
    assert [part["valueQuantity"]["value"] for part in fibrillation["component"]] == [0.93, 0.41]


def test_the_device_names_the_weights():
    (device,) = resources(FINDING, "Device")
    assert device["version"][1] == {"type": {"text": "net"}, "value": "cd" * 32}


def test_the_same_finding_keeps_its_identifiers():
    assert bundle(FINDING) == bundle(FINDING)


def test_a_refused_study_has_no_observation():
    refused = Finding("ecg", PROVENANCE, refusal=Refusal("not_an_ecg", "This is no ECG."))
    assert resources(refused, "Observation") == []
    (report,) = resources(refused, "DiagnosticReport")
    assert report["status"] == "cancelled"
    assert report["conclusion"].startswith("This is no ECG.")
