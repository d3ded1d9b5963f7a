"""Why: doubt about the outlines, what speaks for the view, what the layers see, which slices move the ejection fraction."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app_pages.mr_views import pictures
from app_pages.shared.curves import deletion_curve, sentence
from app_pages.shared.desk import Result, explanation
from app_pages.shared.job import model_store
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.mr.evidence import MrEvidence
from engine.mr.segmentation import STACK_WEIGHT
from explain.explanation import Explanation
from explain.mr import LAYERS, feature_maps, slice_influence


def why(found: Result) -> None:
    made = explanation(found)
    if made is None:
        return
    evidence: MrEvidence = found.analysis.evidence
    _view(evidence, made, found)
    if "confidence" in made.arrays:
        _outlines(evidence, made, found)
        _influence(evidence)
        _layers(evidence, found)
    st.subheader("Can this explanation be trusted?", anchor=False)
    check = made.faithfulness[0]
    view(f"{deletion_curve(check, 'picture')}<p>{text(sentence(check))}</p>", f"trust-{found.key}")


def _view(evidence: MrEvidence, made: Explanation, found: Result) -> None:
    st.subheader("What speaks for the view", anchor=False)
    image = evidence.cine.images[0, made.details["view_slice"]]
    left, right = st.columns(2)
    left.image(
        pictures.coloured_picture(image, made.arrays["view_grad_cam"]),
        width="stretch",
        caption="Grad-CAM: purple little, yellow most",
        alt="What speaks for the view, by Grad-CAM",
    )
    right.image(
        pictures.coloured_picture(image, np.abs(made.arrays["view_integrated_gradients"])),
        width="stretch",
        caption="Integrated gradients, size of each pixel’s share",
        alt="What speaks for the view, by integrated gradients",
    )


def _outlines(evidence: MrEvidence, made: Explanation, found: Result) -> None:
    st.subheader("Where the outlines are in doubt", anchor=False)
    number = 1
    if evidence.cine.slices > 1:
        number = st.slider(
            "Slice", 1, evidence.cine.slices, evidence.cine.slices // 2 + 1, key=f"doubt-slice-{found.key}"
        )
    for column, phase, name, maps in zip(
        st.columns(2),
        made.details["phases"],
        ("End-diastole", "End-systole"),
        made.arrays["confidence"],
        strict=True,
    ):
        picture = pictures.doubt_picture(evidence, maps[number - 1].astype(np.float32), phase, number - 1)
        column.image(
            picture,
            width="stretch",
            caption=f"{name}: the stronger the pink, the less sure",
            alt=f"Slice {number} at {name.lower()}, what is unsure in pink",
        )


def _influence(evidence: MrEvidence) -> None:
    """Which slices move the ejection fraction most, by the outlines as they stand now."""
    assert evidence.segmentation is not None
    assert evidence.volumes is not None
    labels, curves = evidence.segmentation.labels, evidence.volumes
    influence = slice_influence(labels, curves.end_diastole, curves.end_systole)
    if not np.isfinite(influence).any():
        return
    order = [k for k in np.argsort(-np.abs(np.nan_to_num(influence))) if np.isfinite(influence[k])][:3]
    said = "; ".join(f"slice {k + 1}: {influence[k]:+.1f} points" for k in order)
    st.caption(f"Slices that move the LV ejection fraction most (with it minus without it): {said}.")


def _layers(evidence: MrEvidence, found: Result) -> None:
    """What each channel of a chosen layer makes of this very picture."""
    with st.expander("What the network’s layers see"):
        columns = st.columns(3)
        layer = columns[0].selectbox("Layer", LAYERS, format_func=lambda one: one.name, key=f"layer-{found.key}")
        phases = {"End-diastole": 0, "End-systole": 0}
        if evidence.volumes:
            phases = {"End-diastole": evidence.volumes.end_diastole, "End-systole": evidence.volumes.end_systole}
        when = columns[1].selectbox("Phase", list(phases), key=f"layer-phase-{found.key}")
        slices = list(range(1, evidence.cine.slices + 1))
        number = columns[2].selectbox("Slice", slices, len(slices) // 2, key=f"layer-slice-{found.key}")
        maps = feature_maps(evidence, model_store().get(STACK_WEIGHT), layer, phases[when], number - 1)
        st.image(
            pictures.channels_picture(maps),
            width="stretch",
            caption=f"The twelve strongest of {len(maps)} channels on slice {number} at {when.lower()}, each in its own "
            "range: purple little, yellow much",
            alt="What the strongest channels of the layer make of this slice",
        )
