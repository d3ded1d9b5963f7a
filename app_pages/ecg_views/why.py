"""Why the ECG got a class: colour on the photo and on clean paper, leads as bars, the check, the textbook criteria."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app_pages.ecg_views import photo
from app_pages.ecg_views.criteria import criteria
from app_pages.ecg_views.numbers import numbers
from app_pages.ecg_views.paper import COLUMNS, PAGE_SECONDS, paper, usual_arrangement
from app_pages.shared.curves import deletion_curve, sentence
from app_pages.shared.desk import Result, class_explanation, explanation
from app_pages.shared.view import view
from app_pages.shared.wording import percent, text
from engine.ecg.evidence import EcgEvidence
from engine.ecg.leads import CLASSES, LEADS, RATE_HZ
from engine.finding import Label
from engine.registry import Task
from explain.explanation import Explanation

METHODS = {"Grad-CAM": "grad_cam", "Integrated Gradients": "integrated_gradients"}
WHAT = {
    "Grad-CAM": "Grad-CAM: stretches that raise the class’s score in the network.",
    "Integrated Gradients": "Integrated Gradients: what each sample adds to the class’s score, against a flat line.",
}
SMOOTH_S = 0.04  # single samples of Integrated Gradients flicker
WEAKEST = 0.15  # of the strongest class's map: below, a class's map is not stretched to full colour


def why(task: Task, result: Result, chosen: str) -> None:
    """The section for one class; computes what is missing with visible progress."""
    finding, evidence = result.analysis.finding, result.analysis.evidence
    label = next(label for label in finding.labels if label.code == chosen)
    found = explanation(result)
    if found is not None:
        _maps(task, result, found, evidence, label)
        leads, check = st.columns(2, gap="large")
        with leads:
            st.subheader("Leads that count", anchor=False)
            _lead_bars(found, label, f"leads-{result.key}")
        with check:
            st.subheader("Can this explanation be trusted?", anchor=False)
            own = _check(task, result, chosen)
        if own is not None:
            numbers(own.details["measured"][chosen], label, f"numbers-{result.key}")
    criteria(finding, evidence.criteria, chosen, f"criteria-{result.key}")


def _check(task: Task, result: Result, chosen: str) -> Explanation | None:
    """Whether the explanation passed the deletion check, and its curve; returns the explanation of the class."""
    own = class_explanation(task, result, chosen)
    verdict = next((check for check in own.faithfulness if check.label == chosen), None) if own else None
    if verdict is not None:
        (st.success if verdict.passed else st.warning)(sentence(verdict))
        view(deletion_curve(verdict), f"curve-{result.key}")
    return own


def colour(found: Explanation, method: str, code: str) -> np.ndarray | None:
    """(12, T) 0..1 of one class, NaN where a lead is not given; None if this method did not explain the class."""
    every = found.arrays[method]
    own = every[CLASSES.index(code)]
    if not np.isfinite(own).any():
        return None
    own = np.maximum(own, 0)
    if method == "integrated_gradients":
        own = _smoothed(own)
        every = own[None]
    top = np.nanpercentile(own, 99.5)
    strongest = max(np.nanpercentile(lead, 99.5) for lead in every if np.isfinite(lead).any())
    return np.clip(own / max(top, WEAKEST * strongest, 1e-9), 0, 1)


def _maps(task: Task, result: Result, found: Explanation, evidence: EcgEvidence, label: Label) -> None:
    """The coloured photo and the coloured clean ECG."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    method = left.segmented_control(
        "Method", list(METHODS), default="Grad-CAM", key=f"method-{result.key}", required=True
    )
    arrangement = right.segmented_control(
        "Layout of the clean paper",
        list(COLUMNS),
        default=usual_arrangement(evidence.signal),
        key=f"columns-{result.key}",
        required=True,
    )
    own = found if METHODS[method] == "grad_cam" else class_explanation(task, result, label.code)
    weights = None if own is None else colour(own, METHODS[method], label.code)
    if weights is None:
        return
    title = f"The ECG redrawn, coloured by what speaks for {label.name}"
    names = ["On clean paper"] if evidence.photo is None else ["On the photo", "On clean paper"]
    tabs = dict(zip(names, st.tabs(names), strict=True))
    if evidence.photo is not None and evidence.digitisation is not None:
        with tabs["On the photo"]:
            name = f"{method}-{label.code}"
            if name not in result.drawings:
                result.drawings[name] = photo.attributed(evidence.photo, evidence.digitisation, weights)
            st.image(
                result.drawings[name],
                width="stretch",
                alt=f"The photo, its traces coloured by what speaks for {label.name}",
            )
            view(_legend(method, label, dark=True), f"legend-photo-{result.key}")
    with tabs["On clean paper"]:
        start = _start(evidence, result)
        view(
            paper(evidence.signal, arrangement, title, weights.T, beats=beat_words(evidence), from_s=start),
            f"clean-{result.key}",
        )
        view(_legend(method, label, dark=False), f"legend-{result.key}")


