"""Intervals, rate, axis and ST levels of a record, each with its reference range and the place on the record it was read at."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.ecg.delineate import Beat, Beats, MedianBeat, Waves
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal
from engine.finding import Measurement

KUSUMOTO_2019 = "ACC/AHA/HRS 2018 guideline on bradycardia and conduction delay (Kusumoto 2019)"
SURAWICZ_2009 = "AHA/ACCF/HRS recommendations, part III: intraventricular conduction (Surawicz 2009)"
QTC_SOURCE = (
    "upper: AHA/ACCF/HRS recommendations, part IV (Rautaharju 2009), sex unknown: the wider limit; "
    "lower: ESC 2022 guideline on ventricular arrhythmias, short QT (Zeppenfeld 2022)"
)
THYGESEN_2018 = "Fourth universal definition of myocardial infarction (Thygesen 2018); sex and age unknown"

ST_AFTER_J_S = 0.06
MS = 1000 / RATE_HZ
P_SHARE_NEEDED = 0.5  # of the beats, for a PR interval of the record
RR_TRUSTED = (0.5, 1.6)  # times the median RR; outside, a beat was missed, doubled or out of turn
PREFERRED = ("II", "V5", "I", "V2", "V1", "aVF", "V4", "V6", "V3", "aVL", "III", "aVR")  # to show an interval on


def measure(signal: EcgSignal, beats: Beats) -> tuple[Measurement, ...]:
    """All that can be measured on a record; what cannot be measured is left out.

    Codes: heart_rate, rr_cv, pr_interval, qrs_duration, qt_interval, qtc_bazett, qtc_fridericia, qrs_axis, p_wave_share,
    ectopic_beats, st_level_<lead>. `where` holds `lead`, `start_s` and `end_s` on the record's time axis.
    """
    median = beats.median
    if median is None or len(beats.beats) < 2:
        return ()
    found = [*_rhythm(beats), *_intervals(beats, median), *_axis(beats, median)]
    return (*found, *_st(signal, beats, median))


def st_level(median: MedianBeat, lead: str, after_j_s: float = ST_AFTER_J_S) -> float | None:
    """mV of the usual beat in one lead, `after_j_s` after the J point of all leads, over its level at the QRS onset.

    None where the lead is not given. The mean over 12 ms is taken (a single sample carries the paper's grain).
    """
    column = LEADS.index(lead)
    if not median.count[column]:
        return None
    place = median.waves.qrs_offset + round(after_j_s * RATE_HZ)
    return float(np.mean(median.samples_mv[place - 2 : place + 4, column]))


def mean_rr_s(beats: Beats) -> float | None:
    """Seconds from beat to beat on average, without intervals that hold a missed or doubled beat.

    None with a single beat, and where no interval is near their median: two that contradict each other.
    """
    rr = np.diff(beats.r_peaks) / RATE_HZ
    if not len(rr):
        return None
    usual = float(np.median(rr))
    kept = rr[(rr >= RR_TRUSTED[0] * usual) & (rr <= RR_TRUSTED[1] * usual)]
    return float(np.mean(kept)) if len(kept) else None


def rr_cv_percent(beats: Beats) -> float | None:
    """Spread of the RR intervals in % of their mean; intervals next to ectopic beats are left out. None with fewer than three."""
    usual = np.array([not beat.ectopic for beat in beats.beats])
    rr = np.diff(beats.r_peaks)[usual[1:] & usual[:-1]]
    return float(100 * np.std(rr, ddof=1) / np.mean(rr)) if len(rr) >= 3 else None


def qrs_axis_deg(median: MedianBeat) -> float | None:
    """Frontal QRS axis in degrees (-180..180) by the QRS areas in I and aVF; None if one is missing or both flat."""
    shown = {lead: _qrs_area(median, lead) for lead in ("I", "aVF", "II", "III")}
    i, avf = shown["I"], shown["aVF"]
    if avf is None and shown["II"] is not None and shown["III"] is not None:
        avf = (shown["II"] + shown["III"]) / 2  # Einthoven
    if i is None or avf is None or np.hypot(i, avf) < 0.002:
        return None
    return float(
        np.degrees(np.arctan2(avf * 2 / np.sqrt(3), i))
    )  # augmented leads show 2/sqrt(3) less than bipolar ones


def _qrs_area(median: MedianBeat, lead: str) -> float | None:
    """mV s under the QRS, over the straight line between its ends."""
    column = LEADS.index(lead)
    if not median.count[column]:
        return None
    qrs = median.samples_mv[median.waves.qrs_onset : median.waves.qrs_offset + 1, column]
    return float(np.sum(qrs - np.linspace(qrs[0], qrs[-1], len(qrs))) / RATE_HZ)


def _rhythm(beats: Beats) -> list[Measurement]:
    rr = mean_rr_s(beats)
    spread = rr_cv_percent(beats)
    whole = _span(beats.beats[0].r_peak, beats.beats[-1].r_peak, _longest_lead(beats))
    found = []
    if rr:
        found.append(Measurement("heart_rate", "Heart rate", 60 / rr, "/min", 60, 100, whole, KUSUMOTO_2019))
    if spread is not None:
        found.append(Measurement("rr_cv", "RR variability", spread, "%", where=whole))
    if beats.p_share is not None:
        found.append(Measurement("p_wave_share", "Beats with a P wave", 100 * beats.p_share, "%", where=whole))
    first = next(iter(beats.ectopic), None)
    where = _span(first.waves.qrs_onset, first.waves.qrs_offset, _longest_lead(beats)) if first else whole
    count = float(len(beats.ectopic))
    return [*found, Measurement("ectopic_beats", "Ectopic beats", count, "{beats}", where=where)]


def _intervals(beats: Beats, median: MedianBeat) -> list[Measurement]:
    waves = median.waves
    found = []
    if waves.p_onset is not None and (beats.p_share or 0) >= P_SHARE_NEEDED:
        where = _where(beats, lambda w: (w.p_onset, w.qrs_onset))
        value = (waves.qrs_onset - waves.p_onset) * MS
        found.append(Measurement("pr_interval", "PR interval", value, "ms", 120, 200, where, KUSUMOTO_2019))
    value = (waves.qrs_offset - waves.qrs_onset) * MS
    where = _where(beats, lambda w: (w.qrs_onset, w.qrs_offset))
    found.append(Measurement("qrs_duration", "QRS duration", value, "ms", None, 110, where, SURAWICZ_2009))
    rr = mean_rr_s(beats)
    if waves.t_offset is not None and rr:
        qt = (waves.t_offset - waves.qrs_onset) * MS
        where = _where(beats, lambda w: (w.qrs_onset, w.t_offset))
        found += [
            Measurement("qt_interval", "QT interval", qt, "ms", where=where),
            Measurement("qtc_bazett", "QTc (Bazett)", qt / rr**0.5, "ms", 360, 460, where, QTC_SOURCE),
            Measurement("qtc_fridericia", "QTc (Fridericia)", qt / rr ** (1 / 3), "ms", 360, 460, where, QTC_SOURCE),
        ]
    return found


def _axis(beats: Beats, median: MedianBeat) -> list[Measurement]:
    axis = qrs_axis_deg(median)
    if axis is None:
        return []
    where = _where(beats, lambda w: (w.qrs_onset, w.qrs_offset), ("I", "aVF", *PREFERRED))
    return [Measurement("qrs_axis", "QRS axis", axis, "deg", -30, 90, where, SURAWICZ_2009)]


def _st(signal: EcgSignal, beats: Beats, median: MedianBeat) -> list[Measurement]:
    found = []
    reach = round(ST_AFTER_J_S * RATE_HZ)
    for lead in signal.given():
        level = st_level(median, lead)
        if level is None:
            continue
        where = _where(beats, lambda w: (w.qrs_offset, w.qrs_offset + reach), (lead,))
        high = st_elevation_limit_mv(lead)
        name = f"ST level in {lead} (J + 60 ms)"
        found.append(Measurement(f"st_level_{lead}", name, level, "mV", -0.05, high, where, THYGESEN_2018))
    return found


def st_elevation_limit_mv(lead: str) -> float:
    """From which ST elevation counts: 0.2 mV in V2 and V3, 0.1 mV elsewhere (Thygesen 2018, sex and age unknown)."""
    return 0.2 if lead in ("V2", "V3") else 0.1


def _where(beats: Beats, bounds: Any, leads: tuple[str, ...] = PREFERRED) -> dict[str, Any]:
    """The first usual beat and the first of `leads` that show both bounds, as seconds on the record; {} if none does."""
    for lead in leads:
        for beat in _usual_with_p_first(beats):
            start, stop = bounds(beat.waves)
            if lead in beat.by_lead and start is not None and stop is not None:
                return _span(start, stop, lead)
    return {}


def _usual_with_p_first(beats: Beats) -> list[Beat]:
    return sorted((b for b in beats.beats if b.dominant and not b.ectopic), key=lambda b: not b.p_seen)


def _span(start: int, stop: int, lead: str) -> dict[str, Any]:
    return {"lead": lead, "start_s": round(start / RATE_HZ, 3), "end_s": round(stop / RATE_HZ, 3)}


def _longest_lead(beats: Beats) -> str:
    """The lead that shows most beats: the rhythm strip, else lead II."""
    shown = {lead: sum(lead in b.by_lead for b in beats.beats) for lead in PREFERRED}
    return max(shown, key=lambda lead: shown[lead])


def intervals_ms(waves: Waves) -> dict[str, float]:
    """PR, QRS and QT of one beat in ms, as far as its waves were seen; for tables of beats."""
    found = {"qrs_duration": (waves.qrs_offset - waves.qrs_onset) * MS}
    if waves.p_onset is not None:
        found["pr_interval"] = (waves.qrs_onset - waves.p_onset) * MS
    if waves.t_offset is not None:
        found["qt_interval"] = (waves.t_offset - waves.qrs_onset) * MS
    return found
