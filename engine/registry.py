"""The tasks: one line each. A new task is a package `engine/<package>`, a page `app_pages/<package>.py` and a line here."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import models
from engine.analysis import Analysis
from engine.errors import EngineError, RefusedStudy
from engine.finding import Finding, Label, Measurement, Provenance, Quality, Refusal
from engine.progress import Progress, silent
from engine.study import Study


@dataclass(frozen=True)
class Answer:
    """What a task package's `answer(study, options, store, progress)` gives back; the registry makes the finding of it."""

    labels: tuple[Label, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    quality: tuple[Quality, ...] = ()
    artefacts: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # kind -> (file name, content)
    details: dict[str, Any] = field(default_factory=dict)
    evidence: Any = None


@dataclass(frozen=True)
class Task:
    """One clinical question. `package` names its place in engine, app_pages and explain; `weights` what answers it.

    in_pieces: it reads files that are too large for memory from disk.
    """

    id: str
    package: str
    title: str
    question: str
    takes: str
    suffixes: tuple[str, ...]
    weights: tuple[str, ...]
    in_pieces: bool = False

    def analyse(
        self,
        study: Study,
        options: Any = None,
        store: models.ModelStore | None = None,
        progress: Progress = silent,
    ) -> Analysis:
        """Answers one study, or refuses it with a reason.

        Raises:
            UnreadableInput: if the bytes are no file of the kinds this task takes.
            Cancelled: if `progress` stopped the work.
        """
        store = (store or models.store()).for_one_study()
        started = time.perf_counter()
        module = importlib.import_module(f"engine.{self.package}.task")
        try:
            answer, refusal = module.answer(study, options, store, progress), None
        except RefusedStudy as refused:
            answer, refusal = Answer(evidence=getattr(refused, "evidence", None)), Refusal(refused.code, str(refused))
        provenance = Provenance(
            study.sha256,
            device=store.device,
            seconds=round(time.perf_counter() - started, 3),
            weights=(
                *(store.get(name).weight.used for name in self.weights if name in store.asked()),
                *store.lent_asked(),
            ),
        )
        finding = Finding(
            self.id,
            provenance,
            answer.labels,
            answer.measurements,
            answer.quality,
            refusal,
            {kind: name for kind, (name, _) in answer.artefacts.items()},
            answer.details,
        )
        return Analysis(finding, dict(answer.artefacts.values()), answer.evidence)

    def options(self, fields: Mapping[str, str]) -> Any:
        """The task's options from text fields (HTTP form, command line); unknown names or values raise EngineError."""
        return importlib.import_module(f"engine.{self.package}.task").options(fields)

    def lend(self, checkpoint: bytes, store: models.ModelStore) -> dict[str, str]:
        """Takes in a user's own network (the bytes of its file) and returns the option that asks for its opinion.

        Raises:
            EngineError: if this task has no place for one, or the file is none that it knows.
        """
        module = importlib.import_module(f"engine.{self.package}.task")
        if not hasattr(module, "lend"):
            raise EngineError(f"{self.title} takes no networks of your own.")
        return dict(module.lend(checkpoint, store))

    def option_names(self) -> dict[str, str]:
        """The names that `options` takes, each with what may be stated."""
        return dict(importlib.import_module(f"engine.{self.package}.task").OPTIONS)


PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".heic", ".heif", ".bmp", ".gif")

VIDEOS = (".avi", ".mp4", ".mov", ".webm", ".mkv")

TASKS: dict[str, Task] = {
    t.id: t
    for t in (
        Task(
            "ecg",
            "ecg",
            "12-lead ECG",
            "Which of nine rhythm, conduction and ST classes does this 12-lead ECG show?",
            "A photo, scan or PDF of a paper ECG; a WFDB record, a DICOM waveform or a CSV table",
            (*PICTURES, ".pdf", ".hea", ".dat", ".mat", ".dcm", ".csv", ".zip"),
            ("ecg-page", "ecg-classifier"),
        ),
        Task(
            "echo-ef",
            "echo_ef",
            "Ejection fraction",
            "What is the ejection fraction of this apical four-chamber video?",
            "An apical four-chamber echo video (AVI, MP4, MOV, WebM, GIF), a multi-frame ultrasound DICOM, or one frame",
            (*VIDEOS, ".gif", ".dcm", ".png", ".jpg", ".jpeg"),
            ("echo-apical", "echo-apical-second", "echo-ef-view"),
        ),
        Task(
            "echo-plax",
            "echo_plax",
            "Parasternal long axis",
            "Where are the six structures in this parasternal long-axis video, and how large are they?",
            "A parasternal long-axis echo video (AVI, MP4, MOV, WebM, GIF), a multi-frame ultrasound DICOM, or one frame",
            (*VIDEOS, ".gif", ".dcm", ".png", ".jpg", ".jpeg"),
            ("echo-plax",),
        ),
        Task(
            "cardiac-mr",
            "mr",
            "Cardiac MR",
            "Which view is this, where are its landmarks, how large is the left ventricle?",
            "A short-axis cine or another cardiac MR: DICOM files, a zip of their folder, NIfTI, PNG or JPEG slices",
            (".dcm", ".ima", ".nii", ".gz", ".zip", ".png", ".jpg", ".jpeg"),
            ("cardiac-mr-views", "cardiac-mr-segmentation", "cardiac-mr-stack", "cardiac-mr-beat"),
        ),
        Task(
            "calcium-sparks",
            "sparks",
            "Calcium sparks",
            "Where and when does this confocal sequence spark?",
            "A folder or zip of TIFF frames, a TIFF stack, OME-TIFF, AVI, MP4 or NPY; a single picture is a line scan",
            (*PICTURES, ".avi", ".mp4", ".npy", ".csv", ".mat", ".zip"),
            ("sparks-events", "sparks-lines", "sparks-frames"),
            in_pieces=True,
        ),
    )
}


def task(id: str) -> Task:
    """The task of this id. Raises EngineError naming the tasks that exist."""
    try:
        return TASKS[id]
    except KeyError:
        raise EngineError(f"There is no task {id!r}; there are: {', '.join(TASKS)}.") from None
