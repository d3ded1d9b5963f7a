"""The ejection fraction page: what went in, the answer, the recording with its volume curve, why, sizes, verdict, export."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app_pages.echo_views.scale import scale
from app_pages.shared.answer import bars
from app_pages.shared.closing import closing
from app_pages.shared.desk import Desk, Result, explanation
from app_pages.shared.measurements import measurements
from app_pages.shared.opening import opening
from app_pages.shared.own_network import own_network
from app_pages.shared.player import Curve, FrameMark, player
from app_pages.shared.section import section
from app_pages.shared.understood import Shown, understood
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.analysis import Analysis
from engine.registry import task
from service.report import Picture

if TYPE_CHECKING:
    from engine.echo_ef.evidence import EchoEfEvidence
    from explain.explanation import Explanation

TASK = task("echo-ef")
PLAIN_QUALITY = {
    "view_probability": ("It looks like a four-chamber view ({value} of 1).", "The view is doubtful ({value} of 1)."),
    "segmentation_confidence": (
        "The walls are drawn surely (confidence {value} of 1).",
        "The walls are hard to tell (confidence {value} of 1); look at the contours before you use the number.",
    ),
    "whole_beats": ("Whole beats found: {value}.", "No whole beat was found; a longer recording is needed."),
    "frames_without_ventricle": (
        "A ventricle is drawn in nearly every frame ({value} of the frames lack it).",
        "In {value} of the frames no ventricle could be drawn.",
    ),
    "long_axis_change": (
        "The long axis shortens by {value}, as a ventricle does.",
        "The long axis changes by {value}: foreshortening or a badly drawn base; do not rely on the volumes.",
    ),
    "own_networks_apart": (
        "Your networks and ours agree within {value}.",
        "Your networks and ours differ by {value}; the interval is widened by it.",
    ),
}
OWN_NETWORKS = (
    "EchoNet-Dynamic’s two published checkpoints load here, one after the other: `deeplabv3_resnet50` (its ventricle is "
    "measured at our beats) and `r2plus1d_18` (its ejection fraction of each clip). They stand beside our answer; where they "
    "differ from it, its interval widens."
)
CLIPS = {"beats": "One clip per beat", "one": "One clip", "all": "All clips (slow)"}


def show() -> None:
    opened = opening(TASK, "a drawn, beating heart")
    if opened is None:
        return
    own, found = opened
    analysis = _counted(found)
    _what_went_in(own, found)
    _answer(analysis, found)
    _recording(found)
    _why(found)
    _measured(analysis, found)
    closing(analysis, found, lambda: _report_pictures(found))


def _counted(found: Result) -> Analysis:
    """The analysis over the beats that the reader lets count."""
    from engine.echo_ef.task import with_beats

    evidence: EchoEfEvidence = found.analysis.evidence
    chosen = st.session_state.get(f"beats-{found.key}")
    if chosen is None or len(chosen) in (0, len(evidence.beats)):
        return found.analysis
    return with_beats(found.analysis, tuple(sorted(chosen)))


def _what_went_in(own: Desk, found: Result) -> None:
    evidence: EchoEfEvidence = found.analysis.evidence
    size = evidence.pixel_size
    rate = (
        f"{evidence.frame_rate_hz:.0f} per second" if evidence.frame_rate_hz else "not stated: no heart rate is given"
    )
    known = f"{size.x_mm:.3f} × {size.y_mm:.3f} mm" if size.known else "not known: volumes are relative"
    facts = (
        ("Frames", str(len(evidence.squares))),
        ("Frame rate", rate),
        ("Pixel size", known),
        ("Why not", size.reason),
    )
    understood(
        Shown(evidence.plain[0], "First frame; what lies beside the sector is left out", "The first frame"),
        facts,
        found.analysis.finding.quality,
        PLAIN_QUALITY,
        f"facts-{found.key}",
    )
    if not size.known and len(evidence.squares) > 1:
        height = found.analysis.finding.details["frame_size"][0]
        scale(own, evidence.whole, height, f"scale-{found.key}", evidence.printed)
    own_network(TASK, own, ("pt",), OWN_NETWORKS, ("echonet_segmentation", "echonet_video"), f"own-network-{TASK.id}")
    if "echonet_video" in own.fields:
        key = f"clips-{TASK.id}"
        st.segmented_control(
            "What your video network looks at",
            list(CLIPS),
            default=own.fields.get("clips", "beats"),
            format_func=CLIPS.__getitem__,
            key=key,
            on_change=partial(_choose_clips, own, key),
        )


def _choose_clips(own: Desk, key: str) -> None:
    own.fields = {**own.fields, "clips": st.session_state[key] or "beats"}


def _answer(analysis: Analysis, found: Result) -> None:
    section("Second opinion")
    finding = analysis.finding
    row = finding.measurement("lv_ejection_fraction")
    if row is None:
        st.info(str(finding.details["notes"][0]), icon=":material/info:")
        return
    low, high = row.where["interval_95"]
    stated = [label.name for label in finding.labels if label.positive]
    said = stated[0] if stated else "No class of ventricle is likelier than the others together"
    view(
        f"<div class='answer'><p class='line'>EF <span class='share'>{row.value:.0f} %</span>, {text(said)}</p>"
        f"<p class='quiet'>95 % interval {low:.0f} to {high:.0f} %, from the error on patients never trained on. "
        f"Normal {row.low:.0f} to {row.high:.0f} %.</p></div>",
        f"answer-{found.key}-{row.value}",
    )
    bars(finding.labels, None, f"bars-{found.key}-{row.value}")


def _recording(found: Result) -> None:
    evidence: EchoEfEvidence = found.analysis.evidence
    section("The recording", "Point at the curve, drag on it, or use the arrow keys: the frame follows.")
    unit = "mL" if evidence.pixel_size.known else "of the largest"
    values = evidence.volumes if evidence.pixel_size.known else evidence.volumes / np.nanmax(evidence.volumes)
    marks = [
        mark
        for k, beat in enumerate(evidence.beats)
        for mark in (FrameMark(beat.ed_frame, f"ED {k + 1}"), FrameMark(beat.es_frame, f"ES {k + 1}", "down"))
    ]
    curve = Curve("LV volume", values, unit) if len(values) > 1 else None
    title, key = "Apical four-chamber recording", f"player-{found.key}"
    player(evidence.plain, evidence.drawn, curve, marks, evidence.frame_rate_hz, title, key)
    st.caption(
        "Left ventricle: red, full outline. Myocardium: green, dashed. Left atrium: blue. ED end-diastole, ES end-systole."
    )
    if len(evidence.beats) > 1:
        st.pills(
            "Beats that count",
            range(len(evidence.beats)),
            selection_mode="multi",
            default=list(range(len(evidence.beats))),
            format_func=lambda k: f"Beat {k + 1}: {evidence.beats[k].ef_percent:.0f} %",
            key=f"beats-{found.key}",
            help="Leave out a beat that is badly drawn or premature; the ejection fraction follows.",
        )


def _why(found: Result) -> None:
    from app_pages.echo_views.discs_view import attributed_picture, confidence_picture, discs_picture
    from engine.echo_ef.confidence import calibrated

    section("Why", "The volume rests on twenty discs across the long axis; the doubt about the walls is tinted.")
    why = explanation(found)
    if why is None:
        return
    evidence: EchoEfEvidence = found.analysis.evidence
    frames = why.details["frames"]
    shown = _frame_to_explain(evidence, frames, found.key)
    square, shares = evidence.squares[shown], evidence.shares[shown]
    doubt = confidence_picture(square, calibrated(shares, evidence.temperature).max(0))
    pictures = [
        (discs_picture(square, shares), "Long axis and discs on the drawn cavity"),
        (doubt, "Doubt: the stronger the pink, the less sure which structure it is"),
    ]
    if shown in frames:
        rests_on = attributed_picture(square, why.arrays["grad_cam"][frames.index(shown)])
        pictures.append((rests_on, "What the drawn cavity rests on (Grad-CAM): purple little, yellow most"))
    for column, (picture, said) in zip(st.columns(3), pictures, strict=False):
        column.image(picture, width="stretch", caption=said, alt=said)
    _video_why(evidence, why)
    influence = why.arrays["frame_influence"]
    if np.isfinite(influence).any():
        most = int(np.nanargmax(np.abs(influence)))
        st.caption(
            f"Without any single frame the EF moves by at most {abs(influence[most]):.1f} points (frame {most + 1}). "
            "The explanation file has every frame’s share."
        )


def _frame_to_explain(evidence: EchoEfEvidence, frames: list[int], key: str) -> int:
    """The frame that the reader chose: of end-diastole or end-systole, or any other (without Grad-CAM)."""
    other = -1
    choices = [*frames, other] if len(evidence.squares) > len(frames) else frames
    chosen = st.segmented_control(
        "Frame",
        choices,
        default=frames[0],
        format_func=lambda k: "Another" if k == other else _frame_name(evidence, k),
        key=f"frame-{key}",
    )
    if chosen != other:
        return frames[0] if chosen is None else chosen
    number = st.slider("Any frame", 1, len(evidence.squares), frames[0] + 1, key=f"any-frame-{key}")
    return number - 1


def _video_why(evidence: EchoEfEvidence, why: Explanation) -> None:
    """Of each explained clip of the user's video network, the frame that its answer rests on most."""
    from app_pages.echo_views.discs_view import attributed_picture

    if "video_grad_cam" not in why.arrays or evidence.peers is None:
        return
    maps, frames = why.arrays["video_grad_cam"], why.details["clip_frames"]
    for column, weights, seen in zip(st.columns(len(maps)), maps, frames, strict=True):
        within = sum(frame < len(evidence.peers.squares) for frame in seen)
        most = int(np.argmax(weights[:within].sum((1, 2))))
        picture = attributed_picture(evidence.peers.squares[seen[most]], weights[most])
        said = f"Your video network, frames {seen[0] + 1} to {seen[within - 1] + 1}: frame {seen[most] + 1} counts most"
        column.image(picture, width="stretch", caption=said, alt=said)


def _frame_name(evidence: EchoEfEvidence, frame: int) -> str:
    for k, beat in enumerate(evidence.beats):
        if frame in (beat.ed_frame, beat.es_frame):
            return f"{'ED' if frame == beat.ed_frame else 'ES'} {k + 1}"
    return f"Frame {frame + 1}"


def _measured(analysis: Analysis, found: Result) -> None:
    section(
        "Measurements",
        "Volumes by discs in one plane. EF is the median over the beats that count.",
    )
    if not analysis.finding.measurements:
        st.info("Nothing is measured without a whole beat.", icon=":material/info:")
        return
    measurements(analysis.finding.measurements, None, f"measurements-{found.key}-{len(analysis.finding.measurements)}")


def _report_pictures(found: Result) -> list[Picture]:
    from app_pages.echo_views.discs_view import discs_picture, png

    evidence: EchoEfEvidence = found.analysis.evidence
    if not evidence.beats:
        return []
    beat = evidence.beats[0]
    return [
        Picture(
            png(discs_picture(evidence.squares[k], evidence.shares[k])), f"{name}, frame {k + 1}: long axis and discs."
        )
        for name, k in (("End-diastole", beat.ed_frame), ("End-systole", beat.es_frame))
    ]
