"""The ECG page: what went in, the answer, why, the measurements, the clinician's verdict, export."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app_pages.ecg_views import photo
from app_pages.ecg_views.corrections import corrections, layout_name
from app_pages.ecg_views.paper import Mark, paper, usual_arrangement
from app_pages.ecg_views.why import beat_words, colour, why
from app_pages.shared.answer import answer, bars
from app_pages.shared.closing import closing
from app_pages.shared.desk import Desk, Result
from app_pages.shared.measurements import measurements
from app_pages.shared.opening import opening
from app_pages.shared.quality import checks
from app_pages.shared.section import section
from app_pages.shared.view import view
from app_pages.shared.wording import listed, number, text, with_unit
from engine.ecg.digitisation import Digitisation
from engine.ecg.evidence import EcgEvidence
from engine.ecg.leads import CLASS_NAMES
from engine.finding import Finding, Measurement
from engine.registry import task
from service.report import Picture

TASK = task("ecg")
PLAIN_QUALITY = {  # code -> in words where acceptable, where not
    "einthoven_residual": (
        "The limb leads fit together: lead II is I + III within {value} of its size.",
        "The limb leads do not fit together: lead II differs from I + III by {value} of its size (good: below 0.25). "
        "Check the layout.",
    ),
    "goldberger_residual": (
        "aVR, aVL and aVF add up to nothing, as they should (within {value}).",
        "aVR, aVL and aVF do not add up to nothing ({value}; good: below 0.25). Check for swapped leads.",
    ),
    "leads_given": ("All {value} leads were read.", "Only {value} of 12 leads were read."),
    "trace_confidence": (
        "The ink was clear (confidence {value} of 1).",
        "The ink was hard to follow (confidence {value} of 1).",
    ),
    "grid_found": ("The paper’s grid was found.", "No grid was found; the scale rests on the printed page’s size."),
}
PRINTED_NAMES = {
    "heart_rate": "rate",
    "pr_interval": "PR",
    "qrs_duration": "QRS",
    "qt_interval": "QT",
    "qtc_bazett": "QTc",
}


def show() -> None:
    opened = opening(TASK, "a simulated ECG on a drawn page", _refused_page)
    if opened is None:
        return
    own, found = opened
    _what_went_in(own, found)
    chosen = _answer(found)
    section(
        "Why", "What in this ECG speaks for the class, and what the textbook says. Another class can be chosen above."
    )
    why(TASK, found, chosen)
    _measured(found)
    closing(found.analysis, found, lambda: _report_pictures(found, chosen))


def _what_went_in(own: Desk, found: Result) -> None:
    evidence: EcgEvidence | None = found.analysis.evidence
    read = evidence.digitisation if evidence else None
    section("What went in, as understood")
    if evidence is None or read is None or evidence.photo is None:
        _stored(found)
        return
    picture, facts = st.columns([3, 2], gap="large")
    with picture:
        _pictures(evidence.photo, read, found)
    with facts:
        view(_facts(read) + checks(found.analysis.finding.quality, PLAIN_QUALITY) + _notes(read), f"facts-{found.key}")
    corrections(evidence.photo, read, own, found)


def _pictures(seen: np.ndarray, read: Digitisation, found: Result) -> None:
    """The photo and the flattened page, with the layers that the reader wants to see."""
    on_photo, flat = st.tabs(["Photo", "Flattened page"])
    layers = tuple(
        st.pills("Drawn on it", photo.LAYERS, selection_mode="multi", default=photo.LAYERS, key=f"layers-{found.key}")
    )
    for tab, name, draw in (
        (on_photo, "photo", lambda: photo.understood(seen, read, layers)),
        (flat, "flat", lambda: photo.flattened(read, layers)),
    ):
        stored = f"{name}-{'-'.join(sorted(layers))}"
        if stored not in found.drawings:
            found.drawings[stored] = draw()
        with tab:
            st.image(
                found.drawings[stored],
                width="stretch",
                alt=f"The {name} with {listed(layers) or 'nothing'} drawn on it",
            )


def _stored(found: Result) -> None:
    """A record that came as numbers: drawn as it is."""
    signal = found.analysis.evidence.signal
    view(checks(found.analysis.finding.quality, PLAIN_QUALITY), f"facts-{found.key}")
    view(paper(signal, usual_arrangement(signal), "The stored ECG, drawn on paper"), f"stored-{found.key}")


def _facts(read: Digitisation) -> str:
    scale = read.calibration
    signal = read.signal
    rows = (
        ("Layout", f"{layout_name(read.layout)} (from {read.layout_from})"),
        ("Paper speed", f"{scale.speed_mm_s:g} mm/s ({scale.speed_from})"),
        ("Gain", f"{scale.gain_mm_mv:g} mm/mV ({scale.gain_from})"),
        ("Length", f"{signal.seconds:.1f} s"),
        ("Turned by", f"{read.rotation_deg:.0f}°".replace("-", "−") if abs(read.rotation_deg) >= 1 else ""),
        ("Printed by the machine", _printed(read.printed)),
    )
    return "<dl class='facts'>" + "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in rows if v) + "</dl>"


def _printed(values: dict[str, float]) -> str:
    """What the machine's own text states: a cross-check, never the source of a measurement."""
    return ", ".join(
        f"{PRINTED_NAMES[code]} {number(value)}" for code, value in values.items() if code in PRINTED_NAMES
    )


