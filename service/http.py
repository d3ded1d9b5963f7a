"""The HTTP API beside the pages: tasks, findings, ECG4U's `/predict`, health and the OpenAPI description.

Uploads stay in memory and are counted while they arrive; analyses run on a few threads of their own, so the event loop
stays free; names of files and their content are never logged.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from engine import NOTICE, SOFTWARE_VERSION, models, weights
from engine.errors import Cancelled, EngineError, UnreadableInput
from engine.registry import TASKS, Task
from engine.settings import Settings, settings
from engine.study import read_uploads
from service import ecg4u, openapi
from service.answer import Answer, answer
from service.multipart import Form, FormError, Upload, read_form

WAITING = 4  # requests that may wait for a worker, beside those that are being analysed
RETRY_AFTER_S = 5
PATIENCE_S = 30.0  # between two pieces of an upload
HELD_REQUESTS = 2  # the uploads of all requests together may hold this many times what one may carry
CODES = {404: "not_found", 405: "method_not_allowed"}
MESSAGES = {
    404: "There is nothing at this path; /api/v1/openapi.json describes what there is.",
    405: "This path takes another method; see the Allow header.",
}
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

logger = logging.getLogger(__name__)


def routes(configured: Settings | None = None) -> list[BaseRoute]:
    """The routes to mount beside the pages; whatever lies under them answers as JSON, wrong methods and paths included."""
    api = application(configured or settings())
    _log_to_stderr()
    return [Route(path, endpoint=api) for path in ("/healthz", "/predict", "/api", "/api/{path:path}")]


def application(configured: Settings) -> Starlette:
    """The API as an ASGI application of its own."""
    desk = Desk(configured)
    origins = configured.allowed_origins
    cors = Middleware(CORSMiddleware, allow_origins=origins, allow_methods=("GET", "POST"), allow_headers=("*",))
    return Starlette(
        routes=[
            Route("/healthz", health),
            Route("/api/v1/tasks", tasks),
            Route("/api/v1/openapi.json", description),
            Route("/api/v1/tasks/{id}/findings", desk.findings, methods=["POST"]),
            Route("/predict", desk.predict, methods=["POST"]),
        ],
        middleware=[cors] if origins else [],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error},
    )


class ApiError(Exception):
    """An answer other than a finding: HTTP status, machine-readable code, and a sentence for the reader."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


async def health(request: Request) -> Response:
    """Whether this process serves requests."""
    return JSONResponse({"status": "ok", "software": SOFTWARE_VERSION}, headers=NO_STORE)


async def tasks(request: Request) -> Response:
    """The questions that can be asked, and the weights that answer them."""
    shipped = weights.manifest()
    return JSONResponse({"notice": NOTICE, "tasks": [_task_entry(task, shipped) for task in TASKS.values()]})


async def description(request: Request) -> Response:
    """The OpenAPI description of everything here."""
    return JSONResponse(openapi.document())


@dataclass
class Visit:
    """One request inside: how many bytes of its upload are held."""

    held: int = 0


