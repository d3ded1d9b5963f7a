"""What the reader takes along: finding.json with their verdict, the task's files, the explanation, the report."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engine import NOTICE
from engine.analysis import Analysis
from engine.finding import Verdict
from engine.registry import Task
from explain.explanation import Explanation
from service.answer import EXPLANATION, FINDING, Answer

MIME = {".csv": "text/csv", ".npz": "application/octet-stream", ".json": "application/json", ".webm": "video/webm"}


def export(task: Task, analysis: Analysis, verdict: Verdict | None, explanation: Explanation | None, key: str) -> None:
    """One download button per file. The verdict is in the finding that leaves, and only there."""
    judged = replace(analysis, finding=analysis.finding.with_verdict(verdict))
    files = Answer(judged, explanation).files()
    names = sorted(files, key=lambda name: (name != FINDING, name == EXPLANATION, name))
    columns = st.columns(len(names) + 1)
    for column, name in zip(columns, names, strict=False):
        suffix = name[name.rfind(".") :]
        column.download_button(
            name, files[name], name, MIME.get(suffix, "application/octet-stream"), key=f"{key}-{name}", icon=":material/download:",
            type="primary" if name == FINDING else "secondary", on_click="ignore", width="stretch",
        )  # fmt: skip
    st.caption(NOTICE)
