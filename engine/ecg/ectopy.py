"""Which beats come out of turn: premature narrow ones are supraventricular, wide ones of another shape ventricular."""

from __future__ import annotations

import numpy as np

from engine.ecg.leads import RATE_HZ

PREMATURE = 0.86  # of the RR interval expected there: a narrow beat that comes earlier is ectopic
PREMATURE_WIDE = 0.95
WIDE_MS = 120.0  # Surawicz 2009: a QRS this long has not come down the normal way
WIDER_MS = 25.0  # than the record's usual QRS, where that is already long
IRREGULAR_CV = (
    0.12  # spread of RR between beats of the usual shape, above which prematurity says nothing without P waves
)
NEIGHBOURS = 5  # beats on each side that tell the RR interval to expect


def expected_rr(r_peaks: np.ndarray, regular: np.ndarray) -> np.ndarray:
    """(n,) samples: the RR interval to expect before each beat, the median of intervals between regular beats around it."""
    rr = np.diff(r_peaks).astype(float)
    trusted = regular[1:] & regular[:-1]
    expected = np.full(len(r_peaks), np.nan)
    for k in range(len(r_peaks)):
        window = slice(max(0, k - 1 - NEIGHBOURS), k + NEIGHBOURS)
        near = rr[window][trusted[window]] if trusted[window].any() else rr[window]
        if len(near):
            expected[k] = np.median(near)
    return expected


def classify(
    r_peaks: np.ndarray, dominant: np.ndarray, qrs_ms: np.ndarray, usual_qrs_ms: float, p_share: float | None
) -> list[tuple[str, str]]:
    """(kind, reason) per beat: `ventricular`, `supraventricular` or "" for a beat in turn.

    r_peaks: (n,) samples. dominant: (n,) bool, usual shape. qrs_ms: (n,) duration, NaN where not measured.
    p_share: of the usual beats with a P wave, None where that cannot be told.
    """
    if len(r_peaks) < 3:
        return [("", "")] * len(r_peaks)
    expected = expected_rr(r_peaks, dominant)
    early = np.r_[np.nan, np.diff(r_peaks)] / expected
    chaotic = _irregular(r_peaks, dominant, early) and (p_share is None or p_share < 0.5)
    return [
        _of_beat(float(early[k]), bool(dominant[k]), float(qrs_ms[k]), usual_qrs_ms, chaotic)
        for k in range(len(r_peaks))
    ]


def _of_beat(early: float, dominant: bool, qrs_ms: float, usual_qrs_ms: float, chaotic: bool) -> tuple[str, str]:
    wide = qrs_ms >= WIDE_MS and qrs_ms >= usual_qrs_ms + WIDER_MS
    timing = "" if np.isnan(early) else f", {100 * early:.0f} % of the expected RR interval after the beat before"
    if not dominant and wide and (np.isnan(early) or early < PREMATURE_WIDE or chaotic):
        return "ventricular", f"Wide QRS of another shape ({qrs_ms:.0f} ms, usual {usual_qrs_ms:.0f} ms){timing}."
    if chaotic or np.isnan(early) or early >= PREMATURE:
        return "", ""
    if not dominant and wide:
        return "ventricular", f"Wide QRS of another shape ({qrs_ms:.0f} ms, usual {usual_qrs_ms:.0f} ms){timing}."
    return "supraventricular", f"QRS of {'the usual' if dominant else 'nearly the usual'} width and early{timing}."


def _irregular(r_peaks: np.ndarray, dominant: np.ndarray, early: np.ndarray) -> bool:
    """Whether RR varies all along, not only around single early beats: the middle half of the intervals is spread."""
    pairs = dominant[1:] & dominant[:-1]
    rr = np.diff(r_peaks)[pairs] / RATE_HZ
    if len(rr) < 4:
        return False
    low, high = np.quantile(rr, [0.25, 0.75])
    return bool((high - low) / 1.349 / np.median(rr) > IRREGULAR_CV)
