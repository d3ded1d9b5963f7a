"""Drawings and tables that follow the theme and can be chosen from: own HTML or SVG in one small component.

Streamlit's `st.html` removes SVG and knows no theme colours; this component shows both and tells which element the
reader chose. Everything that is not our own mark-up goes through `wording.text` first.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
_component = st.components.v2.component(
    "view",
    html="<div id='view'></div>",
    css=(HERE / "view.css").read_text(encoding="utf-8"),
    js=(HERE / "view.js").read_text(encoding="utf-8"),
)


def view(html: str, key: str, on_choose: Callable[[], None] | None = None) -> str | None:
    """Shows HTML or SVG; returns the `data-choose` value of the element the reader chose last, None before.

    key: unique on the page; the choice also stands in `st.session_state[key]["chosen"]`.
    """
    return _component(key=key, data={"html": html}, on_chosen_change=on_choose or _nothing).chosen


def _nothing() -> None:
    """A choice that only has to be seen at the next run."""
