"""The OpenAPI 3.1 description of the HTTP API: every path, answer and error; tests hold it against the real answers."""

from __future__ import annotations

from typing import Any

from engine import NOTICE, SOFTWARE_VERSION
from engine.registry import TASKS
from service import ecg4u

FLAGS = ("explain", "artefacts")  # form fields that every task has, beside its own options

Schema = dict[str, Any]


def document() -> Schema:
    """The whole description, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cardiac second opinion", "version": SOFTWARE_VERSION, "description": NOTICE},
        "paths": {
            "/healthz": {"get": _get("health", "Whether this process serves requests.", _ref("Health"))},
            "/api/v1/tasks": {"get": _get("tasks", "The questions that can be asked.", _ref("Tasks"))},
            "/api/v1/openapi.json": {"get": _get("description", "This description.", {"type": "object"})},
            "/api/v1/tasks/{id}/findings": {"post": _findings()},
            "/predict": {"post": _predict()},
        },
        "components": {"schemas": _schemas()},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, **more: Any) -> Schema:
    """An object whose properties are all there, unless `required` says otherwise; further ones may come."""
    return {"type": "object", "properties": properties, "required": list(properties)} | more


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def _json(text: str, schema: Schema) -> Schema:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _get(name: str, summary: str, schema: Schema) -> Schema:
    return {"operationId": name, "summary": summary, "responses": {"200": _json(summary, schema)} | _errors(405)}


def _errors(*statuses: int) -> Schema:
    texts = {
        400: "The form is malformed, has no file, or an option has a value that is not known.",
        404: "There is no such task or path.",
        405: "The path takes another method.",
        408: "The upload fell silent, or its client went away.",
        413: "The request, or what the study unpacks to, is larger than is read.",
        415: "The body is not multipart/form-data.",
        422: "The files are no readable study of this task; `/predict` also answers so for a refused study.",
        500: "A defect of this software.",
        503: "All places are taken, or the weights are not there; the header Retry-After says when to try again.",
    }
    return {str(status): _json(texts[status], _ref("Error")) for status in statuses}


def _findings() -> Schema:
    files = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": {
            "file": {
                **_list(files),
                "description": "The study's files, under any field name: one picture, a zip, or the files of a record.",
            },
            "explain": {
                "type": "string",
                "enum": ["true", "false"],
                "description": "Also explain the finding; takes longer.",
            },
            "artefacts": {
                "type": "string",
                "enum": ["true", "false"],
                "description": "Also send the files that `artefacts` names, as base64 under `files`.",
            },
            **_options(),
        },
    }
    answers = _json("The finding, or the refusal, of the study.", _ref("Finding"))
    answers["content"]["application/zip"] = {"schema": files}
    return {
        "operationId": "findings",
        "summary": "Asks a task's question about one study.",
        "description": "With `Accept: application/zip` the answer is a zip of finding.json and its files.",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "enum": list(TASKS)}}
        ],
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
        "responses": {"200": answers} | _errors(400, 404, 405, 408, 413, 415, 422, 500, 503),
    }


def _options() -> Schema:
    """The tasks' own form fields; one that several tasks have is described for each."""
    texts: dict[str, list[str]] = {}
    for task in TASKS.values():
        for name, what in task.option_names().items():
            texts.setdefault(name, []).append(f"{task.id}: {what}")
    return {name: {"type": "string", "description": "; ".join(lines)} for name, lines in texts.items()}


def _predict() -> Schema:
    picture = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "properties": dict.fromkeys(ecg4u.FIELDS, picture),
        "anyOf": [{"required": [name]} for name in ecg4u.FIELDS],
    }
    return {
        "operationId": "predict",
        "summary": "Yes or no for eight abnormalities of an ECG picture, as ECG4U answers.",
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
        "responses": {"200": _json("One result per class.", _ref("Predictions"))}
        | _errors(400, 405, 408, 413, 415, 422, 500, 503),
    }


def _schemas() -> dict[str, Schema]:
    text, number, flag = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
    prediction = _object({"classification": {"enum": list(ecg4u.CLASSES)}, "result": flag})
    weight = _object({"name": text, "title": text, "sha256": text, "licence": text})
    task = _object(
        {
            "id": {"enum": list(TASKS)},
            "title": text,
            "question": text,
            "takes": text,
            "suffixes": _list(text),
            "options": {"type": "object", "additionalProperties": text},
            "weights": _list(weight),
        }
    )
    return {
        "Health": _object({"status": {"const": "ok"}, "software": text}),
        "Tasks": _object({"notice": text, "tasks": _list(task)}),
        "Error": _object({"error": _object({"code": text, "message": text})}),
        "Predictions": _object({"results": _list(prediction)}),
        "Label": _object(
            {
                "code": text,
                "name": text,
                "probability": {"type": "number", "minimum": 0, "maximum": 1},
                "threshold": {"type": "number", "minimum": 0, "maximum": 1},
                "positive": flag,
                "uncertain": flag,
                "validated": flag,
            }
        ),
        "Measurement": _object(
            {
                "code": text,
                "name": text,
                "value": number,
                "unit": {"type": "string", "description": "UCUM"},
                "low": _nullable("number"),
                "high": _nullable("number"),
                "where": {"type": "object"},
                "source": {"type": "string", "description": "of the reference range"},
            }
        ),
        "Quality": _object(
            {"code": text, "name": text, "value": _nullable("number"), "acceptable": flag, "unit": text}
        ),
        "Provenance": _object(
            {
                "input_sha256": text,
                "software": text,
                "device": text,
                "seconds": number,
                "weights": _list(_object({"name": text, "sha256": text})),
            }
        ),
        "Explanation": _object({"methods": {"type": "object"}, "faithfulness": {"type": "array"}, "details": {}}),
        "Finding": _finding(),
    }


def _finding() -> Schema:
    refusal = _object({"code": {"type": "string"}, "message": {"type": "string"}})
    properties = {
        "schema": {"const": 1},
        "notice": {"const": NOTICE},
        "task": {"enum": list(TASKS)},
        "status": {"enum": ["finding", "refused"]},
        "refusal": {"oneOf": [{"type": "null"}, refusal]},
        "labels": _list(_ref("Label")),
        "measurements": _list(_ref("Measurement")),
        "quality": _list(_ref("Quality")),
        "artefacts": {"type": "object", "additionalProperties": {"type": "string"}},
        "details": {"type": "object"},
        "verdict": _nullable("object"),
        "provenance": _ref("Provenance"),
        "explanation": _ref("Explanation"),
        "files": {
            "type": "object",
            "description": "With artefacts=true: file name -> content.",
            "additionalProperties": {"type": "string", "contentEncoding": "base64"},
        },
    }
    return _object(properties, required=[name for name in properties if name not in ("explanation", "files")])
