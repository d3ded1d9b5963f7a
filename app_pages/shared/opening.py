"""How every task's page begins: title, question, sidebar, the ways in, then the result, or why the study was refused."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app_pages.shared.answer import refusal
from app_pages.shared.desk import Desk, Result, desk, result
from app_pages.shared.export import export
from app_pages.shared.intake import intake
from app_pages.shared.section import section
from app_pages.shared.sidebar import sidebar
from engine.registry import Task


def opening(
    task: Task, example: str, corrections: Callable[[Desk, Result], None] | None = None
) -> tuple[Desk, Result] | None:
    """The desk and the answered study on it; None while there is none, while it is computed, or where it was refused.

    example: what the synthetic example is, e.g. `a simulated cell`. corrections: draws what the reader of a refused study
    can set right, where they may know better.
    """
    st.title(task.title, anchor=False)
    st.caption(task.question)
    own = desk(task)
    sidebar(task, own)
    intake(task, own)
    if own.study is None:
        return None
    found = result(task, own)
    if found is None:
        if own.problem:
            st.rerun()
        return None
    if own.origin == "example":
        st.info(f"This is a synthetic example: {example}, no patient’s.", icon=":material/info:")
    if own.origin == "public":
        st.info(
            "This is a real, de-identified recording from the public test files of pydicom.", icon=":material/info:"
        )
    if found.analysis.finding.refusal is not None:
        _refused(own, found, corrections)
        return None
    return own, found


def _refused(own: Desk, found: Result, corrections: Callable[[Desk, Result], None] | None) -> None:
    assert found.analysis.finding.refusal is not None
    refusal(found.analysis.finding.refusal, f"refusal-{found.key}")
    if corrections is not None:
        corrections(own, found)
    section("Take it with you")
    export(found.analysis, None, None, list, found.key)
