"""The sidebar beside a task: the model in use, the device, the example, and what the app is not."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app_pages.shared.desk import Desk
from app_pages.shared.intake import PUBLIC_DICOM, example, lay_example, lay_public_dicom
from app_pages.shared.job import warm_up
from app_pages.shared.model_card import short
from engine import weights
from engine.registry import Task
from engine.settings import settings

RESEARCH = "Research use only. Not a medical device."
DEVICES = {"cpu": "processor (CPU)", "cuda": "graphics card (CUDA)", "auto": "chosen at the first analysis"}


def sidebar(task: Task, desk: Desk) -> None:
    with st.sidebar:
        if example(task):
            st.button(
                "Try the synthetic example",
                key=f"example-{task.id}",
                icon=":material/play_arrow:",
                width="stretch",
                on_click=partial(lay_example, task, desk),
                help="A simulated study, no patient’s: shows a full result at one click.",
            )
        if task.id in PUBLIC_DICOM:
            st.button(
                "Try a real DICOM recording",
                key=f"public-{task.id}",
                icon=":material/play_arrow:",
                width="stretch",
                on_click=partial(lay_public_dicom, task, desk),
                help="A de-identified recording from the public test files of pydicom, which come with this app.",
            )
        st.markdown("**Model in use**")
        shipped = weights.manifest()
        for name in task.weights:
            st.caption(short(shipped[name]) if name in shipped else f"{name} is not installed")
        st.caption(f"Runs on: {DEVICES[warm_up().device or settings().device]}")


def notice() -> None:
    """The line that every page carries, above its title: a phone shows no sidebar until it is opened."""
    st.markdown(f":material/science: :orange[**{RESEARCH}**]")
