"""A whole folder of recordings in one go: a row per recording, one table of all sparks, each recording to be opened."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app_pages.shared.desk import Desk
from app_pages.shared.job import Job, model_store, watch
from app_pages.shared.view import view
from app_pages.shared.wording import text, with_unit
from engine.errors import Cancelled, EngineError
from engine.finding import Finding
from engine.progress import Progress, part
from engine.registry import Task
from engine.sparks.folder import recordings_of
from engine.study import Study
from service.cohort import Row, row, table

MEASURES = ("spark_count", "spark_frequency", "median_amplitude", "median_fwhm_um", "median_fdhm_ms", "median_tau_ms")
HEADS = ("Recording", "Sparks", "Frequency", "dF/F0", "FWHM", "FDHM", "Tau", "")


@dataclass(frozen=True)
class Done:
    """One recording of the folder: its finding and its sparks.csv, or the sentence why there are none."""

    study: Study
    finding: Finding | None
    sparks: bytes = b""
    problem: str = ""


def folder(task: Task, own: Desk) -> None:
    """The way in for a folder, and what was found in the last one."""
    if not st.toggle("A whole folder of recordings", key=f"folder-on-{task.id}"):
        return
    files = st.file_uploader(
        "Choose the folder: every stack, video or array in it is a recording, and so is every sub-folder of frames",
        accept_multiple_files="directory",
        key=f"folder-{task.id}",
    )
    job: Job[list[Done]] | None = st.session_state.get("folder-job")
    if files and st.button("Read them all", key="folder-read", type="primary", disabled=job is not None):
        try:
            studies = recordings_of([(file.name, file.getvalue()) for file in files])
        except EngineError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.session_state["folder-job"] = job = Job(_all(task, studies))
    if job is not None:
        if not job.done:
            watch(job, "cancel-folder")
            return
        done, problem = job.outcome()
        del st.session_state["folder-job"]
        st.session_state["folder-done"] = done
        if problem:
            st.error(problem, icon=":material/error:")
    if st.session_state.get("folder-done"):
        _shown(own, st.session_state["folder-done"])


def all_sparks_csv(done: Sequence[Done]) -> bytes:
    """The sparks of all recordings: `recording`, then the columns of sparks.csv."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, one in enumerate(d for d in done if d.sparks):
        rows = list(csv.reader(io.StringIO(one.sparks.decode())))
        writer.writerows([["recording", *rows[0]]] if number == 0 else [])
        writer.writerows([one.study.name, *cells] for cells in rows[1:])
    return out.getvalue().encode()


def recordings_csv(done: Sequence[Done]) -> bytes:
    """A row per recording, as `python -m service.cohort` writes it."""
    return table(_cohort_row(one) for one in done).encode()


def _all(task: Task, studies: Sequence[Study]) -> Callable[[Progress], list[Done]]:
    def work(progress: Progress) -> list[Done]:
        done = []
        for k, study in enumerate(studies):
            progress(k / len(studies), f"Reading recording {k + 1} of {len(studies)}")
            inner = part(progress, k / len(studies), (k + 1) / len(studies))
            try:
                analysis = task.analyse(study, store=model_store(), progress=inner)
            except Cancelled:
                raise
            except EngineError as error:
                done.append(Done(study, None, problem=str(error)))
                continue
            refusal = analysis.finding.refusal
            sparks = analysis.artefacts.get("sparks.csv", b"")
            done.append(Done(study, analysis.finding, sparks, refusal.message if refusal else ""))
        return done

    return work


def _cohort_row(one: Done) -> Row:
    if one.finding is None:
        return {"study": one.study.name, "status": "unreadable", "reason": one.problem}
    return row(one.study.name, one.finding)


def _shown(own: Desk, done: Sequence[Done]) -> None:
    heads = "".join(f"<th scope='col'>{head}</th>" for head in HEADS)
    body = "".join(_row(k, one) for k, one in enumerate(done))
    view(
        "<div class='scroll' tabindex='0' role='region' aria-label='Recordings of the folder'>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>",
        "folder-table",
        partial(_open, own, done),
    )
    left, right = st.columns(2)
    for column, name, content in (
        (left, "recordings.csv", recordings_csv(done)),
        (right, "all_sparks.csv", all_sparks_csv(done)),
    ):
        column.download_button(name, content, name, "text/csv", key=name, on_click="ignore", width="stretch")


def _open(own: Desk, done: Sequence[Done]) -> None:
    chosen = st.session_state["folder-table"].get("chosen")
    if chosen is not None:
        own.lay(done[int(chosen)].study)


def _row(k: int, one: Done) -> str:
    name = text(one.study.name)
    if one.finding is None or one.problem:
        cells = f"<td>{name}</td><td colspan='{len(HEADS) - 2}'>! {text(one.problem)}</td><td></td>"
        return f"<tr>{cells}</tr>"
    found = {m.code: m for m in one.finding.measurements}
    said = [with_unit(found[c].value, found[c].unit) if c in found else "–" for c in MEASURES]
    opened = f"<button data-choose='{k}' aria-label='Open {name}'>Open</button>"
    return f"<tr>{''.join(f'<td>{c}</td>' for c in (name, *map(text, said), opened))}</tr>"
