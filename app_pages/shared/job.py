"""Long work in a worker thread: it tells how far it is, can be stopped, and leaves the page free meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import streamlit as st

from engine import models
from engine.errors import Cancelled, EngineError
from engine.progress import Progress
from engine.settings import settings

T = TypeVar("T")
POLL_SECONDS = 0.5
UNEXPECTED = (
    "This input could not be analysed because of a defect in the app; nothing was kept. Try another picture or file."
)


class Job(Generic[T]):
    """One piece of work, started at once; `work` is given the progress that it has to call."""

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self.share, self.doing = 0.0, "Waiting for a free worker"
        self._stopped = threading.Event()
        self._future: Future[T] = workers().submit(work, self._progress)

    def _progress(self, share: float, doing: str) -> None:
        if self._stopped.is_set():
            raise Cancelled("Stopped; nothing was kept.")
        self.share, self.doing = min(max(share, 0.0), 1.0), doing

    def cancel(self) -> None:
        """Stops the work at its next step."""
        self._stopped.set()
        self._future.cancel()

    @property
    def stopping(self) -> bool:
        return self._stopped.is_set()

    @property
    def done(self) -> bool:
        return self._future.done()

    def outcome(self) -> tuple[T | None, str]:
        """The result and an empty text, or None and a sentence for the reader. Only of a job that is done."""
        if self._future.cancelled():
            return None, "Stopped; nothing was kept."
        error = self._future.exception()
        if error is None:
            return self._future.result(), ""
        if isinstance(error, EngineError):
            return None, str(error)
        if isinstance(error, MemoryError):
            return None, "The input needs more memory than there is; send a smaller part of it."
        logging.getLogger(__name__).error("unexpected %s in a job", type(error).__name__)  # its kind, never its content
        return None, UNEXPECTED


@st.cache_resource(show_spinner=False)
def workers() -> ThreadPoolExecutor:
    """The threads that analyses of all sessions share."""
    return ThreadPoolExecutor(settings().workers, thread_name_prefix="analysis")


@st.cache_resource(show_spinner=False)
def model_store() -> models.ModelStore:
    """The process's models: each loaded once, shared by every session and the HTTP API."""
    return models.store()


class WarmUp:
    """Loads what the first analysis needs while the first visitor reads. `device` is known once that is done."""

    def __init__(self) -> None:
        self.device: str | None = None
        timer = threading.Timer(1.0, self._load)
        timer.daemon = True
        timer.start()

    def _load(self) -> None:
        self.device = model_store().device


@st.cache_resource(show_spinner=False)
def warm_up() -> WarmUp:
    """The process's one warm-up, begun at the first visit."""
    return WarmUp()


@st.fragment(run_every=POLL_SECONDS)
def watch(job: Job, key: str) -> None:
    """The job's progress and a button that stops it; runs the page again once the job is done."""
    if job.done:
        st.rerun()
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.share, text="Stopping" if job.stopping else job.doing)
    if button.button("Cancel", key=key, disabled=job.stopping, width="stretch"):
        job.cancel()