class Desk:
    """Takes uploads in and has them analysed. Its counts are touched by the event loop alone."""

    def __init__(self, configured: Settings) -> None:
        self.configured = configured
        self.visits: set[int] = set()
        self.held = 0
        self.pool = ThreadPoolExecutor(configured.workers, thread_name_prefix="analysis")

    async def findings(self, request: Request) -> Response:
        """One study's finding, with its explanation and files if asked for."""
        task = TASKS.get(request.path_params["id"])
        if task is None:
            raise ApiError(404, "unknown_task", f"There is no such task; there are: {', '.join(TASKS)}.")
        zipped = "application/zip" in request.headers.get("accept", "")
        with self._admitted() as visit:
            form = await self._form(request, visit)
            explained, with_files = _flag(form, "explain"), _flag(form, "artefacts")
            options = _options(task, {k: v for k, v in form.fields.items() if k not in openapi.FLAGS})

            def render(answered: Answer) -> Response:
                if zipped:
                    return Response(answered.to_zip(), media_type="application/zip", headers=NO_STORE)
                body = answered.to_dict()
                if with_files:
                    body["files"] = {name: base64.b64encode(data).decode() for name, data in answered.artefacts.items()}
                return JSONResponse(body, headers=NO_STORE)

            return await self._answered(request, task, form.files, options, explained, render)

    async def predict(self, request: Request) -> Response:
        """ECG4U's contract: a picture in, yes or no for each of its eight classes out."""
        task = TASKS["ecg"]

        def render(answered: Answer) -> Response:
            if answered.finding.refusal:
                return _error(422, answered.finding.refusal.code, answered.finding.refusal.message)
            return JSONResponse(ecg4u.results(answered.finding), headers=NO_STORE)

        with self._admitted() as visit:
            form = await self._form(request, visit)
            files = tuple(upload for upload in form.files if upload.form_field in ecg4u.FIELDS)
            return await self._answered(request, task, files, task.options({}), False, render)

    @contextmanager
    def _admitted(self) -> Iterator[Visit]:
        """A place inside until the answer is made; 503 when all are taken."""
        if len(self.visits) >= self.configured.workers + WAITING:
            raise _busy()
        visit = Visit()
        self.visits.add(id(visit))
        try:
            yield visit
        finally:
            self.visits.remove(id(visit))
            self.held -= visit.held

    async def _form(self, request: Request, visit: Visit) -> Form:
        content_type = request.headers.get("content-type", "")
        if not content_type.lower().startswith("multipart/form-data"):
            raise ApiError(415, "unsupported_media_type", "Expected a multipart/form-data body with the study's files.")
        if int(request.headers.get("content-length", 0)) > self.configured.max_request_bytes:
            raise self._too_large()
        try:
            return await read_form(content_type, self._counted(request, visit))
        except FormError as error:
            raise ApiError(400, "malformed_form", str(error)) from error
        except ClientDisconnect as error:
            raise ApiError(400, "incomplete_request", "The request ended before its body was complete.") from error

    async def _counted(self, request: Request, visit: Visit) -> AsyncIterator[bytes]:
        """The body's pieces, until there are more than a request may carry or the client falls silent."""
        pieces = request.stream()
        while True:
            try:
                piece = await asyncio.wait_for(anext(pieces), PATIENCE_S)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ApiError(408, "timeout", f"No data came for {PATIENCE_S:.0f} seconds; send it again.") from error
            visit.held += len(piece)
            self.held += len(piece)
            if visit.held > self.configured.max_request_bytes:
                raise self._too_large()
            if self.held > HELD_REQUESTS * self.configured.max_request_bytes:
                raise _busy()
            yield piece

    def _too_large(self) -> ApiError:
        most = self.configured.max_request_bytes >> 20
        return ApiError(413, "too_large", f"The request is larger than the {most} MB that are read; send less at once.")

    async def _answered(
        self,
        request: Request,
        task: Task,
        files: tuple[Upload, ...],
        options: Any,
        explained: bool,
        render: Callable[[Answer], Response],
    ) -> Response:
        """The rendered answer, made on a thread of the pool. Errors become answers; a client that left stops the work."""
        if not files:
            raise ApiError(400, "missing_file", "Expected the study's files in the form, found none.")
        stop, started, digest = threading.Event(), time.perf_counter(), "-"

        def progress(share: float, doing: str) -> None:
            if stop.is_set():
                raise Cancelled("The client went away.")

        def work() -> Response:
            nonlocal digest
            progress(0.0, "waited")
            study = read_uploads([(upload.name, upload.data) for upload in files])
            digest = study.sha256[:12]
            return render(answer(task, study, options, models.store(), explained, progress))

        try:
            future = asyncio.get_running_loop().run_in_executor(self.pool, work)
            response = await _finished(request, future, stop)
        except Exception as error:
            response = _failed(error)
        seconds = time.perf_counter() - started
        logger.info("%s %s %d %.2f s", digest, task.id, response.status_code, seconds)
        return response


async def _finished(request: Request, future: asyncio.Future[Response], stop: threading.Event) -> Response:
    """The future's result; `stop` is set as soon as nobody waits for it any more."""
    while not future.done():
        await asyncio.wait({future}, timeout=0.5)
        if not future.done() and await request.is_disconnected():
            stop.set()
    return future.result()


def _failed(error: Exception) -> Response:
    """The answer to a failed analysis: a sentence, never a traceback or anything of the study."""
    match error:
        case UnreadableInput():
            return _error(422, "unreadable_input", str(error))
        case Cancelled():
            return _error(408, "cancelled", str(error))
        case MemoryError():
            return _error(413, "too_large", "The study needs more memory than there is; send a smaller part of it.")
        case EngineError():
            return _error(503, "unavailable", str(error))
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("%s in %s line %s", type(error).__name__, place.name, place.lineno)
    return _error(500, "internal_error", "This study could not be analysed; please report it.")


def _busy() -> ApiError:
    return ApiError(503, "busy", f"The server is busy with other studies; try again in {RETRY_AFTER_S} seconds.")


def _flag(form: Form, name: str) -> bool:
    value = form.fields.get(name, "false").strip().lower()
    if value not in ("true", "false"):
        raise ApiError(400, "bad_option", f"Expected {name} to be true or false, got {value[:40]!r}.")
    return value == "true"


def _options(task: Task, fields: dict[str, str]) -> Any:
    try:
        return task.options(fields)
    except EngineError as error:
        raise ApiError(400, "bad_option", str(error)) from error


def _task_entry(task: Task, shipped: dict[str, weights.Weight]) -> dict[str, Any]:
    used = [shipped[name] for name in task.weights if name in shipped]
    return {
        "id": task.id,
        "title": task.title,
        "question": task.question,
        "takes": task.takes,
        "suffixes": task.suffixes,
        "options": task.option_names(),
        "weights": [{"name": w.name, "title": w.title, "sha256": w.sha256, "licence": w.licence} for w in used],
    }


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    headers = NO_STORE | (headers or {})
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error(error.status, error.code, str(error))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = MESSAGES.get(error.status_code, str(error.detail))
    return _error(error.status_code, CODES.get(error.status_code, "error"), message, dict(error.headers or {}))


def _log_to_stderr() -> None:
    """One line per analysis, whoever started the process."""
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
