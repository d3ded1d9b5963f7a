"""The cardiac MR page: what went in, the answer, the cine with its outlines, why, measurements, the reader's verdict, export."""

from __future__ import annotations

import streamlit as st

from app_pages.mr_views import pictures
from app_pages.mr_views.bullseye import bullseyes
from app_pages.mr_views.correction import correction
from app_pages.mr_views.groups import among_groups
from app_pages.mr_views.patient import patient
from app_pages.mr_views.why import why
from app_pages.shared.answer import bars
from app_pages.shared.closing import closing
from app_pages.shared.desk import Desk, Result
from app_pages.shared.measurements import measurements
from app_pages.shared.opening import opening
from app_pages.shared.player import Curve, FrameMark, player
from app_pages.shared.section import section
from app_pages.shared.understood import Shown, understood
from app_pages.shared.view import view
from app_pages.shared.wording import percent, text, with_unit
from engine.finding import Finding
from engine.mr.evidence import MrEvidence
from engine.registry import task
from service.report import Picture

TASK = task("cardiac-mr")
PLAIN_QUALITY = {  # code -> in words where acceptable, where not
    "slices": ("{value} slices were put together.", "{value} slices: too few for a volume."),
    "phases": ("{value} phases per slice.", "{value} phase: no beat can be seen."),
    "pixel_size_known": ("Pixel size and slice distance are known.", "Sizes are not known: ratios only."),
    "notes": ("Nothing is missing or doubled.", "{value} remarks about gaps or doubles, below."),
    "slices_with_ventricle": (
        "The left ventricle is seen in {value} slices.",
        "The left ventricle is seen in {value} slices only.",
    ),
    "confidence": (
        "The outlines are sure (mean {value} of 1).",
        "The outlines are unsure (mean {value} of 1); look at each slice.",
    ),
    "stack_complete": (
        "The stack reaches beyond the ventricle.",
        "The ventricle is in the first and the last slice: the stack may be too short, and volumes too small.",
    ),
    "beat_seen": ("The ventricle contracts over the phases.", "No contraction is seen: no ejection fraction."),
}
PLAY_HZ = 20.0


def show() -> None:
    opened = opening(TASK, "a drawn, beating heart")
    if opened is None:
        return
    own, found = opened
    finding = found.analysis.finding
    _what_went_in(own, found)
    _answer(finding, found)
    _cine(found)
    _groups(finding, found)
    section("Why", "What the view rests on, where the outlines are in doubt, and what the network sees.")
    why(found)
    _measured(finding, found)
    closing(found.analysis, found, lambda: _report_pictures(found))


def _what_went_in(own: Desk, found: Result) -> None:
    evidence: MrEvidence = found.analysis.evidence
    cine = evidence.cine
    facts = [
        ("Stack", f"{cine.slices} slices × {cine.phases} phases, {cine.images.shape[3]} × {cine.images.shape[2]} px"),
        ("Pixel", f"{cine.mm_per_px[0]:.3g} × {cine.mm_per_px[1]:.3g} mm" if cine.mm_per_px else "not stated"),
        ("Slice distance", f"{cine.slice_distance_mm:.3g} mm" if cine.slice_distance_mm else "not stated"),
        ("Heart rate", f"{cine.heart_rate:.0f} per min" if cine.heart_rate else "not stated"),
    ]
    facts += [
        (pictures.LANDMARKS[name], f"{percent(point.confidence)} sure" if point else "not found")
        for name, point in evidence.points.items()
    ]
    understood(
        Shown(
            pictures.landmarks_picture(evidence),
            "Middle slice, first phase, with the landmarks that were found",
            "The middle slice with its landmarks",
        ),
        facts,
        found.analysis.finding.quality,
        PLAIN_QUALITY,
        f"facts-{found.key}",
        notes=found.analysis.finding.details["notes"],
    )
    patient(own, found)


