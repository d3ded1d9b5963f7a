"""A page's section: its heading and one quiet line under it."""

from __future__ import annotations

import streamlit as st


def section(title: str, about: str = "") -> None:
    st.header(title, anchor=False)
    if about:
        st.caption(about)
    else:
        st.space("xxsmall")  # a heading alone would touch what it heads
