"""A finding as HL7 FHIR R4: a collection Bundle of one DiagnosticReport, its Observations and the device that answered.

Observations are preliminary: no person has confirmed them. No patient is named; the receiving system adds the subject.
"""

from __future__ import annotations

import uuid
from typing import Any

from engine import NOTICE
from engine.finding import Finding, Label, Measurement
from engine.registry import task

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
OWN = "urn:cardiac-second-opinion"
LOINC_CODES = {  # measurement code -> LOINC
    "heart_rate": "8867-4",
    "pr_interval": "8625-6",
    "qrs_duration": "8633-0",
    "qt_interval": "8634-8",
    "qtc_bazett": "8636-3",
    "lv_ejection_fraction": "10230-1",
}

Resource = dict[str, Any]


def bundle(finding: Finding) -> Resource:
    """The Bundle as JSON values. The same finding gives the same identifiers. A refused one carries no Observation."""
    device = _entry(finding, "device", _device(finding))
    seen = [_entry(finding, f"label-{label.code}", _label(label, device)) for label in finding.labels]
    seen += [
        _entry(finding, f"measurement-{number}-{m.code}", _measurement(m, device))
        for number, m in enumerate(finding.measurements)
    ]
    report = _entry(finding, "report", _report(finding, seen))
    return {"resourceType": "Bundle", "type": "collection", "entry": [report, device, *seen]}


def _entry(finding: Finding, name: str, resource: Resource) -> Resource:
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{OWN}:{finding.task}:{finding.provenance.input_sha256}:{name}")
    return {"fullUrl": f"urn:uuid:{identity}", "resource": resource}


def _report(finding: Finding, observations: list[Resource]) -> Resource:
    asked = task(finding.task)
    present = [label.name for label in finding.labels if label.positive]
    conclusion = finding.refusal.message if finding.refusal else ", ".join(present) or "None of the classes."
    return {
        "resourceType": "DiagnosticReport",
        "status": "cancelled" if finding.refusal else "preliminary",
        "code": {"coding": [{"system": OWN, "code": asked.id}], "text": asked.title},
        "conclusion": f"{conclusion} {NOTICE}" if conclusion.endswith(".") else f"{conclusion}. {NOTICE}",
        "result": [{"reference": entry["fullUrl"]} for entry in observations],
    }


def _label(label: Label, device: Resource) -> Resource:
    return _observation(label.code, label.name, device) | {
        "valueBoolean": label.positive,
        "component": [
            {
                "code": {"coding": [{"system": OWN, "code": name}], "text": name},
                "valueQuantity": {"value": value, "unit": "1", "system": UCUM, "code": "1"},
            }
            for name, value in (("probability", label.probability), ("threshold", label.threshold))
        ],
    }


def _measurement(measurement: Measurement, device: Resource) -> Resource:
    body = _observation(measurement.code, measurement.name, device)
    body["valueQuantity"] = _quantity(measurement.value, measurement.unit)
    bounds = {"low": measurement.low, "high": measurement.high}
    limits = {name: _quantity(value, measurement.unit) for name, value in bounds.items() if value is not None}
    if limits:
        body["referenceRange"] = [limits | ({"text": measurement.source} if measurement.source else {})]
    if measurement.where:
        body["note"] = [{"text": ", ".join(f"{name}: {value}" for name, value in measurement.where.items())}]
    return body


def _observation(code: str, name: str, device: Resource) -> Resource:
    coding = [{"system": OWN, "code": code}]
    if code in LOINC_CODES:
        coding.insert(0, {"system": LOINC, "code": LOINC_CODES[code]})
    return {
        "resourceType": "Observation",
        "status": "preliminary",
        "code": {"coding": coding, "text": name},
        "device": {"reference": device["fullUrl"]},
    }


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _device(finding: Finding) -> Resource:
    made = finding.provenance
    versions = [{"type": {"text": "software"}, "value": made.software}]
    versions += [{"type": {"text": weight.name}, "value": weight.sha256} for weight in made.weights]
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "Cardiac second opinion", "type": "model-name"}],
        "version": versions,
        "note": [{"text": NOTICE}],
    }
