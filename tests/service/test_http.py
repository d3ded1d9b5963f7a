"""The HTTP API as its clients see it: answers, refusals, limits, and nothing that leaks."""

import asyncio
import base64
import io
import json
import logging
import threading
import time
import zipfile

import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from engine import NOTICE, SOFTWARE_VERSION, registry
from engine.finding import Label
from engine.registry import Answer, Task
from engine.settings import Settings
from service import ecg4u, http, openapi

FINDINGS = "/api/v1/tasks/drawn/findings"


def client(**settings) -> TestClient:
    """The API mounted as the app mounts it: in front of pages that answer everything else with HTML."""

    async def page(request):
        return HTMLResponse("<html>")

    mounted = Starlette(
        routes=[*http.routes(Settings(**settings)), Mount("/", Starlette(routes=[Route("/{p:path}", page)]))]
    )
    return TestClient(mounted, raise_server_exceptions=False)


def upload(content: bytes, name: str = "Anna Meier 1950.txt") -> dict:
    return {"files": {"study": (name, content)}}


def hold(schema: dict, value: object) -> None:
    """Holds a real answer against the description."""
    whole = openapi.document()
    jsonschema.validate(value, schema | {"components": whole["components"]}, jsonschema.Draft202012Validator)


def described(path: str, method: str, status: int) -> dict:
    answers = openapi.document()["paths"][path][method]["responses"]
    return answers[str(status)]["content"]["application/json"]["schema"]


def error(response, status: int, code: str) -> str:
    """The sentence of an error answer, after checking its form."""
    assert response.status_code == status, response.text
    hold(openapi.document()["components"]["schemas"]["Error"], response.json())
    assert response.json()["error"]["code"] == code
    assert "Traceback" not in response.text
    return response.json()["error"]["message"]


def test_health():
    response = client().get("/healthz")
    assert response.json() == {"status": "ok", "software": SOFTWARE_VERSION}
    hold(described("/healthz", "get", 200), response.json())


def test_tasks_are_listed_as_described(drawn):
    response = client().get("/api/v1/tasks")
    assert [task["id"] for task in response.json()["tasks"]] == list(registry.TASKS)
    assert response.json()["notice"] == NOTICE
    assert response.json()["tasks"][-1]["options"] == {"unit": "of the size"}
    hold(described("/api/v1/tasks", "get", 200), response.json())


def test_a_finding_is_as_described(drawn):
    response = client().post(FINDINGS, **upload(b"123456"))
    assert response.status_code == 200
    assert response.json()["status"] == "finding"
    assert response.json()["quality"][1]["value"] is None
    assert "explanation" not in response.json()
    assert "files" not in response.json()
    assert response.headers["cache-control"] == "no-store"
    hold(described("/api/v1/tasks/{id}/findings", "post", 200), response.json())


def test_explanation_and_files_come_when_asked_for(drawn):
    response = client().post(FINDINGS, data={"explain": "true", "artefacts": "true"}, **upload(b"123456"))
    body = response.json()
    assert body["explanation"]["faithfulness"][0]["passed"] is True
    assert base64.b64decode(body["files"]["count.csv"]) == b"size\n6\n"
    assert set(body["files"]) == set(body["artefacts"].values()) == {"count.csv", "explanation.npz"}
    hold(described("/api/v1/tasks/{id}/findings", "post", 200), body)


def test_a_zip_holds_the_result_folder(drawn):
    response = client().post(FINDINGS, headers={"Accept": "application/zip"}, **upload(b"123456"))
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as bundle:
        assert set(bundle.namelist()) == {"finding.json", "count.csv"}
        assert json.loads(bundle.read("finding.json"))["task"] == "drawn"


def test_a_refusal_is_a_finding(drawn):
    response = client().post(FINDINGS, data={"explain": "true"}, **upload(b"1"))
    assert response.status_code == 200
    assert response.json()["refusal"]["code"] == "too_short"
    hold(described("/api/v1/tasks/{id}/findings", "post", 200), response.json())


def test_options_and_several_files_reach_the_task(drawn):
    files = [("a", ("rec.hea", b"head")), ("b", ("rec.dat", b"data"))]
    assert client().post(FINDINGS, files=files, data={"unit": "px"}).status_code == 200
    assert drawn.options == [{"unit": "px"}]
    assert [part.name for part in drawn.studies[0].parts] == ["rec.hea", "rec.dat"]


