"""The textbook criteria of the nine classes, each met, not met or not measurable, beside what the network says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.ecg.delineate import Beats, MedianBeat
from engine.ecg.leads import LEADS
from engine.ecg.measure import (
    KUSUMOTO_2019,
    MS,
    P_SHARE_NEEDED,
    SURAWICZ_2009,
    THYGESEN_2018,
    st_elevation_limit_mv,
    st_level,
)
from engine.ecg.qrs_shape import QrsShape, qrs_shape
from engine.ecg.signal import EcgSignal
from engine.finding import Measurement

HINDRICKS_2020 = "ESC 2020 guideline on atrial fibrillation (Hindricks 2020)"
WAGNER_2009 = "AHA/ACCF/HRS recommendations, part VI: acute ischemia (Wagner 2009)"
TEXTBOOK = "Surawicz and Knilans, Chou's Electrocardiography in Clinical Practice, chapter on ectopic beats"

MET, NOT_MET, NOT_MEASURABLE = "met", "not met", "not measurable"

PR_LONG_MS = 200.0
PR_CONSTANT_MS = (
    40.0  # spread over the beats that one PR interval may have; reading a single beat errs by about half of it
)
WIDE_QRS_MS = 120.0
IRREGULAR_RR_PERCENT = 10.0  # standard deviation over mean; sinus arrhythmia at rest mostly stays below
ST_DEPRESSION_MV = -0.05
HORIZONTAL_MV = 0.02  # that ST may rise from J to J + 60 ms and still be horizontal, not upsloping
REGIONS = (
    ("aVL", "I"),
    ("II", "aVF"),
    ("aVF", "III"),
    *pairwise(("V1", "V2", "V3", "V4", "V5", "V6")),
)  # contiguous leads


@dataclass(frozen=True)
class Criterion:
    """One textbook sentence about one class, checked on this record.

    met: None where the record does not allow to measure it. value: the number that decided, in `unit` (UCUM), None without one.
    leads: where it was read. source: guideline or table that the criterion comes from.
    """

    class_code: str
    text: str
    met: bool | None
    value: float | None = None
    unit: str = ""
    leads: tuple[str, ...] = ()
    source: str = ""


def criteria(signal: EcgSignal, beats: Beats, measurements: Sequence[Measurement]) -> tuple[Criterion, ...]:
    """The criteria of all nine classes in the order of CLASSES; a class is met where all its criteria are (see `verdict`)."""
    values = {m.code: m.value for m in measurements}
    median = beats.median
    shapes = {lead: qrs_shape(median, lead) for lead in median.given()} if median else {}
    return (
        *_normal(beats, measurements),
        *_fibrillation(beats, values),
        *_first_degree_block(beats, values),
        *_left_bundle(values, shapes),
        *_right_bundle(values, shapes),
        _ectopic(beats, "PAC", "supraventricular", "A premature beat with the usual narrow QRS"),
        _ectopic(beats, "PVC", "ventricular", "A premature beat with a wide QRS (>= 120 ms) of another shape"),
        *_st_depression(values, median),
        *_st_elevation(values, median),
    )


def verdict(class_code: str, checked: Sequence[Criterion]) -> str:
    """`met` if all criteria of the class are, `not met` if one is not, `not measurable` where that stays open."""
    own = [c.met for c in checked if c.class_code == class_code]
    if any(met is False for met in own):
        return NOT_MET
    return MET if own and all(own) else NOT_MEASURABLE


def _normal(beats: Beats, measurements: Sequence[Measurement]) -> list[Criterion]:
    by_code = {m.code: m for m in measurements}
    found = [
        _in_range("Heart rate 60 to 100 /min", by_code.get("heart_rate")),
        _in_range("PR interval 120 to 200 ms", by_code.get("pr_interval")),
        _in_range("QRS duration up to 110 ms", by_code.get("qrs_duration")),
        _in_range("QTc (Bazett) 360 to 460 ms", by_code.get("qtc_bazett")),
    ]
    share = by_code.get("p_wave_share")
    met = None if share is None else share.value >= 100 * P_SHARE_NEEDED
    found.append(
        Criterion("Normal", "A P wave before the QRS", met, share.value if share else None, "%", source=KUSUMOTO_2019)
    )
    found.append(_none_out_of_turn(by_code.get("ectopic_beats")))
    outside = [m for m in measurements if m.code.startswith("st_level_") and m.in_range is False]
    found.append(
        Criterion(
            "Normal",
            "No ST deviation in two contiguous leads",
            _no_pair(outside) if any(m.code.startswith("st_level_") for m in measurements) else None,
            max((m.value for m in outside), key=abs, default=None),
            "mV" if outside else "",
            tuple(m.code.removeprefix("st_level_") for m in outside),
            THYGESEN_2018,
        )
    )
    return found


def _none_out_of_turn(found: Measurement | None) -> Criterion:
    text = "No ectopic beat"
    return (
        Criterion("Normal", text, found.value == 0, found.value, found.unit)
        if found
        else Criterion("Normal", text, None)
    )


def _in_range(text: str, found: Measurement | None) -> Criterion:
    if found is None:
        return Criterion("Normal", text, None)
    return Criterion("Normal", text, found.in_range, found.value, found.unit, _lead_of(found), found.source)


def _lead_of(found: Measurement) -> tuple[str, ...]:
    return (found.where["lead"],) if "lead" in found.where else ()


def _no_pair(outside: list[Measurement]) -> bool:
    """Whether no two contiguous leads deviate to the same side."""
    side = {m.code.removeprefix("st_level_"): m.value > 0 for m in outside}
    return not any(a in side and b in side and side[a] == side[b] for a, b in REGIONS)


def _fibrillation(beats: Beats, values: dict[str, float]) -> list[Criterion]:
    spread, share = values.get("rr_cv"), values.get("p_wave_share")
    return [
        Criterion(
            "AF",
            f"Irregular RR intervals (spread over {IRREGULAR_RR_PERCENT:.0f} %, ectopic beats left out)",
            None if spread is None else spread > IRREGULAR_RR_PERCENT,
            spread,
            "%",
            source=HINDRICKS_2020,
        ),
        Criterion(
            "AF",
            "No repeating P waves (before fewer than half of the beats)",
            None if share is None else share < 100 * P_SHARE_NEEDED,
            share,
            "%",
            source=HINDRICKS_2020,
        ),
    ]


def _first_degree_block(beats: Beats, values: dict[str, float]) -> list[Criterion]:
    pr, share = values.get("pr_interval"), values.get("p_wave_share")
    own = [
        (b.waves.qrs_onset - b.waves.p_onset) * MS
        for b in beats.beats
        if b.dominant and not b.ectopic and b.p_seen and b.waves.p_onset is not None
    ]
    spread = float(np.subtract(*np.quantile(own, [0.9, 0.1]))) if len(own) >= 3 else None
    return [
        Criterion(
            "I-AVB",
            "PR interval over 200 ms",
            None if pr is None else pr > PR_LONG_MS,
            pr,
            "ms",
            ("II",),
            KUSUMOTO_2019,
        ),
        Criterion(
            "I-AVB",
            "PR interval constant (nine beats of ten within 40 ms)",
            None if spread is None else spread <= PR_CONSTANT_MS,
            spread,
            "ms",
            source=KUSUMOTO_2019,
        ),
        Criterion(
            "I-AVB",
            "A P wave before the QRS",
            None if share is None else share >= 100 * P_SHARE_NEEDED,
            share,
            "%",
            source=KUSUMOTO_2019,
        ),
    ]


def _left_bundle(values: dict[str, float], shapes: dict[str, QrsShape]) -> list[Criterion]:
    lateral = [lead for lead in ("I", "aVL", "V5", "V6") if lead in shapes]
    broad = [lead for lead in lateral if shapes[lead].broad_r]
    septal = [lead for lead in ("I", "V5", "V6") if lead in shapes]
    negative = shapes["V1"].mostly_negative if "V1" in shapes else None
    without_q = [lead for lead in septal if not shapes[lead].has_q]
    return [
        _wide("LBBB", values),
        Criterion(
            "LBBB",
            "Broad, notched or slurred R wave in at least two of I, aVL, V5, V6",
            len(broad) >= 2 if len(lateral) >= 2 else None,
            leads=tuple(broad),
            source=SURAWICZ_2009,
        ),
        Criterion(
            "LBBB",
            "No q wave in I, V5 or V6 (in two of the three at least)",
            len(without_q) >= min(2, len(septal)) if septal else None,
            leads=tuple(without_q),
            source=SURAWICZ_2009,
        ),
        Criterion("LBBB", "rS or QS complex in V1", negative, leads=("V1",), source=SURAWICZ_2009),
    ]


def _right_bundle(values: dict[str, float], shapes: dict[str, QrsShape]) -> list[Criterion]:
    right = [lead for lead in ("V1", "V2") if lead in shapes]
    late = [lead for lead in right if shapes[lead].late_r]
    left = [lead for lead in ("I", "V6") if lead in shapes]
    slurred = [lead for lead in left if shapes[lead].wide_s]
    return [
        _wide("RBBB", values),
        Criterion(
            "RBBB",
            "A second or late R wave in V1 or V2 (rsR', rSR', broad R)",
            bool(late) if right else None,
            leads=tuple(late),
            source=SURAWICZ_2009,
        ),
        Criterion(
            "RBBB",
            "S wave in I or V6 longer than 40 ms or than its R wave",
            bool(slurred) if left else None,
            leads=tuple(slurred),
            source=SURAWICZ_2009,
        ),
    ]


def _wide(class_code: str, values: dict[str, float]) -> Criterion:
    qrs = values.get("qrs_duration")
    return Criterion(
        class_code,
        "QRS duration at least 120 ms",
        None if qrs is None else qrs >= WIDE_QRS_MS,
        qrs,
        "ms",
        source=SURAWICZ_2009,
    )


def _ectopic(beats: Beats, class_code: str, kind: str, text: str) -> Criterion:
    if len(beats.beats) < 3:
        return Criterion(class_code, text, None, source=TEXTBOOK)
    count = sum(beat.ectopic == kind for beat in beats.beats)
    return Criterion(class_code, text, count > 0, float(count), "{beats}", source=TEXTBOOK)


def _st_depression(values: dict[str, float], median: MedianBeat | None) -> list[Criterion]:
    depth = {lead: _depression(median, lead) for lead in LEADS} if median else {}
    value, leads = _best_pair({lead: -d for lead, d in depth.items() if d is not None}, dict.fromkeys(LEADS, 0.0))
    text = "Horizontal or downsloping ST depression of at least 0.05 mV in two contiguous leads"
    met = None if value is None else value >= -ST_DEPRESSION_MV
    shown = None if value is None else -value
    return [Criterion("STD", text, met, shown, "mV", leads, THYGESEN_2018), _no_bundle_block("STD", values)]


def _depression(median: MedianBeat, lead: str) -> float | None:
    """mV (negative) by which ST is depressed at J + 60 ms, 0 where it rises too much from J on to be horizontal."""
    late, j = st_level(median, lead), st_level(median, lead, 0.0)
    if late is None or j is None:
        return None
    return late if late - j <= HORIZONTAL_MV else 0.0


def _st_elevation(values: dict[str, float], median: MedianBeat | None) -> list[Criterion]:
    j = {lead: st_level(median, lead, 0.0) for lead in LEADS} if median else {}
    limits = {lead: st_elevation_limit_mv(lead) for lead in LEADS}
    value, leads = _best_pair({lead: v for lead, v in j.items() if v is not None}, limits)
    text = "J point raised by at least 0.1 mV (V2, V3: 0.2 mV) in two contiguous leads"
    met = None if value is None else all((j[lead] or 0) >= limits[lead] for lead in leads)
    return [Criterion("STE", text, met, value, "mV", leads, THYGESEN_2018), _no_bundle_block("STE", values)]


def _best_pair(levels: dict[str, float], limits: dict[str, float]) -> tuple[float | None, tuple[str, ...]]:
    """(the lower of the two levels, the leads) of the contiguous pair that exceeds its limits most."""
    pairs = [(a, b) for a, b in REGIONS if a in levels and b in levels]
    if not pairs:
        return None, ()
    a, b = max(pairs, key=lambda p: min(levels[p[0]] - limits[p[0]], levels[p[1]] - limits[p[1]]))
    return min(levels[a], levels[b]), (a, b)


def _no_bundle_block(class_code: str, values: dict[str, float]) -> Criterion:
    """ST criteria do not hold beside a bundle branch block, which moves ST by itself."""
    qrs = values.get("qrs_duration")
    text = "No bundle branch block (QRS under 120 ms), which moves ST by itself"
    return Criterion(class_code, text, None if qrs is None else qrs < WIDE_QRS_MS, qrs, "ms", source=WAGNER_2009)
