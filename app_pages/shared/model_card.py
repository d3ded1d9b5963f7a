"""The model cards of what answered, and the short line about a model."""

from __future__ import annotations

import streamlit as st

from engine import weights
from engine.errors import WeightError
from engine.finding import WeightUsed


def short(weight: weights.Weight) -> str:
    """Markdown line: title, short hash, licence."""
    return f"**{weight.title}** `{weight.sha256[:8]}` · {weight.licence}"


def cards(used: tuple[WeightUsed, ...]) -> None:
    """The card of each weight that answered, folded."""
    shipped = weights.manifest()
    for item in used:
        if item.name in shipped:
            with st.expander(f"Model card: {shipped[item.name].title}"):
                card(shipped[item.name])


def card(weight: weights.Weight) -> None:
    """One card: its Markdown text and its full hash."""
    try:
        st.markdown(weight.card())
    except WeightError as error:
        st.error(str(error))
    st.caption(f"SHA-256 `{weight.sha256}`")
