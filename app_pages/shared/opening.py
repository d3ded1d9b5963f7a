"""How every task's page begins: title, question, sidebar, the ways in, and the study's result once it is there."""

from __future__ import annotations

import streamlit as st

from app_pages.shared.desk import Desk, Result, desk, result
from app_pages.shared.intake import intake
from app_pages.shared.sidebar import sidebar
from engine.registry import Task


def opening(task: Task, example: str) -> tuple[Desk, Result] | None:
    """The desk and the result of the study on it; None while there is none, or while it is computed.

    example: what the synthetic example is, e.g. `a simulated cell`.
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
    return own, found