def beat_words(evidence: EcgEvidence) -> tuple[tuple[float, str], ...]:
    """Times (s) and names of the beats that came out of turn."""
    words = {"ventricular": "PVC", "supraventricular": "PAC"}
    return tuple((b.r_peak / RATE_HZ, words[b.ectopic]) for b in evidence.beats.beats if b.ectopic in words)


def _start(evidence: EcgEvidence, result: Result) -> float:
    """Where the shown ten seconds begin; asked for only where a record is longer."""
    last = evidence.signal.seconds - PAGE_SECONDS
    if last < 1:
        return 0.0
    return float(st.slider("From second", 0, int(last), 0, key=f"from-{result.key}"))


def _legend(method: str, label: Label, dark: bool) -> str:
    ramp = "ramp photo" if dark else "ramp"
    return (
        f"<div class='legend'><span>speaks little</span><span class='{ramp}' aria-hidden='true'></span>"
        f"<span>speaks most for {text(label.name)}</span></div><p class='small quiet'>{WHAT[method]}</p>"
    )


def _lead_bars(found: Explanation, label: Label, key: str) -> None:
    """What the class's probability loses without each lead."""
    drops = found.arrays["feature_ablation"][CLASSES.index(label.code)]
    reach = max(float(np.nanmax(np.abs(drops))) if np.isfinite(drops).any() else 0.0, 0.02)
    rows = "".join(_lead_bar(lead, float(drop), reach) for lead, drop in zip(LEADS, drops, strict=True))
    share = percent(label.probability)
    note = f"How many percentage points of {share} are lost without the lead; below 0, the lead speaks against."
    view(
        f"<div class='bars leadbars' role='group' aria-label='Contribution of each lead'>{rows}</div>"
        f"<p class='small quiet'>{note}</p>",
        key,
    )


def _lead_bar(lead: str, drop: float, reach: float) -> str:
    track, told, kind = "", "not given", ""
    if np.isfinite(drop):
        start, size = (50.0 if drop >= 0 else 50 + 50 * drop / reach), 50 * abs(drop) / reach
        track = f"<span class='fill' style='left:{start:.1f}%;width:{size:.1f}%'></span>"
        track += "<span class='zero' style='left:50%'></span>"
        told = f"{drop * 100:+.1f}".replace("-", "−") if abs(drop) >= 0.0005 else "0.0"
        kind = "yes" if drop >= 0.0005 else ""
    return (
        f"<div class='bar {kind}'><span class='what'>{lead}</span><span class='track'>{track}</span>"
        f"<span class='share'>{told}</span></div>"
    )


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Means over SMOOTH_S along time, NaN kept."""
    count = round(SMOOTH_S * RATE_HZ)
    kernel = np.ones(count) / count
    smooth = np.stack([np.convolve(np.nan_to_num(lead), kernel, "same") for lead in values])
    return np.where(np.isfinite(values), smooth, np.nan)
