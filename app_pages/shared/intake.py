"""How a study comes onto the desk: files, the camera, the synthetic example, or a public one. Nothing is written to disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from app_pages.shared.desk import Desk
from engine.errors import EngineError
from engine.registry import Task
from engine.study import Study, read_bytes, read_uploads

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PUBLIC_DICOM = {"echo-ef": "examples_ybr_color.dcm"}  # task id -> a test file that pydicom's wheel carries


def intake(task: Task, desk: Desk) -> None:
    """The ways in; open as long as the desk is empty."""
    with st.expander("Read another study" if desk.study else "Choose a study", expanded=desk.study is None):
        upload = f"upload-{task.id}"
        st.file_uploader(
            task.takes,
            accept_multiple_files=True,
            key=upload,
            on_change=partial(_take_files, desk, upload),
            help="Files that belong together, such as a WFDB header and its signal, are chosen together. "
            "They stay in memory, are sent nowhere, and are gone when you close this page.",
        )
        if st.toggle("Use this device's camera", key=f"camera-on-{task.id}"):
            camera = f"camera-{task.id}"
            st.camera_input(
                "Photograph the whole page from above", key=camera, on_change=partial(_take_photo, desk, camera)
            )
    if desk.problem:
        st.error(desk.problem, icon=":material/error:")


def example(task: Task) -> Path | None:
    """The task's synthetic example, made by `python -m training.examples`; None if the app ships none."""
    return next((p for p in sorted(EXAMPLES.glob(f"{task.id}.*")) if p.suffix in task.suffixes), None)


def lay_example(task: Task, desk: Desk) -> None:
    path = example(task)
    assert path is not None
    desk.lay(read_bytes(path.name, path.read_bytes()), origin="example")


def lay_public_dicom(task: Task, desk: Desk) -> None:
    from pydicom.data import get_testdata_file

    path = get_testdata_file(PUBLIC_DICOM[task.id], download=False)
    assert isinstance(path, str)
    desk.lay(read_bytes(PUBLIC_DICOM[task.id], Path(path).read_bytes()), origin="public")


def _take_files(desk: Desk, key: str) -> None:
    files = st.session_state[key]
    if files:
        _lay(desk, lambda: read_uploads([(file.name, file.getvalue()) for file in files]))


def _take_photo(desk: Desk, key: str) -> None:
    photo = st.session_state[key]
    if photo is not None:
        _lay(desk, lambda: read_bytes("photo.jpg", photo.getvalue()))


def _lay(desk: Desk, read: Callable[[], Study]) -> None:
    try:
        desk.lay(read())
    except EngineError as error:
        desk.clear(str(error))
