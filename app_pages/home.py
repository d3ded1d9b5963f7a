"""The first page: what the app does, what it does not, and where the data go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app_pages.shared.desk import desk
from app_pages.shared.intake import EXAMPLES, example, lay_example
from app_pages.shared.section import section
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.registry import TASKS, Task

STEPS = (
    ("1. Show it", ("Photograph or scan what you have, or choose a file. Nothing has to be typed.",)),
    (
        "2. Check what was understood",
        ("The app draws what it read on your own picture. Drag a corner or change the scale if it is wrong.",),
    ),
    (
        "3. Read the second opinion",
        (
            "An answer with a calibrated probability, the reason drawn on the picture, and the measurements; "
            "or a refusal that says what to do.",
        ),
    ),
)
LIMITS = (
    (
        "What it does not do",
        (
            "It does not diagnose, triage or monitor.",
            "It does not know the patient, the symptoms or earlier studies.",
            "It answers only the questions listed here; another finding may be missed.",
            "It refuses what it cannot read, and then gives no number.",
        ),
    ),
    (
        "Where your data go",
        (
            "Studies stay in this server’s memory and are gone when you close the page.",
            "Nothing is written to disk, and no connection leaves the server.",
            "Names and dates printed on paper are not stored or logged.",
            "Your own verdict goes only into the file that you download.",
        ),
    ),
    (
        "Research use",
        (
            "Not a medical device, and not for decisions about a patient. Every page and every export says so.",
            "How well each model did, and on how many cases, stands on the Models page.",
        ),
    ),
)


def show(pages: Mapping[str, Any]) -> None:
    """pages: each task's page, by the task's id."""
    st.title("A second opinion on cardiac data", anchor=False)
    st.markdown("You show a study; the app answers one clinical question about it and shows why.")
    for task in TASKS.values():
        _question(task, pages[task.id])
    section("How it works")
    view(_cards(STEPS), "steps")
    section("Good to know")
    view(_cards(LIMITS), "limits")


def _cards(cards: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """HTML cards of a heading and sentences, several of them as a list."""
    return f"<div class='steps'>{''.join(_card(*card) for card in cards)}</div>"


def _card(heading: str, sentences: tuple[str, ...]) -> str:
    if len(sentences) == 1:
        body = f"<p>{text(sentences[0])}</p>"
    else:
        body = f"<ul>{''.join(f'<li>{text(sentence)}</li>' for sentence in sentences)}</ul>"
    return f"<div class='card'><h3>{text(heading)}</h3>{body}</div>"


def _question(task: Task, page: Any) -> None:
    shown = EXAMPLES / f"{task.id}_result.jpg"
    with st.container(border=True):
        pictured = shown.is_file()
        words, beside = st.columns([2, 3] if pictured else [3, 2], gap="large", vertical_alignment="center")
        with words:
            st.header(task.title, anchor=False)
            st.markdown(f"**{task.question}**")
            view(
                f"<dl class='facts'><dt>Goes in</dt><dd>{text(task.takes)}</dd>"
                "<dt>Comes out</dt><dd>The answer with its probability, why, and the measurements; "
                "as a page, a report and files</dd></dl>",
                f"about-{task.id}",
            )
        with words if pictured else beside:
            if st.button(
                "Open", key=f"open-{task.id}", type="primary", icon=":material/arrow_forward:", width="stretch"
            ):
                st.switch_page(page)
            if example(task) and st.button("Try the synthetic example", key=f"home-example-{task.id}", width="stretch"):
                lay_example(task, desk(task))
                st.switch_page(page)
        if pictured:
            beside.image(
                str(shown),
                width="stretch",
                alt=f"{task.title}: the synthetic example as the app reads it",
                caption="The synthetic example as the app reads it.",
            )