@pytest.mark.parametrize(
    ("content", "status", "code", "words"),
    [
        (b"BROKEN", 422, "unreadable_input", "draw it again"),
        (b"PK\x03\x04 no zip", 422, "unreadable_input", "damaged"),
        (b"", 422, "unreadable_input", "empty"),
        (b"HUGE", 413, "too_large", "memory"),
        (b"BUG", 500, "internal_error", "please report it"),
    ],
)
def test_what_cannot_be_analysed_is_one_sentence(drawn, content, status, code, words):
    message = error(client().post(FINDINGS, **upload(content)), status, code)
    assert words in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("POST", "/api/v1/tasks/xray/findings", 404, "unknown_task"),
        ("GET", FINDINGS, 405, "method_not_allowed"),
        ("PUT", "/api/v1/tasks", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("OPTIONS", "/predict", 405, "method_not_allowed"),
    ],
)
def test_wrong_paths_and_methods_never_show_a_page(drawn, method, path, status, code):
    error(client().request(method, path), status, code)


def test_other_paths_are_the_pages():
    assert client().get("/ecg").text == "<html>"


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"json": {"a": 1}}, 415, "unsupported_media_type"),
        ({"content": b"x"}, 415, "unsupported_media_type"),
        ({"data": {"explain": "true"}}, 415, "unsupported_media_type"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "malformed_form"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "malformed_form"),
        ({"files": {"explain": (None, "true")}}, 400, "missing_file"),
        (upload(b"1234") | {"data": {"explain": "perhaps"}}, 400, "bad_option"),
        (upload(b"1234") | {"data": {"colour": "red"}}, 400, "bad_option"),
    ],
)
def test_a_wrong_form_is_named(drawn, more, status, code):
    error(client().post(FINDINGS, **more), status, code)


def test_a_large_request_is_turned_away_by_its_length(drawn):
    message = error(client(max_request_bytes=1 << 20).post(FINDINGS, **upload(bytes(2 << 20))), 413, "too_large")
    assert "larger than the 1 MB" in message
    assert drawn.studies == []


def test_bytes_are_counted_where_no_length_is_stated(drawn):
    taken = []

    def endless():
        yield b'--cut\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
        for k in range(64):
            taken.append(k)
            yield bytes(1 << 18)

    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    response = client(max_request_bytes=1 << 20).post(FINDINGS, content=endless(), headers=headers)
    error(response, 413, "too_large")


def test_a_full_house_says_when_to_come_back(drawn):
    app = http.application(Settings(workers=1))
    desk = next(route.endpoint.__self__ for route in app.routes if route.path.endswith("/findings"))
    answers = []
    with TestClient(app) as web:
        posts = [
            threading.Thread(target=lambda: answers.append(web.post(FINDINGS, **upload(b"WAIT")).status_code))
            for _ in range(1 + http.WAITING)
        ]
        for post in posts:
            post.start()
        deadline = time.monotonic() + 20
        while len(desk.visits) < len(posts) and time.monotonic() < deadline:
            time.sleep(0.01)
        response = web.post(FINDINGS, **upload(b"1234"))
        error(response, 503, "busy")
        assert response.headers["retry-after"] == str(http.RETRY_AFTER_S)
        assert web.get("/healthz").status_code == 200  # the event loop is free
        drawn.gate.set()
        for post in posts:
            post.join(timeout=20)
        assert answers == [200] * len(posts)
        assert web.post(FINDINGS, **upload(b"1234")).status_code == 200  # places are free again
    assert (desk.visits, desk.held) == (set(), 0)


def test_a_client_that_leaves_stops_the_work(drawn):
    body = b'--c\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nWAIT\r\n--c--\r\n'
    incoming = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent = []

    async def receive():
        return next(incoming, {"type": "http.disconnect"})

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": FINDINGS,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=c")],
    }
    asyncio.run(http.application(Settings())(scope, receive, send))
    assert drawn.stopped.is_set()
    assert sent[0]["status"] == 408


def test_a_silent_upload_is_ended(drawn, monkeypatch):
    monkeypatch.setattr(http, "PATIENCE_S", 0.05)
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=c")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": FINDINGS,
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    asyncio.run(http.application(Settings())(scope, receive, send))
    assert sent[0]["status"] == 408


