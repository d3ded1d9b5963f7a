"""The reader corrects outlines, and every number that rests on them follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.analysis import Analysis
from engine.errors import EngineError
from engine.mr.evidence import MrEvidence
from engine.mr.outlines import labels_of
from engine.mr.task import read_off

Outlines = Mapping[str, np.ndarray]  # curve -> (n, 2) x, y px, see engine.mr.outlines
LEAST_POINTS = 3


def corrected(read: Analysis, outlines: Mapping[tuple[int, int], Outlines]) -> Analysis:
    """An answered short axis with other outlines at some (phase, slice); what was read stays as it is.

    End-diastole and end-systole stay the phases that were read. `details.corrected_outlines` lists the places, from 0.

    Raises:
        EngineError: if the study has no outlines, a place does not exist, or a curve has too few points.
    """
    evidence: MrEvidence = read.evidence
    if evidence.segmentation is None or evidence.volumes is None:
        raise EngineError("Expected a short-axis study with outlines to correct; this one has none.")
    labels = evidence.segmentation.labels.copy()
    for (phase, slice_), curves in outlines.items():
        if not (0 <= phase < labels.shape[0] and 0 <= slice_ < labels.shape[1]):
            raise EngineError(f"Expected a phase and slice of the study, got phase {phase}, slice {slice_}.")
        if any(len(points) < LEAST_POINTS or not np.isfinite(points).all() for points in curves.values()):
            raise EngineError(f"Expected outlines of at least {LEAST_POINTS} points.")
        labels[phase, slice_] = labels_of(curves, labels.shape[2:])
    found = replace(evidence.segmentation, labels=labels)
    phases = evidence.volumes.end_diastole, evidence.volumes.end_systole
    answer = read_off(evidence.cine, evidence.series, evidence.chosen, evidence.views, found, evidence.points, phases)
    finding = replace(
        read.finding,
        labels=answer.labels,
        measurements=answer.measurements,
        quality=answer.quality,
        details=answer.details | _said(outlines, answer.details["notes"]),
    )
    return Analysis(finding, dict(answer.artefacts.values()), answer.evidence)


def _said(outlines: Mapping[tuple[int, int], Outlines], notes: list[str]) -> dict[str, object]:
    if not outlines:
        return {}
    count = len(outlines)
    note = f"The outlines of {count} picture{'s were' if count > 1 else ' was'} corrected by the reader."
    return {"corrected_outlines": sorted(map(list, outlines)), "notes": [*notes, note]}
