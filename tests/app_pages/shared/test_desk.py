from app_pages.shared.desk import KEPT, Desk, Result, _take
from app_pages.shared.job import Job
from engine.analysis import Analysis
from engine.errors import UnreadableInput
from engine.finding import Finding, Provenance
from engine.study import read_bytes
from tests.app_pages.shared.test_job import finished


def job_of(outcome):
    def work(progress):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return finished(Job(work))


def analysis(sha):
    return Analysis(Finding("ecg", Provenance(sha)))


def test_only_the_last_results_are_kept():
    desk = Desk()
    for k in range(KEPT + 2):
        desk.job = job_of(analysis(str(k)))
        _take(desk, (str(k), ()))
    assert [key[0] for key in desk.results] == [str(k) for k in range(2, KEPT + 2)]


def test_after_a_failure_the_desk_is_empty_and_says_why():
    desk = Desk(read_bytes("a.txt", b"abc"), job=job_of(UnreadableInput("Expected a picture; choose one.")))
    assert _take(desk, ("0", ())) is None
    assert (desk.study, desk.problem) == (None, "Expected a picture; choose one.")


def test_a_correction_that_fails_goes_back_to_what_was_shown():
    desk = Desk(read_bytes("a.txt", b"abc"), fields={"speed_mm_s": "50"}, shown=("0", ()))
    desk.results[("0", ())] = shown = Result("0", analysis("0"))
    desk.job = job_of(UnreadableInput("Expected another speed; change it."))
    assert _take(desk, ("0", (("speed_mm_s", "50"),))) is shown
    assert (desk.fields, desk.problem) == ({}, "Expected another speed; change it.")
