"""The pages and how they hang together; this is what every session runs."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path

import streamlit as st

from app_pages import home, models
from app_pages.shared.sidebar import RESEARCH, notice
from engine import SOFTWARE_VERSION
from engine.registry import TASKS, Task

NAME = "Cardiac second opinion"
ICON = str(Path(__file__).parent / "icon.svg")  # a `:material/` icon would be fetched from elsewhere
TASK_ICONS = {  # a task without one here gets OTHER_ICON
    "ecg": ":material/ecg_heart:",
    "echo-ef": ":material/cardiology:",
    "echo-plax": ":material/straighten:",
    "cardiac-mr": ":material/radiology:",
    "calcium-sparks": ":material/flare:",
}
OTHER_ICON = ":material/monitor_heart:"
CSS = """<style>
.block-container { max-width: 72rem; padding: 4rem 2rem 4rem; }
@media (max-width: 640px) { .block-container { padding: 4rem 1rem 3rem; } }
[data-testid="stHeading"] h2 { margin-top: 1rem; padding-bottom: 0.3rem; }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: light-dark(#4a5b68, #a9b8c3); opacity: 1; }
[data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseButton-primary"]:enabled p {
  color: light-dark(#ffffff, #0c1319);
}
</style>"""


def show() -> None:
    st.set_page_config(NAME, ICON, "wide", menu_items={"About": f"{NAME} {SOFTWARE_VERSION}. {RESEARCH}"})
    st.html(CSS)
    questions = {task.id: _page(task) for task in TASKS.values()}
    pages = [
        st.Page(partial(home.show, questions), title="Start", icon=":material/home:", url_path="start", default=True),
        *questions.values(),
        st.Page(models.show, title="Models", icon=":material/fact_check:", url_path="models"),
    ]
    page = st.navigation(pages)
    notice()
    page.run()


def _page(task: Task) -> st.Page:
    module = importlib.import_module(f"app_pages.{task.package}")
    return st.Page(module.show, title=task.title, icon=TASK_ICONS.get(task.id, OTHER_ICON), url_path=task.id)
