"""The first page: what the app does, what it does not, and where the data go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app_pages.shared.desk import desk
from app_pages.shared.intake import EXAMPLES, example, lay_example
from app_pages.shared.section import section
from app_pages.shared.sidebar import RESEARCH
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.registry import TASKS, Task

STEPS = """<div class='steps'>
<div class='card'><h3>1. Show it</h3><p>Photograph or scan what you have, or choose a file. Nothing has to be typed.</p></div>
<div class='card'><h3>2. Check what was understood</h3><p>The app draws what it read on your own picture. Drag a corner or change the scale if it is wrong.</p></div>
<div class='card'><h3>3. Read the second opinion</h3><p>An answer with a calibrated probability, the reason drawn on the picture, the measurements, or a refusal that says what to do.</p></div>
</div>"""
LIMITS = """<div class='steps'>
<div class='card'><h3>What it does not do</h3><ul><li>It does not diagnose, triage or monitor.</li><li>It does not know the patient, the symptoms or earlier studies.</li>
<li>It answers only the questions listed here; another finding may be missed.</li><li>It refuses what it cannot read, and then gives no number.</li></ul></div>
<div class='card'><h3>Where your data go</h3><ul><li>Studies stay in this server’s memory and are gone when you close the page.</li><li>Nothing is written to disk, and no connection leaves the server.</li>
<li>Names and dates printed on paper are not stored or logged.</li><li>Your own verdict goes only into the file that you download.</li></ul></div>
<div class='card'><h3>Research use</h3><p>Not a medical device, and not for decisions about a patient. Every page and every export says so. How well each model did, on how many cases, stands on the Models page.</p></div>
</div>"""


def show(pages: Mapping[str, Any]) -> None:
    """pages: each task's page, by the task's id."""
    st.title("A second opinion on cardiac data", anchor=False)
    st.markdown(f"You show a study; the app answers one clinical question about it and shows why. **{RESEARCH}**")
    for task in TASKS.values():
        _question(task, pages[task.id])
    section("How it works")
    view(STEPS, "steps")
    section("Good to know")
    view(LIMITS, "limits")


def _question(task: Task, page: Any) -> None:
    with st.container(border=True):
        words, picture = st.columns([2, 3], gap="large", vertical_alignment="center")
        with words:
            st.header(task.title, anchor=False)
            st.markdown(f"**{task.question}**")
            view(
                f"<dl class='facts'><dt>Goes in</dt><dd>{text(task.takes)}</dd>"
                "<dt>Comes out</dt><dd>The answer with its probability, why, and the measurements; "
                "as a page, a report and files</dd></dl>",
                f"about-{task.id}",
            )
            if st.button("Open", key=f"open-{task.id}", type="primary", icon=":material/arrow_forward:", width="stretch"):
                st.switch_page(page)
            if example(task) and st.button("Try the synthetic example", key=f"home-example-{task.id}", width="stretch"):
                lay_example(task, desk(task))
                st.switch_page(page)
        shown = EXAMPLES / f"{task.id}_result.jpg"
        if shown.is_file():
            picture.image(str(shown), width="stretch", alt=f"{task.title}: the synthetic example as the app reads it", caption="The synthetic example as the app reads it.")
