"""The reader corrects an outline, and the whole page follows: answer, curves, bullseye, groups, exports."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app_pages.mr_views.outlines import editor
from app_pages.shared.desk import Result
from engine.analysis import Analysis
from engine.errors import EngineError
from engine.mr.correction import corrected
from engine.mr.evidence import MrEvidence

READ, DRAWN = "as read", "corrected outlines"  # what Result.drawings keeps them as
ED, ES, OTHER = "End-diastole", "End-systole", "Another phase"


def correction(found: Result, slice_: int) -> None:
    """The editor for a slice (from 0) of a short axis, at end-diastole, end-systole or another phase."""
    evidence: MrEvidence = found.analysis.evidence
    curves = evidence.volumes
    if curves is None:
        return
    drawn = found.drawings.get(DRAWN, {})
    with st.expander("Correct an outline", icon=":material/draw:", expanded=bool(drawn)):
        st.caption(
            "Choose the slice above. Drag a point of the outline; its neighbours give way a little. The volumes of the phase "
            "follow at once, the whole page once you use the outline."
        )
        phase, name = _phase(evidence, found.key)
        key = f"outlines-{found.key}"
        editor(evidence, phase, slice_, name, key, partial(_apply, found, key, phase, slice_))
        if found.drawings.get("correction problem"):
            st.error(found.drawings["correction problem"], icon=":material/error:")
        if drawn:
            places = ", ".join(f"slice {s + 1} at phase {p + 1}" for p, s in sorted(drawn))
            st.caption(f"Corrected: {places}.")
            st.button("Back to what was read", key=f"as-read-{found.key}", on_click=partial(_back, found))


def _phase(evidence: MrEvidence, key: str) -> tuple[int, str]:
    """The phase to correct, from 0, and its name."""
    assert evidence.volumes is not None
    ed, es = evidence.volumes.end_diastole, evidence.volumes.end_systole
    if evidence.cine.phases < 2:
        return 0, "the only phase"
    choices = [ED, ES] if evidence.cine.phases == 2 else [ED, ES, OTHER]
    chosen = st.segmented_control("Phase", choices, default=ED, required=True, key=f"correct-phase-{key}")
    if chosen == OTHER:
        number = int(st.number_input("Number of the phase", 1, evidence.cine.phases, 1, key=f"correct-number-{key}"))
        return number - 1, f"phase {number}"
    return (es, "end-systole") if chosen == ES else (ed, "end-diastole")


def _apply(found: Result, key: str, phase: int, slice_: int) -> None:
    """Takes the curves that the editor sent."""
    sent: dict[str, Any] | None = (st.session_state.get(key) or {}).get("applied")
    if not sent:
        return
    curves = {name: np.array(points, float) for name, points in sent["curves"].items()}
    _correct(found, {**found.drawings.get(DRAWN, {}), (phase, slice_): curves})


def _back(found: Result) -> None:
    _correct(found, {})


def _correct(found: Result, drawn: dict[tuple[int, int], dict[str, np.ndarray]]) -> None:
    read: Analysis = found.drawings.setdefault(READ, found.analysis)
    try:
        found.analysis = corrected(read, drawn) if drawn else read
    except EngineError as error:
        found.drawings["correction problem"] = str(error)
        return
    kept = {READ: read, DRAWN: drawn}
    found.drawings.clear()  # every picture with outlines is drawn anew
    found.drawings.update(kept)
