"""What the reader takes along: finding.json with their verdict, the report, the task's files, the explanation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from engine import NOTICE
from engine.analysis import Analysis
from engine.finding import Verdict
from explain.explanation import Explanation
from service.answer import EXPLANATION, FINDING, Answer
from service.fhir import bundle
from service.report import Picture, report


@dataclass(frozen=True)
class Download:
    """One file: its name, its kind, its bytes, or what makes them once the reader asks for it.

    Only what takes long is made late: between two runs of the page such a button stands for nothing, and a press is lost.
    """

    name: str
    mime: str
    content: bytes | Callable[[], bytes]
    help: str


def export(
    analysis: Analysis,
    verdict: Verdict | None,
    explanation: Explanation | None,
    pictures: Callable[[], Sequence[Picture]],
    key: str,
) -> None:
    """One download button per file, all with the research notice. The verdict is in the finding that leaves, and only there.

    pictures: makes the report's pictures once it is asked for.
    """
    answered = Answer(replace(analysis, finding=analysis.finding.with_verdict(verdict)), explanation)
    downloads = _downloads(answered, pictures)
    row = st.container(horizontal=True)  # as wide as their names, on as many lines as it takes
    for download in downloads:
        row.download_button(
            download.name,
            download.content,
            download.name,
            download.mime,
            key=f"{key}-{download.name}",
            help=download.help,
            type="primary" if download.name == FINDING else "secondary",
            on_click="ignore",
        )
    st.caption(NOTICE)


def _downloads(answered: Answer, pictures: Callable[[], Sequence[Picture]]) -> list[Download]:
    finding, explanation = answered.finding, answered.explanation
    fhir = json.dumps(bundle(finding), indent=2).encode()
    files = [
        Download(FINDING, "application/json", answered.to_json(), "The whole finding, your reading included"),
        Download("report.pdf", "application/pdf", lambda: report(finding, pictures()), "One or two pages to print"),
        Download("fhir.json", "application/fhir+json", fhir, "A FHIR R4 bundle"),
    ]
    for name, content in sorted(answered.analysis.artefacts.items()):
        kind = "text/csv" if name.endswith(".csv") else "application/octet-stream"
        files.append(Download(name, kind, content, "What the finding rests on"))
    if explanation is not None:
        files.append(Download(EXPLANATION, "application/octet-stream", explanation.to_npz, "What the explanation drew"))
    return files
