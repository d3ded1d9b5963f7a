import threading

import pytest

from app_pages.shared.job import UNEXPECTED, Job
from engine.errors import UnreadableInput

PATIENCE_S = 20


def finished(job):
    wait = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if job.done:
            return job
        wait.wait(0.01)
    raise TimeoutError


def test_the_result_and_the_progress_arrive():
    def work(progress):
        progress(0.5, "Halfway")
        return 42

    job = finished(Job(work))
    assert job.outcome() == (42, "")
    assert (job.share, job.doing) == (0.5, "Halfway")


def test_a_cancelled_job_stops_at_its_next_step():
    started, steps = threading.Event(), []

    def work(progress):
        while True:
            steps.append(1)
            started.set()
            progress(0.1, "Working")

    job = Job(work)
    started.wait(PATIENCE_S)
    job.cancel()
    assert finished(job).outcome() == (None, "Stopped; nothing was kept.")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnreadableInput("The file is empty; choose another."), "The file is empty; choose another."),
        (KeyError("a secret of the patient"), UNEXPECTED),
        (MemoryError(), "The input needs more memory than there is; send a smaller part of it."),
    ],
)
def test_an_error_becomes_one_sentence(error, told):
    def work(progress):
        raise error

    assert finished(Job(work)).outcome() == (None, told)