def test_the_log_has_the_hash_and_no_name(drawn, caplog):
    with caplog.at_level(logging.INFO, "service.http"):
        client().post(FINDINGS, **upload(b"123456"))
        client().post(FINDINGS, **upload(b"BUG"))
    first, *rest = (record.getMessage() for record in caplog.records)
    assert first.startswith("8d969eef6eca drawn 200 ")  # sha256 of 123456
    assert "Meier" not in caplog.text
    assert "secret" not in caplog.text
    assert any(line.startswith("KeyError in answer line ") for line in rest)


ASKED = {"Origin": "https://phone.example", "Access-Control-Request-Method": "POST"}


class TestOtherOrigins:
    """Cross-origin requests: from the listed origins only, none by default."""

    def test_by_default_no_origin_is_let_in(self, drawn):
        web = client()
        answered = web.post(FINDINGS, **upload(b"1234"), headers={"Origin": "https://phone.example"})
        assert "access-control-allow-origin" not in answered.headers
        assert "access-control-allow-origin" not in web.options(FINDINGS, headers=ASKED).headers

    def test_a_listed_origin_may_call(self, drawn):
        web = client(allowed_origins=("https://phone.example",))
        before = web.options(FINDINGS, headers=ASKED | {"Access-Control-Request-Headers": "content-type"})
        assert before.status_code == 200
        assert before.headers["access-control-allow-origin"] == "https://phone.example"
        assert "POST" in before.headers["access-control-allow-methods"]
        for content in (b"1234", b"BROKEN", b"BUG"):
            answered = web.post(FINDINGS, **upload(content), headers={"Origin": "https://phone.example"})
            assert answered.headers["access-control-allow-origin"] == "https://phone.example"

    def test_another_origin_may_not(self, drawn):
        web = client(allowed_origins=("https://phone.example",))
        other = {"Origin": "https://evil.example"}
        assert "access-control-allow-origin" not in web.options("/predict", headers=ASKED | other).headers
        assert "access-control-allow-origin" not in web.get("/healthz", headers=other).headers


@pytest.fixture
def ecg(drawn, monkeypatch):
    """The task `ecg`, answered by the drawn package: AF and PVC are positive, short files are refused."""
    package = registry.importlib.import_module("engine.drawn.task")
    counted = package.answer

    def answer(study, options, store, progress):
        counted(study, options, store, progress)
        labels = (Label(code, code, 0.5, 0.5, code in ("AF", "PVC")) for code in ("Normal", *ecg4u.CLASSES.values()))
        return Answer(tuple(labels))

    monkeypatch.setattr(package, "answer", answer)
    monkeypatch.setitem(registry.TASKS, "ecg", Task("ecg", "drawn", "ECG", "Which?", "Any", (".txt",), ()))


@pytest.mark.parametrize("field", ["image", "files"])
def test_ecg4u_s_clients_get_their_answer(ecg, field):
    response = client().post("/predict", files={field: ("ecg.png", b"123456")})
    expected = {name: name in ("afib", "pvc") for name in ("afib", "iavb", "lbbb", "rbbb", "pac", "pvc", "std", "ste")}
    assert response.json() == {"results": [{"classification": name, "result": yes} for name, yes in expected.items()]}
    hold(described("/predict", "post", 200), response.json())


def test_a_refused_picture_has_no_result(ecg):
    response = client().post("/predict", files={"image": ("ecg.png", b"1")})
    assert "send a longer one" in error(response, 422, "too_short")
    assert "results" not in response.json()


def test_predict_wants_its_field(ecg):
    error(client().post("/predict", files={"other": ("ecg.png", b"123456")}), 400, "missing_file")


def test_the_description_is_valid_and_complete(drawn):
    response = client().get("/api/v1/openapi.json")
    document = response.json()
    assert document["openapi"].startswith("3.1")
    served = {route.path for route in http.application(Settings()).routes}
    assert set(document["paths"]) == served
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    pointers = json.dumps(document).split('"#/components/schemas/')[1:]
    assert {pointer.split('"')[0] for pointer in pointers} <= set(document["components"]["schemas"])
    assert document["paths"]["/api/v1/tasks/{id}/findings"]["post"]["parameters"][0]["schema"]["enum"] == list(
        registry.TASKS
    )