def _answer(finding: Finding, found: Result) -> None:
    section("Second opinion")
    seen = max(finding.labels, key=lambda label: label.probability)
    numbers = [finding.measurement(code) for code in ("lv_ejection_fraction", "lv_end_diastolic_volume", "lv_mass")]
    said = [f"{text(m.name)} <span class='share'>{with_unit(m.value, m.unit)}</span>" for m in numbers if m]
    line = ", ".join(said) or f"{text(seen.name)} <span class='share'>{percent(seen.probability)}</span>"
    under = f"{text(seen.name)} view, {percent(seen.probability)}. Papillary muscles are counted to the cavity."
    if finding.details.get("corrected_outlines"):
        under += " With your corrected outlines."
    view(f"<div class='answer'><p class='line'>{line}</p><p class='quiet'>{under}</p></div>", f"answer-{found.key}")
    with st.expander("Which view, with probabilities"):
        bars(finding.labels, None, f"bars-{found.key}")


def _cine(found: Result) -> None:
    """The slice stays while its time plays; the curve is the scrubber."""
    evidence: MrEvidence = found.analysis.evidence
    section("The cine", "Choose a slice; its phases play. Point at the curve, drag on it, or use the arrow keys.")
    cine, curves = evidence.cine, evidence.volumes
    number = cine.slices // 2 + 1
    if cine.slices > 1:
        number = st.slider("Slice", 1, cine.slices, number, key=f"slice-{found.key}")
    stored = f"frames-{number}"
    if stored not in found.drawings:
        found.drawings[stored] = [
            [pictures.jpeg(pictures.slice_picture(evidence, p, number - 1, drawn)) for p in range(cine.phases)]
            for drawn in (False, True)
        ]
    curve, marks = None, []
    if curves is not None and cine.phases > 1:
        curve = Curve("LV volume", curves.cavity, "mL" if curves.in_ml else "px")
        marks = [FrameMark(curves.end_diastole, "ED"), FrameMark(curves.end_systole, "ES", "down")]
    plain, drawn = found.drawings[stored]
    player(
        plain,
        drawn,
        curve,
        marks,
        PLAY_HZ if cine.phases > 1 else None,
        f"Slice {number}",
        f"player-{found.key}-{number}",
    )
    if curves is None:
        return
    st.caption(pictures.LEGEND)
    for column, phase, name in zip(
        st.columns(2), (curves.end_diastole, curves.end_systole), ("End-diastole", "End-systole"), strict=True
    ):
        key = f"stack-{phase}"
        if key not in found.drawings:
            found.drawings[key] = pictures.stack_picture(evidence, phase)
        said = f"{name} (phase {phase + 1}), all slices"
        column.image(found.drawings[key], width="stretch", caption=said, alt=f"{said}, with their outlines")
    correction(found, number - 1)


def _groups(finding: Finding, found: Result) -> None:
    wall = found.analysis.evidence.bullseye
    drawn = among_groups(finding)
    if drawn:
        section(
            "Among known groups",
            "ACDC’s patients, outlined by cardiologists: how each group is spread, its median and middle half. "
            "Dashed: this patient.",
        )
        view(drawn, f"groups-{found.key}")
    if wall is not None:
        section("The wall", "The AHA’s segments, from the outlines.")
        view(bullseyes(wall), f"wall-{found.key}")


def _measured(finding: Finding, found: Result) -> None:
    section("Measurements", "From the outlines.")
    if not finding.measurements:
        st.info(" ".join(finding.details["notes"]) or "This view holds no volume.", icon=":material/info:")
        return
    key = f"measurements-{found.key}"
    chosen = int((st.session_state.get(key) or {}).get("chosen") or 0)
    measurements(finding.measurements, chosen, key)


def _report_pictures(found: Result) -> list[Picture]:
    evidence: MrEvidence = found.analysis.evidence
    if evidence.volumes is None:
        return [Picture(pictures.png(pictures.landmarks_picture(evidence)), "The picture with its landmarks.")]
    return [
        Picture(pictures.png(pictures.stack_picture(evidence, phase)), f"{name}, all slices. {pictures.LEGEND}")
        for phase, name in (
            (evidence.volumes.end_diastole, "End-diastole"),
            (evidence.volumes.end_systole, "End-systole"),
        )
    ]