def _notes(read: Digitisation) -> str:
    return "".join(f"<p class='small quiet'>{text(note)}</p>" for note in read.notes)


def _refused_page(own: Desk, found: Result) -> None:
    """A refused picture as it came, with the corrections."""
    seen = _picture(own)
    if seen is not None:
        corrections(seen, None, own, found)


def _picture(own: Desk) -> np.ndarray | None:
    """The study's picture, None where it is none."""
    from engine.pictures import is_picture, read_picture

    if own.study is None or len(own.study.parts) != 1 or not is_picture(own.study.parts[0]):
        return None
    return read_picture(own.study.parts[0], int(own.fields.get("page", 0)))


def _answer(found: Result) -> str:
    """The headline and the bars; returns the class whose explanation is shown."""
    labels = found.analysis.finding.labels
    section("Second opinion")
    answer(found.analysis.finding, f"answer-{found.key}")
    key = f"bars-{found.key}"
    first = max(labels, key=lambda label: (label.positive, label.probability)).code
    chosen = (st.session_state.get(key) or {}).get("chosen") or first
    bars(labels, chosen, key)
    return chosen


def _measured(found: Result) -> None:
    finding: Finding = found.analysis.finding
    section("Measurements", "From the traced signal, never from the printed text. Choose one to see where it was read.")
    if not finding.measurements:
        st.info("No beat could be measured on this ECG.", icon=":material/info:")
        return
    key = f"measurements-{found.key}"
    chosen = int((st.session_state.get(key) or {}).get("chosen") or 0)
    row = finding.measurements[min(chosen, len(finding.measurements) - 1)]
    evidence: EcgEvidence = found.analysis.evidence
    title = f"The ECG redrawn; marked is where {row.name} was read"
    view(
        paper(
            evidence.signal, usual_arrangement(evidence.signal), title, marks=_marks(row), beats=beat_words(evidence)
        ),
        f"where-{found.key}",
    )
    st.caption(f"Marked: {row.name}, {with_unit(row.value, row.unit)}")
    measurements(finding.measurements, chosen, key)


def _report_pictures(found: Result, chosen: str) -> list[Picture]:
    """The photo as understood, and what spoke for the class that is shown."""
    evidence: EcgEvidence = found.analysis.evidence
    if evidence.photo is None or evidence.digitisation is None:
        return []
    seen = photo.understood(evidence.photo, evidence.digitisation, photo.LAYERS)
    pictures = [Picture(seen, "What went in, as understood: printed area, grid, leads and the redrawn trace.")]
    weights = colour(found.explanation, "grad_cam", chosen) if found.explanation else None
    if weights is not None:
        coloured = photo.attributed(evidence.photo, evidence.digitisation, weights)
        pictures.append(
            Picture(coloured, f"What speaks for {CLASS_NAMES[chosen]} (Grad-CAM): little, purple; most, yellow.")
        )
    return pictures


def _marks(row: Measurement) -> tuple[Mark, ...]:
    """Where a measurement was read, on the drawn page."""
    start, end = row.where.get("start_s"), row.where.get("end_s")
    if start is None or end is None:
        lead = row.where.get("lead")
        return (Mark(0.0, 10.0, lead),) if lead else ()
    return (Mark(float(start), float(end), row.where.get("lead"), row.name),)
