"""What one session holds for one task: the study on the desk, its results, the work under way. Gone with the session."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from app_pages.shared.job import Job, model_store, watch
from engine.analysis import Analysis
from engine.progress import Progress, part
from engine.registry import Task
from engine.study import Study
from explain.explanation import Explanation

KEPT = 3  # results per session; each holds its picture in memory
Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Result:
    """One analysis, and what was made of it since. `drawings` keeps pictures that need not be drawn twice."""

    key: str
    analysis: Analysis
    explanation: Explanation | None = None
    explaining: Job[Explanation | None] | None = None
    explain_problem: str = ""
    drawings: dict[str, Any] = field(default_factory=dict)
    by_class: dict[str, Explanation] = field(default_factory=dict)  # of classes that the reader asked about


@dataclass
class Desk:
    """`fields`: the reader's corrections, in the text form that `Task.options` takes. `problem`: a sentence for the reader."""

    study: Study | None = None
    origin: str = ""  # "", "example" (synthetic) or "public" (a public DICOM)
    fields: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    results: OrderedDict[Key, Result] = field(default_factory=OrderedDict)
    shown: Key | None = None
    job: Job[Analysis] | None = None
    job_key: Key | None = None

    def lay(self, study: Study, origin: str = "") -> None:
        """Puts another study on the desk; what was under way stops."""
        self.study, self.origin, self.fields, self.problem, self.shown = study, origin, {}, "", None

    def clear(self, problem: str = "") -> None:
        self.study, self.origin, self.fields, self.problem, self.shown = None, "", {}, problem, None


def desk(task: Task) -> Desk:
    """This session's desk for a task."""
    return st.session_state.setdefault(f"desk:{task.id}", Desk())


def result(task: Task, desk: Desk) -> Result | None:
    """The result for the study on the desk; None while it is computed (its progress is shown) or if it failed."""
    assert desk.study is not None
    key: Key = (desk.study.sha256, tuple(sorted(desk.fields.items())))
    if key in desk.results:
        desk.results.move_to_end(key)
        desk.shown = key
        return desk.results[key]
    if desk.job is None or desk.job_key != key:
        if desk.job:
            desk.job.cancel()
        desk.job, desk.job_key = Job(_analyse(task, desk.study, dict(desk.fields))), key
    if not desk.job.done:
        watch(desk.job, f"cancel-{task.id}")
        return None
    return _take(desk, key)


def explanation(result: Result) -> Explanation | None:
    """The result's explanation; None while it is computed (its progress is shown) or if it failed (the reason is shown)."""
    if result.explanation is None and not result.explain_problem:
        if result.explaining is None:
            result.explaining = Job(_explain(result.analysis))
        if not result.explaining.done:
            watch(result.explaining, f"cancel-explanation-{result.key}")
            return None
        result.explanation, result.explain_problem = result.explaining.outcome()
        result.explaining = None
    if result.explain_problem:
        st.error(f"The explanation could not be made. {result.explain_problem}", icon=":material/error:")
    return result.explanation


def class_explanation(task: Task, result: Result, code: str) -> Explanation | None:
    """The explanation that covers one class: the result's own, or one made now for a class that was not explained yet."""
    found = result.explanation
    if found is None or code in found.details.get("explained", ()):
        return found
    if code in result.by_class:
        return result.by_class[code]
    with st.spinner("Explaining this class"):
        module = importlib.import_module(f"explain.{task.package}")
        result.by_class[code] = module.explain_class(result.analysis, model_store(), code)
    return result.by_class[code]


def _analyse(task: Task, study: Study, fields: dict[str, str]) -> Any:
    def work(progress: Progress) -> Analysis:
        progress(0.02, "Starting the models")
        options = task.options(fields)
        return task.analyse(study, options, model_store(), part(progress, 0.05, 1.0))

    return work


def _explain(analysis: Analysis) -> Any:
    def work(progress: Progress) -> Explanation | None:
        from explain.explanation import explain

        progress(0.02, "Asking the network why")
        return explain(analysis, model_store(), progress)

    return work


def _take(desk: Desk, key: Key) -> Result | None:
    """Keeps what the finished job made; after a failure the desk goes back to what it showed before."""
    assert desk.job is not None
    analysis, problem = desk.job.outcome()
    desk.job = desk.job_key = None
    if analysis is None:
        before = desk.results.get(desk.shown) if desk.shown else None
        if before is None or desk.shown is None:
            desk.clear(problem)
            return None
        desk.fields, desk.problem = dict(desk.shown[1]), problem
        return before
    name = f"{key[0][:12]}-{abs(hash(key[1])) % 10**8}"
    desk.results[key] = Result(name, analysis)
    while len(desk.results) > KEPT:
        desk.results.popitem(last=False)
    desk.shown, desk.problem = key, ""
    return desk.results[key]
