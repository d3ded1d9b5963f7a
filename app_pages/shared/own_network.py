"""A network of the reader's own in place of, or beside, ours: its file stays in memory, and its hash is an option."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app_pages.shared.desk import Desk
from app_pages.shared.job import model_store
from engine.errors import EngineError
from engine.registry import Task


def own_network(task: Task, own: Desk, kinds: tuple[str, ...], about: str, options: tuple[str, ...], key: str) -> None:
    """Takes a network's file and states it among the reader's options; takes it back too.

    kinds: file endings. about: which network this task knows, for the reader. options: the options that name one.
    """
    stated = [name for name in options if name in own.fields]
    problem = st.session_state.get(f"{key}-problem", "") if st.session_state.get(key) else ""
    with st.expander("A network of your own", expanded=bool(stated or problem)):
        st.caption(about)
        st.file_uploader("Its file", kinds, key=key, on_change=partial(_take, task, own, key))
        if problem:  # beside the file, not at the top of the page, which the reader does not see from here
            st.error(problem, icon=":material/error:")
        for name in stated:
            st.caption(f"In use: SHA-256 `{own.fields[name][:12]}…`")
        if stated:
            st.button("Use the app’s own network again", key=f"{key}-back", on_click=partial(_back, own, options))


def _take(task: Task, own: Desk, key: str) -> None:
    file = st.session_state[key]
    st.session_state[f"{key}-problem"] = ""
    if file is None:
        return
    try:
        own.fields = {**own.fields, **task.lend(file.getvalue(), model_store())}
        own.problem = ""
    except EngineError as error:
        st.session_state[f"{key}-problem"] = str(error)


def _back(own: Desk, options: tuple[str, ...]) -> None:
    own.fields = {name: value for name, value in own.fields.items() if name not in options}
