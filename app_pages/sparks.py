"""The spark page: what went in, the answer, where and when it sparks, why, measurements, the reader's verdict, export."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app_pages.shared.answer import answer
from app_pages.shared.closing import closing
from app_pages.shared.desk import Desk, Result, desk
from app_pages.shared.opening import opening
from app_pages.shared.section import section
from app_pages.shared.understood import Shown, understood
from app_pages.shared.view import view
from app_pages.shared.wording import text, with_unit
from app_pages.sparks_views import heat, marks, table
from app_pages.sparks_views.folder import folder
from app_pages.sparks_views.own_networks import own_networks
from app_pages.sparks_views.player import player
from app_pages.sparks_views.sizes import sizes
from app_pages.sparks_views.why import why
from engine.finding import Measurement
from engine.registry import task
from engine.sparks.agreement import Agreement, agreement
from engine.sparks.evidence import SparksEvidence
from service.report import Picture

TASK = task("calcium-sparks")
ALL = "all"
PLAIN_QUALITY = {  # code -> in words where acceptable, where not
    "frame_noise": ("Frames differ by photon noise, as in a recording of a cell: {value} of what is expected.",) * 2,
    "sample_noise": (
        "The noise of a sample of 0.4 µm and 8 ms is {value} of F0.",
        "The recording is dark: the noise of a sample of 0.4 µm and 8 ms is {value} of F0. Faint sparks will be missed.",
    ),
    "bleaching": (
        "F0 lost {value} of itself by the end; that was corrected.",
        "F0 lost {value} of itself by the end; the correction may not be exact.",
    ),
    "drift": (
        "The cell moved by {value}; that was registered.",
        "The cell moved by {value}; sparks near its edge may be missed.",
    ),
    "background": (
        "{value} counts were taken for the detector’s level without light.",
        "No level without light was found; dF/F0 may be too low. State it below if you know it.",
    ),
    "pixel_size_known": ("The pixel size is known.", "The pixel size is not known: widths are given in px only."),
    "interval_known": ("The frame interval is known.", "The frame interval is not known: no times are given."),
    "missing_frames": ("No number is missing from the sequence.", "{value} numbers are missing from the sequence."),
}
DEFINITIONS = (
    "**F0**: running level of the means of 8 frames (within at most 512): their median, from there Tukey’s biweight mean where "
    "no longer release is, and where one clearly is, from the median of their darker half; once more with the clear sparks taken "
    "out; bleaching divided out (a parabola through the cell’s brightness or, where a wave passes, the falling curve that the "
    "frames beside it lie on), drift registered (shift of the means against their average), less the level without light. "
    "**dF/F0**: change over F0, at the fitted peak. **Peak**: of the fitted course, in frames. "
    "**Outline**: of the fitted shape, where it has at least a quarter of its dF/F0; no network draws it (the one that was tried "
    "was no better, see the model card below). **Onset, end**: first and last frame with a pixel of the outline. "
    "**Area**: pixels in the frame that has most. **FWHM**: of the fitted Gaussian at the peak. "
    "**FDHM**: time above half of the fitted course. **Time to peak**: from the first rise. **Tau**: decay constant of the "
    "fitted course, rise 1 − exp(−t/rise) times exp(−t/tau); beside it in sparks.csv one deviation of its error and the fit’s "
    "R². **Mass**: 1.206 × dF/F0 × FWHM³. **Frequency**: sparks per area of cell (or length of line) and second. "
    "**Delay**: from a spark to the next one whose centre lies within 1 µm. Medians stand with their quartiles. "
    "Sizes that noise leaves open are drawn to published values. What is fitted below 0.05 dF/F0, or, its "
    "interval being known, lasts 130 ms and more at half of its height, is no spark."
)


def show() -> None:
    opened = opening(TASK, "a simulated cell", partial(sizes, missing=False))
    folder(TASK, desk(TASK))
    if opened is None:
        return
    own, found = opened
    finding = found.analysis.finding
    _what_went_in(own, found)
    section("Second opinion")
    answer(finding, f"answer-{found.key}")
    _where(found)
    section("Why", "Which frames the network looked at when it said whether this recording holds sparks.")
    if "frames" in finding.details["own_networks"]:
        st.info("Your own network said which frames fire; it has no attention. Shown is what ours looked at.")
    why(found)
    _measured(found)
    closing(found.analysis, found, lambda: _report_pictures(found), lambda: _own_exports(found))


def _what_went_in(own: Desk, found: Result) -> None:
    evidence: SparksEvidence = found.analysis.evidence
    recording = evidence.recording
    frames, height, width = recording.shape
    if "resting" not in found.drawings:
        found.drawings["resting"] = heat.scaled(heat.resting(evidence)).astype("uint8")
    caption = "The scan, lines from top to bottom" if recording.line_scan else "Mean of the frames"
    facts = (
        ("Kind", "line scan (x across, time down)" if recording.line_scan else "frames over time"),
        (
            "Size",
            f"{frames} lines of {width} px" if recording.line_scan else f"{frames} frames of {width} × {height} px",
        ),
        ("Pixel", f"{recording.um_per_px:.3g} µm" if recording.um_per_px else "not stated"),
        ("Interval", f"{recording.ms_per_frame:.3g} ms" if recording.ms_per_frame else "not stated"),
        ("Marks that came with it", str(len(recording.annotations)) if recording.annotations else ""),
    )
    understood(
        Shown(found.drawings["resting"], caption, "The recording at rest, in grey"),
        facts,
        found.analysis.finding.quality,
        PLAIN_QUALITY,
        f"facts-{found.key}",
        notes=recording.notes,
        widths=(3, 2),
    )
    sizes(own, found, missing=recording.um_per_px is None or recording.ms_per_frame is None)
    own_networks(TASK, own, found)


def _where(found: Result) -> None:
    """Hot spots, the selector, the player and the table."""
    evidence: SparksEvidence = found.analysis.evidence
    section("Where and when it sparks", _slow_words(found))
    key = found.key
    agreed = agreement(evidence.recording.annotations, evidence.sparks) if evidence.recording.annotations else None
    if not evidence.sparks:
        st.info("No spark was found in this recording.", icon=":material/info:")
        if agreed or evidence.detection.slow:
            view(heat.heat_map(evidence, (), None, "The cell without sparks", agreed), f"map-{key}")
        _beside(evidence, agreed, key)
        return
    kept = table.accepted(evidence.sparks, key)
    numbers = [spark.number for spark in evidence.sparks]
    _take_from_map(key, numbers)
    st.selectbox(
        "Spark", [ALL, *numbers], format_func=lambda n: "All sparks" if n == ALL else f"Spark {n}", key=f"spark-{key}"
    )
    chosen = st.session_state[f"spark-{key}"]
    own = [s for s in evidence.sparks if s.number == chosen]
    title = f"Hot spots of spark {chosen}" if own else f"Hot spots of {len(kept)} sparks"
    view(heat.heat_map(evidence, own or kept, chosen if own else None, title, agreed), f"map-{key}")
    st.caption(
        f"{title}: dF/F0 over the cell, brighter is more (viridis). Choose a ring to see that spark.{_drawn(found)}"
    )
    shown = own[0] if own else max(evidence.sparks, key=lambda s: s.probability)
    st.subheader(f"Spark {shown.number}, frame by frame", anchor=False)
    if player(evidence, shown, f"player-{key}", found.drawings):
        st.caption(
            "Point at the trace, move the slider or use the arrow keys: that frame is shown. "
            "Thin: F/F0 of the spark's region; thick: smoothed."
        )
    table.spark_table(evidence.sparks, chosen if own else None, key)
    st.caption(
        f"{len(kept)} of {len(evidence.sparks)} sparks accepted. Rejected ones leave the map and your own exports."
    )
    _beside(evidence, agreed, key)


def _beside(evidence: SparksEvidence, agreed: Agreement | None, key: str) -> None:
    """Marks that came with the recording, and what is slower than a spark."""
    if agreed is not None:
        st.subheader("Marks that came with the recording", anchor=False)
        st.markdown(marks.sentence(agreed))
        marks.mark_table(evidence, agreed, key)
    if evidence.detection.slow:
        st.subheader("Puffs and waves", anchor=False)
        st.caption("Releases that last longer than any spark; they are not counted as sparks.")
        marks.release_table(evidence, key)


def _drawn(found: Result) -> str:
    """What else is on the map."""
    evidence: SparksEvidence = found.analysis.evidence
    said = (
        " Diamonds M: marks that came with it, dashed where no spark was found."
        if evidence.recording.annotations
        else ""
    )
    return said + (" Dashed rings: puffs and waves." if evidence.detection.slow else "")


def _take_from_map(key: str, numbers: list[int]) -> None:
    """A ring that was chosen on the map since the last run chooses its spark."""
    chosen = (st.session_state.get(f"map-{key}") or {}).get("chosen")
    if chosen is not None and chosen != st.session_state.get(f"map-seen-{key}"):
        st.session_state[f"map-seen-{key}"] = chosen
        if int(chosen) in numbers:
            st.session_state[f"spark-{key}"] = int(chosen)


def _slow_words(found: Result) -> str:
    """Puffs and waves by name: they are no sparks and are not counted as such."""
    details = found.analysis.finding.details
    parts = [f"{details[k]} {k if details[k] != 1 else k[:-1]}" for k in ("puffs", "waves") if details[k]]
    return f"Not counted as sparks: {' and '.join(parts)}." if parts else ""


def _measured(found: Result) -> None:
    rows = [row for row in found.analysis.finding.measurements if "spark" not in row.where]
    section("Measurements", "Per cell; each spark's own sizes stand in the table above.")
    heads = "".join(f"<th scope='col'>{head}</th>" for head in ("Measurement", "Value", "Quartiles", "Sparks"))
    view(
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody></table>",
        f"measurements-{found.key}",
    )
    with st.expander("How each is defined"):
        st.markdown(DEFINITIONS)


def _row(row: Measurement) -> str:
    quartiles = row.where.get("quartiles")
    spread = "" if quartiles is None else " to ".join(with_unit(q, row.unit) for q in quartiles)
    cells = (text(row.name), f"<strong>{text(with_unit(row.value, row.unit))}</strong>", text(spread))
    return f"<tr>{''.join(f'<td>{c}</td>' for c in cells)}<td>{row.where.get('sparks', '')}</td></tr>"


def _own_exports(found: Result) -> None:
    """What the reader accepted, as a table and as a label stack."""
    evidence: SparksEvidence = found.analysis.evidence
    if not evidence.sparks:
        return
    kept = table.accepted(evidence.sparks, found.key)
    row = st.container(horizontal=True)
    row.download_button(
        "accepted_sparks.csv",
        table.sparks_table_csv(kept),
        "accepted_sparks.csv",
        "text/csv",
        key=f"accepted-{found.key}",
        on_click="ignore",
    )
    row.download_button(
        "labels.tif",
        lambda: table.labels_tiff(evidence, kept),
        "labels.tif",
        "image/tiff",
        key=f"labels-{found.key}",
        help="A 16-bit stack of the recording's size: spark number per pixel",
        on_click="ignore",
    )


def _report_pictures(found: Result) -> list[Picture]:
    evidence: SparksEvidence = found.analysis.evidence
    drawn = heat.picture(evidence, heat.hot_spots(evidence, table.accepted(evidence.sparks, found.key)))
    return [Picture(heat.png(drawn), "Hot spots: summed dF/F0 of the accepted sparks over the cell; more is brighter.")]
