"""Which beats come out of turn: premature narrow ones are supraventricular, wide ones of another shape ventricular."""

from __future__ import annotations

import numpy as np

from engine.ecg.leads import RATE_HZ

PREMATURE = (
    0.70,
    0.86,
)  # of the expected RR: a narrow beat before that is ectopic; the lower the more RR varies anyway
PREMATURE_WIDE = 0.95
WIDE_MS = 120.0  # Surawicz 2009: a QRS this long has not come down the normal way
WIDER_MS = 25.0  # than the record's usual QRS, where that is already long
OTHER_SHAPE = 0.5  # agreement with the usual QRS, below which a beat looks wholly different,
WIDE_OTHER_MS = 100.0  # and counts as wide from here on
IRREGULAR_SPREAD = (
    0.10  # of RR between beats of the usual shape: prematurity says nothing above it where P waves are few,
)
CHAOTIC_SPREAD = 0.20  # and above this nothing at all
FEW_P = 0.7  # share of the beats with a P wave
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
    r_peaks: np.ndarray,
    dominant: np.ndarray,
    likeness: np.ndarray,
    qrs_ms: np.ndarray,
    usual_qrs_ms: float,
    p_share: float | None,
) -> list[tuple[str, str]]:
    """(kind, reason) per beat: `ventricular`, `supraventricular` or "" for a beat in turn.

    r_peaks: (n,) samples. dominant: (n,) bool, usual shape. likeness: (n,) agreement of its QRS with the usual one, at most 1.
    qrs_ms: (n,) duration.
    p_share: of the usual beats with a P wave, None where that cannot be told.
    """
    if len(r_peaks) < 3:
        return [("", "")] * len(r_peaks)
    expected = expected_rr(r_peaks, dominant)
    early = np.r_[np.nan, np.diff(r_peaks)] / expected
    spread = _spread(r_peaks, dominant)
    chaotic = spread > CHAOTIC_SPREAD or (spread > IRREGULAR_SPREAD and p_share is not None and p_share < FEW_P)
    limit = float(np.clip(1 - 2 * spread, *PREMATURE))
    wide = [_wide(float(qrs_ms[k]), float(likeness[k]), usual_qrs_ms) for k in range(len(r_peaks))]
    return [
        _of_beat(
            float(early[k]),
            bool(dominant[k]),
            wide[k],
            f"{qrs_ms[k]:.0f} ms, usual {usual_qrs_ms:.0f} ms",
            chaotic,
            limit,
        )
        for k in range(len(r_peaks))
    ]


def _wide(qrs_ms: float, likeness: float, usual_qrs_ms: float) -> bool:
    """Wide enough for a ventricular origin. Few leads show less than the whole QRS: a wholly other shape needs less width."""
    if likeness < OTHER_SHAPE:
        return qrs_ms >= WIDE_OTHER_MS
    return qrs_ms >= WIDE_MS and qrs_ms >= usual_qrs_ms + WIDER_MS


def _of_beat(early: float, dominant: bool, wide: bool, widths: str, chaotic: bool, limit: float) -> tuple[str, str]:
    timing = "" if np.isnan(early) else f", {100 * early:.0f} % of the expected RR interval after the beat before"
    if not dominant and wide and (np.isnan(early) or early < PREMATURE_WIDE or chaotic):
        return "ventricular", f"Wide QRS of another shape ({widths}){timing}."
    if chaotic or np.isnan(early) or early >= limit:
        return "", ""
    return "supraventricular", f"QRS of {'the usual' if dominant else 'nearly the usual'} width and early{timing}."


def _spread(r_peaks: np.ndarray, dominant: np.ndarray) -> float:
    """Standard deviation over median of RR between usual beats, by the middle half: a few early beats do not count."""
    rr = np.diff(r_peaks)[dominant[1:] & dominant[:-1]] / RATE_HZ
    if len(rr) < 4:
        return 0.0
    low, high = np.quantile(rr, [0.25, 0.75])
    return float((high - low) / 1.349 / np.median(rr))
