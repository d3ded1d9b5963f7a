"""The table of sparks, each of which the reader can look at, reject and take back; and what is kept of them."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import streamlit as st

from app_pages.shared.view import view
from app_pages.shared.wording import number, percent, text
from engine.sparks.artefacts import label_stack, sparks_csv
from engine.sparks.events import Spark
from engine.sparks.evidence import SparksEvidence

PIECE = 64  # frames of the label stack that are written at once
HEADS = ("Spark", "Peak frame", "x, y (px)", "dF/F0", "FWHM", "FDHM", "To peak", "Tau", "Probability", "Your reading")


def rejected(key: str) -> set[int]:
    """Numbers of the sparks that the reader rejected."""
    return st.session_state.setdefault(f"rejected-{key}", set())


def accepted(sparks: Sequence[Spark], key: str) -> list[Spark]:
    return [spark for spark in sparks if spark.number not in rejected(key)]


def spark_table(sparks: Sequence[Spark], chosen: int | None, key: str) -> int | None:
    """The table; returns the number of the spark that the reader chose last, None before."""
    name = f"sparks-{key}"

    def take() -> None:
        verb, _, which = (st.session_state[name].get("chosen") or "").partition(" ")
        if verb == "reject":
            rejected(key).add(int(which))
        elif verb == "accept":
            rejected(key).discard(int(which))
        elif verb == "show":
            st.session_state[f"spark-{key}"] = int(which)

    heads = "".join(f"<th scope='col'>{head}</th>" for head in HEADS)
    body = "".join(_row(spark, spark.number == chosen, spark.number in rejected(key)) for spark in sparks)
    view(
        "<div class='scroll' tabindex='0' role='region' aria-label='Table of sparks'>"
        f"<table style='white-space:nowrap'><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>",
        name,
        take,
    )
    return st.session_state.get(f"spark-{key}")


def sparks_table_csv(sparks: Sequence[Spark]) -> bytes:
    """The accepted sparks as sparks.csv holds them, with the numbers of the label stack."""
    return sparks_csv(sparks)


def labels_tiff(evidence: SparksEvidence, sparks: Sequence[Spark]) -> bytes:
    """The accepted sparks as a 16-bit TIFF stack (T, H, W): spark number per pixel, 0 background."""
    import tifffile

    frames = evidence.recording.shape[0]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, bigtiff=2 * math.prod(evidence.recording.shape) > 2**31) as stack:
        pages = (
            page
            for start in range(0, frames, PIECE)
            for page in label_stack(evidence.recording, sparks, start, min(start + PIECE, frames))
        )
        stack.write(pages, shape=evidence.recording.shape, dtype="uint16", compression="zlib")
    return buffer.getvalue()


def _row(spark: Spark, chosen: bool, out: bool) -> str:
    size = _sizes(spark)
    verb, said = ("accept", "Take back") if out else ("reject", "Reject")
    cells = [
        f"<button data-choose='show {spark.number}' aria-pressed='{str(chosen).lower()}'>Spark {spark.number}</button>",
        f"{spark.t_peak:.0f} ({spark.t_start} to {spark.t_end})",
        f"{spark.x:.0f}, {spark.y:.0f}",
        *size,
        text(percent(spark.probability)),
        f"{'rejected' if out else 'accepted'} "
        f"<button data-choose='{verb} {spark.number}' aria-label='{said} spark {spark.number}'>{said}</button>",
    ]
    style = " style='opacity:0.75'" if out else ""
    return f"<tr class='{'chosen' if chosen else ''}'{style}>{''.join(f'<td>{c}</td>' for c in cells)}</tr>"


def _sizes(spark: Spark) -> list[str]:
    """In physical units where the recording states them, in px where not."""

    def said(value: float | None, unit: str) -> str:
        return "–" if value is None else f"{number(value)} {text(unit)}"

    width = said(spark.fwhm_um, "µm") if spark.fwhm_um is not None else f"{spark.fwhm_px:.1f} px"
    return [
        f"{spark.amplitude:.2f}",
        width,
        said(spark.fdhm_ms, "ms"),
        said(spark.time_to_peak_ms, "ms"),
        said(spark.tau_ms, "ms"),
    ]
