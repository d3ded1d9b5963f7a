"""The parasternal long-axis page: what went in, the sizes, the recording with its structures and curves, why, verdict, export."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app_pages.echo_views.scale import scale
from app_pages.shared.closing import closing
from app_pages.shared.curves import deletion_curve, sentence
from app_pages.shared.desk import Desk, Result, explanation
from app_pages.shared.measurements import measurements
from app_pages.shared.opening import opening
from app_pages.shared.own_network import own_network
from app_pages.shared.player import Curve, FrameMark, player
from app_pages.shared.section import section
from app_pages.shared.understood import Shown, understood
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.registry import task
from engine.wording import with_unit
from service.report import Picture

if TYPE_CHECKING:
    from engine.echo_plax.evidence import EchoPlaxEvidence
    from explain.explanation import Explanation

TASK = task("echo-plax")
PLAIN_QUALITY = {  # code -> in words where acceptable, where not
    "view_probability": (
        "It looks like a parasternal long axis ({value} of 1).",
        "The view is doubtful ({value} of 1).",
    ),
    "segmentation_confidence": (
        "The structures are drawn surely (confidence {value} of 1).",
        "The structures are hard to tell (confidence {value} of 1); look at the outlines before you use a size.",
    ),
    "whole_beats": ("Whole beats: {value}.", "No whole beat was found: no end-diastolic or end-systolic size."),
    "frames_measured": (
        "The ventricle could be measured in {value} of the frames.",
        "The ventricle could be measured in {value} of the frames only.",
    ),
} | {
    f"seen_{code}": (f"{name}: drawn in {{value}} of the frames.", f"{name}: drawn in {{value}} of the frames only.")
    for code, name in (
        ("left_ventricle", "Left ventricle"),
        ("septum", "Septum"),
        ("left_atrium", "Left atrium"),
        ("right_ventricle", "Right ventricle"),
        ("outer_wall", "Outer wall"),
        ("aorta", "Aorta"),
    )
}  # fmt: skip
CURVES = (
    ("lvid", "LV diameter"),
    ("ivs", "septum"),
    ("lvpw", "posterior wall"),
    ("la", "left atrium"),
    ("aorta", "aortic root"),
)
SEXES = {"": "Not stated", "F": "Female", "M": "Male"}
LENGTHS = {"mm": "mm", "px": "pixels"}
OWN_NETWORK = (
    "The U-Net of echo-plax-segmentation as one Keras file (.h5, saved with model.save) can draw instead of ours. It stays in "
    "this server’s memory, and nothing in it is executed."
)


def show() -> None:
    opened = opening(TASK, "a drawn, beating heart")
    if opened is None:
        return
    own, found = opened
    finding = found.analysis.finding
    if finding.details["experimental"]:
        st.warning(
            "Experimental: measured on nine patients, and no clinician traced the frames that it learnt from. "
            "The model card has the figures.",
            icon=":material/science:",
        )
    _what_went_in(own, found)
    _answer(found)
    _recording(found)
    section("Why", "How sure each place is, which two structures compete there, and what each one rests on.")
    _why(found)
    _measured(own, found)
    closing(found.analysis, found, lambda: _report_pictures(found))


def _what_went_in(own: Desk, found: Result) -> None:
    evidence: EchoPlaxEvidence = found.analysis.evidence
    size = evidence.pixel_size
    facts = (
        ("Frames", str(len(evidence.squares))),
        ("Frame rate", f"{evidence.frame_rate_hz:.0f} per second" if evidence.frame_rate_hz else "not stated"),
        ("Pixel size", f"{size.x_mm:.3f} × {size.y_mm:.3f} mm" if size.known else "not known: sizes are in pixels"),
        ("Why not", size.reason),
        ("Drawn by", "your own network" if evidence.pencil.own else "the app’s network"),
    )
    understood(
        Shown(evidence.plain[0], "First frame; what lies beside the sector is left out", "The first frame"),
        facts,
        found.analysis.finding.quality,
        PLAIN_QUALITY,
        f"facts-{found.key}",
    )
    if not size.known:
        scale(own, evidence.whole, evidence.frame_size[0], f"scale-{found.key}", evidence.printed)
    own_network(TASK, own, ("h5", "hdf5"), OWN_NETWORK, ("own_network",), "own-network-echo-plax")


def _answer(found: Result) -> None:
    section("Second opinion")
    finding = found.analysis.finding
    said = [
        f"{name} <span class='share'>{with_unit(row.value, LENGTHS.get(row.unit, row.unit))}</span>"
        for code, name in (
            ("lvid_d", "LV at end-diastole"), ("lvid_s", "at end-systole"), ("lvid", "LV in this frame"),
            ("fractional_shortening", "shortening"),
        )
        if (row := finding.measurement(code))
    ]  # fmt: skip
    line = ", ".join(said) or "Structures are drawn; no size could be read"
    under = " ".join(finding.details["notes"]) or "Each size is the median over the whole beats of the recording."
    view(
        f"<div class='answer'><p class='line'>{line}</p><p class='quiet'>{text(under)}</p></div>", f"answer-{found.key}"
    )


def _recording(found: Result) -> None:
    from app_pages.echo_views.long_axis_view import legend

    evidence: EchoPlaxEvidence = found.analysis.evidence
    dimensions = evidence.dimensions
    section("The recording", "Point at the curves, drag on them, or use the arrow keys: the frame follows.")
    marks = [
        mark
        for k, beat in enumerate(dimensions.beats)
        for mark in (FrameMark(beat.ed_frame, f"ED {k + 1}"), FrameMark(beat.es_frame, f"ES {k + 1}", "down"))
    ]
    curves = [Curve(name, dimensions.curves[code], LENGTHS[dimensions.unit]) for code, name in CURVES]
    player(
        evidence.plain,
        evidence.drawn,
        curves[0] if np.isfinite(curves[0].values).sum() > 1 else None,
        marks,
        evidence.frame_rate_hz,
        "Parasternal long-axis recording",
        f"player-{found.key}",
        curves[1:],
        beside=True,
    )
    view(legend(), f"legend-{found.key}")
    st.caption(
        "White lines: where the sizes of that very frame were read. The curves are smoothed over time. ED end-diastole, "
        "ES end-systole."
    )


def _why(found: Result) -> None:
    from app_pages.echo_views.long_axis_view import (
        attribution_picture,
        competition_picture,
        contested_pairs,
        doubt_picture,
    )
    from engine.echo_plax.drawing import STRUCTURES

    made = explanation(found)
    if made is None:
        return
    evidence: EchoPlaxEvidence = found.analysis.evidence
    k = _chosen_frame(evidence, made, found.key)
    asked = st.selectbox(
        "Structure", STRUCTURES, format_func=lambda structure: structure.name, key=f"structure-{found.key}"
    )
    for column, picture, said in zip(
        st.columns(3),
        (
            doubt_picture(evidence, made, k),
            competition_picture(evidence, made, k),
            attribution_picture(evidence, made, k, asked.number),
        ),
        (
            "Doubt: the stronger the pink, the less sure what is there",
            "Contested places: stripes in the colours of the two likeliest structures",
            f"What the drawn {asked.name.lower()} rests on: purple little, yellow most",
        ),
        strict=True,
    ):
        column.image(picture, width="stretch", caption=said, alt=said)
    pairs = contested_pairs(made, k)
    st.caption(f"Contested most: {'; '.join(pairs)}." if pairs else "No place of this frame is contested.")
    st.subheader("Can this explanation be trusted?", anchor=False)
    check = made.faithfulness[0]
    view(f"{deletion_curve(check, 'picture')}<p>{text(sentence(check))}</p>", f"trust-{found.key}")


def _chosen_frame(evidence: EchoPlaxEvidence, made: Explanation, key: str) -> int:
    """Number of the explained frame that the reader chose."""
    frames = made.details["frames"]
    if len(frames) == 1:
        return 0
    names = {frame: f"{kind} {k + 1}" for k, b in enumerate(evidence.dimensions.beats)
             for kind, frame in (("ED", b.ed_frame), ("ES", b.es_frame))}  # fmt: skip
    chosen = st.segmented_control(
        "Frame", frames, default=frames[0], format_func=lambda f: names.get(f, f"Frame {f + 1}"), key=f"frame-{key}"
    )
    return frames.index(frames[0] if chosen is None else chosen)


def _measured(own: Desk, found: Result) -> None:
    from app_pages.echo_views.long_axis_view import frame_picture

    section(
        "Measurements",
        "From edge to edge of what is drawn, at the mitral tips and at the aortic sinuses. Choose one to see where it was read.",
    )
    finding = found.analysis.finding
    if not finding.measurements:
        st.info(" ".join(finding.details["notes"]), icon=":material/info:")
        return
    st.segmented_control(
        "Sex, for the reference ranges",
        list(SEXES),
        default=own.fields.get("sex", ""),
        format_func=SEXES.__getitem__,
        key=f"sex-{found.key}",
        on_change=partial(_state_sex, own, f"sex-{found.key}"),
    )
    key = f"measurements-{found.key}"
    chosen = min(int((st.session_state.get(key) or {}).get("chosen") or 0), len(finding.measurements) - 1)
    measurements(finding.measurements, chosen, key)
    evidence: EchoPlaxEvidence = found.analysis.evidence
    row = finding.measurements[chosen]
    frames = row.where.get("frames") or evidence.key_frames[:2]
    for column, frame in zip(st.columns(2), frames[:2], strict=False):
        said = f"{row.name}: frame {frame + 1} of {len(evidence.squares)}"
        column.image(frame_picture(evidence, frame, True), width="stretch", caption=said, alt=said)


def _state_sex(own: Desk, key: str) -> None:
    sex = st.session_state[key] or ""
    own.fields = {name: value for name, value in own.fields.items() if name != "sex"} | ({"sex": sex} if sex else {})


def _report_pictures(found: Result) -> list[Picture]:
    evidence: EchoPlaxEvidence = found.analysis.evidence
    beats = evidence.dimensions.beats
    if not beats:
        return [Picture(evidence.drawn[evidence.key_frames[0]], "The structures and sizes of one frame.")]
    return [
        Picture(evidence.drawn[frame], f"{name}, frame {frame + 1}: structures and sizes.")
        for name, frame in (("End-diastole", beats[0].ed_frame), ("End-systole", beats[0].es_frame))
    ]
