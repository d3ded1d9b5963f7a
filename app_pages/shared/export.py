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
from service.answer import FINDING, Answer
from service.fhir import bundle
from service.report import Picture, report


@dataclass(frozen=True)
class Download:
    """One file: its name, its kind, and what makes it once the reader asks for it."""

    name: str
    mime: str
    make: Callable[[], bytes]
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
    columns = st.columns(len(downloads))
    for column, download in zip(columns, downloads, strict=True):
        column.download_button(
            download.name,
            download.make,
            download.name,
            download.mime,
            key=f"{key}-{download.name}",
            help=download.help,
            type="primary" if download.name == FINDING else "secondary",
            on_click="ignore",
            width="stretch",
        )
    st.caption(NOTICE)


def _downloads(answered: Answer, pictures: Callable[[], Sequence[Picture]]) -> list[Download]:
    finding = answered.finding
    files = [
        Download(
            FINDING, "application/json", lambda: answered.files()[FINDING], "The whole finding, your reading included"
        ),
        Download("report.pdf", "application/pdf", lambda: report(finding, pictures()), "One or two pages to print"),
        Download(
            "fhir.json",
            "application/fhir+json",
            lambda: json.dumps(bundle(finding), indent=2).encode(),
            "A FHIR R4 bundle",
        ),
    ]
    for name in sorted(answered.artefacts):
        kind = "text/csv" if name.endswith(".csv") else "application/octet-stream"
        files.append(Download(name, kind, lambda name=name: answered.artefacts[name], "What the finding rests on"))  # type: ignore[misc]
    return files
