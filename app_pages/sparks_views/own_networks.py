"""Where a reader gives networks of their own, which then answer in place of ours."""

from __future__ import annotations

import streamlit as st

from app_pages.shared.desk import Desk, Result
from app_pages.shared.job import model_store
from engine.errors import EngineError
from engine.registry import Task
from engine.sparks.own_networks import FRAMES, PIXELS

OPTIONS = {name.replace("-", "_"): what for name, what in ((FRAMES, "which frames fire"), (PIXELS, "what is a spark"))}


def own_networks(task: Task, own: Desk, found: Result) -> None:
    """A place for Keras files; each lays its option on the desk, and the finding is made again."""
    asked = [what for option, what in OPTIONS.items() if option in own.fields]
    with st.expander("Ask networks of your own (Keras)", icon=":material/neurology:", expanded=bool(asked)):
        st.caption(
            "Weights of the Deepcardio dashboard: InceptionV3 for frames, the Xception-style U-Net for pixels. They answer in "
            "place of ours, were not validated here, stay in memory and are gone with the app."
        )
        if not asked:
            if not st.toggle("Choose their files", key=f"own-on-{found.key}"):
                return
        else:
            st.info(f"Your network says {' and '.join(asked)}.", icon=":material/info:")
            if st.button("Ask ours again", key=f"ours-{found.key}"):
                own.fields = {k: v for k, v in own.fields.items() if k not in OPTIONS}
                st.rerun()
        files = st.file_uploader("Keras weights (.h5)", type=("h5", "keras", "hdf5"), accept_multiple_files=True,
                                 key=f"own-files-{found.key}")  # fmt: skip
        if files and st.button("Read with these", key=f"own-ask-{found.key}", type="primary"):
            try:
                for file in files:
                    own.fields = own.fields | task.lend(file.getvalue(), model_store())
            except EngineError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.rerun()
