"""What came with the recording or is no spark, in words and tables: marks made by hand, puffs and waves."""

from __future__ import annotations

from collections.abc import Sequence

from app_pages.shared.view import view
from app_pages.shared.wording import listed, number, text
from engine.sparks.agreement import Agreement
from engine.sparks.evidence import SparksEvidence


def sentence(agreed: Agreement) -> str:
    """How far marks and sparks agree, e.g. `2 of 3 marks were found; spark 4 carries no mark.`"""
    marks, unmarked = len(agreed.found_as), agreed.unmarked
    said = f"{agreed.found} of {marks} mark{'s' if marks != 1 else ''} {'were' if marks != 1 else 'was'} found"
    if not unmarked:
        return f"{said}; every spark carries one."
    if len(unmarked) > 5:
        return f"{said}; {len(unmarked)} sparks carry no mark."
    named = listed([str(n) for n in unmarked])
    return f"{said}; spark{'s' if len(unmarked) > 1 else ''} {named} carr{'y' if len(unmarked) > 1 else 'ies'} no mark."


def mark_table(evidence: SparksEvidence, agreed: Agreement, key: str) -> None:
    """The marks, each with the spark that it was found as."""
    rows = [
        (f"M{k + 1}", f"{mark.x:.0f}, {mark.y:.0f}", f"{mark.t_start} to {mark.t_end}", _found(number))
        for k, (mark, number) in enumerate(zip(evidence.recording.annotations, agreed.found_as, strict=True))
    ]
    _table(("Mark", "x, y (px)", "Frames", "Found"), rows, "Marks that came with the recording", f"marks-{key}")


def release_table(evidence: SparksEvidence, key: str) -> None:
    """Puffs and waves by name: when, where, how far, how strong."""
    um = evidence.recording.um_per_px
    rows = [
        (
            release.kind.capitalize(),
            f"{release.t_start} to {release.t_end}",
            f"{release.x:.0f}, {release.y:.0f}",
            f"{number(release.extent_px * um)} µm" if um else f"{release.extent_px:.0f} px",
            f"{release.amplitude:.2f}",
        )
        for release in evidence.detection.slow
    ]
    _table(("Release", "Frames", "x, y (px)", "Extent", "dF/F0"), rows, "Puffs and waves", f"releases-{key}")


def _found(spark: int | None) -> str:
    return "! not found" if spark is None else f"✓ as spark {spark}"


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], title: str, key: str) -> None:
    head = "".join(f"<th scope='col'>{text(h)}</th>" for h in heads)
    body = "".join(f"<tr>{''.join(f'<td>{text(c)}</td>' for c in row)}</tr>" for row in rows)
    view(
        f"<div class='scroll' tabindex='0' role='region' aria-label='{text(title)}'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>",
        key,
    )
