"""Where the beats are: R peaks, the bounds of P, QRS and T in every beat and lead, the median beat, ectopic beats."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.signal import butter, sosfiltfilt

from engine.ecg import ectopy, r_peaks
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal
from engine.ecg.waves import Waves, find_waves, qrs_bounds

__all__ = ["Beat", "Beats", "MedianBeat", "Waves", "delineate"]

SMOOTH_HZ = 40.0  # above is muscle, mains and paper grain
BEFORE_S, AFTER_S = 0.60, 0.70  # of the median beat, around the R peak
BASELINE_S = (0.10, 0.06)  # before the R peak: where the baseline is taken for the baseline's course
P_LIKENESS = 0.5  # correlation of the stretch before a QRS with that of the other beats, from which it is a P wave
P_ROOM_S = 0.14  # from T to QRS, less of which may hide a P wave
P_JITTER_S = 0.03  # that a P wave may lie off its usual place before the QRS
ENOUGH_BEATS = 4  # per lead, for a median that a single beat does not make


@dataclass(frozen=True)
class Beat:
    """One beat; samples count from the record's start.

    waves: all leads taken together (earliest onset, latest end); by_lead: each lead that is printed there alone.
    dominant: whether its QRS has the record's usual shape. p_seen: whether a P wave precedes it, None where that cannot be told.
    ectopic: "" for a regular beat, else `supraventricular` or `ventricular`, with the `reason` as a sentence.
    """

    r_peak: int
    waves: Waves
    by_lead: dict[str, Waves] = field(default_factory=dict)
    dominant: bool = True
    p_seen: bool | None = None
    ectopic: str = ""
    reason: str = ""


@dataclass(frozen=True)
class MedianBeat:
    """The usual beat: each lead's median over the beats of the dominant shape.

    samples_mv: (W, 12) mV, columns in the order of LEADS, NaN for leads not given; the level just before
        the QRS is 0.
    r_index: the sample of the R peak in it. waves, by_lead: as in `Beat`, counted from the median beat's first sample.
    count: (12,) beats that each lead's median is made of.
    """

    samples_mv: np.ndarray
    r_index: int
    waves: Waves
    by_lead: dict[str, Waves]
    count: np.ndarray

    def given(self) -> tuple[str, ...]:
        """The leads that it shows."""
        return tuple(lead for lead, n in zip(LEADS, self.count, strict=True) if n)


@dataclass(frozen=True)
class Beats:
    """All beats of a record in time order; `median` is None where no beat was found."""

    beats: tuple[Beat, ...]
    median: MedianBeat | None = None

    @property
    def r_peaks(self) -> np.ndarray:
        """(n,) samples of the R peaks from the record's start."""
        return np.array([beat.r_peak for beat in self.beats], int)

    @property
    def ectopic(self) -> tuple[Beat, ...]:
        """The beats out of turn."""
        return tuple(beat for beat in self.beats if beat.ectopic)

    @property
    def p_share(self) -> float | None:
        """Share (0..1) of the usual beats that a P wave precedes; None where too few can be judged."""
        judged = [beat.p_seen for beat in self.beats if beat.dominant and beat.p_seen is not None]
        return float(np.mean(judged)) if len(judged) >= 2 else None


def delineate(signal: EcgSignal) -> Beats:
    """Finds and measures every beat of a record, from whichever leads are printed at each time.

    The usual (median) beat of all leads is measured once, where noise is lowest; its bounds are carried to each beat of that
    shape, P waves are looked for in each beat on their own, and beats of another shape are measured by themselves.
    """
    given = np.isfinite(np.asarray(signal.samples_mv))
    whole = r_peaks.bridged(signal.samples_mv)
    peaks = r_peaks.align(r_peaks.find_beats(r_peaks.beat_energy(whole, given)), whole, given)
    if not len(peaks):
        return Beats(())
    dominant, likeness = r_peaks.same_shape(peaks, whole, given)
    level = _without_baseline(_smooth(whole), peaks)
    median = _median_beat(level, given, peaks, dominant)
    if median is None:
        return Beats(())
    p_shift, p_seen = _p_waves(level, given, peaks, dominant, median)
    beats = [
        _beat(int(peak), median, level, given, bool(dominant[k]), p_shift[k], p_seen[k]) for k, peak in enumerate(peaks)
    ]
    return _with_ectopy(Beats(tuple(beats), median), likeness)


def _smooth(whole_mv: np.ndarray) -> np.ndarray:
    return sosfiltfilt(butter(4, SMOOTH_HZ, "lowpass", fs=RATE_HZ, output="sos"), whole_mv, axis=0)


def _without_baseline(level_mv: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """(T, 12) less the course of the baseline: straight lines through the level just before each QRS."""
    before, until = (int(s * RATE_HZ) for s in BASELINE_S)
    knots = [p for p in peaks if p - before >= 0]
    if not knots:
        return level_mv - np.median(level_mv, axis=0)
    heights = np.array([np.median(level_mv[p - before : p - until], axis=0) for p in knots])
    places = np.array(knots) - (before + until) // 2
    return level_mv - np.stack([np.interp(np.arange(len(level_mv)), places, heights[:, k]) for k in range(12)], axis=1)


def _median_beat(level: np.ndarray, given: np.ndarray, peaks: np.ndarray, dominant: np.ndarray) -> MedianBeat | None:
    before, after = int(BEFORE_S * RATE_HZ), int(AFTER_S * RATE_HZ)
    usual = peaks[dominant]
    windows, seen = _windows(level, given, usual, before, after)
    qrs = slice(before - int(0.05 * RATE_HZ), before + int(0.05 * RATE_HZ))
    core = np.asarray(seen[:, qrs].all(axis=1))  # (n, 12): the QRS is printed
    windows[~seen | ~core[:, None, :]] = np.nan
    count = core.sum(axis=0)
    if not count.any():
        return None
    samples = np.full(windows.shape[1:], np.nan)
    for k in np.flatnonzero(count):
        samples[:, k] = _median_over_beats(windows[core[:, k], :, k])
    moving = np.flatnonzero((count > 0) & (np.ptp(samples[qrs], axis=0) > 0))  # a lead that came off has no waves
    if not len(moving):
        return None
    rr = float(np.median(np.diff(peaks)[dominant[1:]])) if dominant[1:].any() else RATE_HZ
    waves = find_waves(samples[:, count > 0], before, rr)
    by_lead = {LEADS[k]: find_waves(samples[:, [k]], before, rr) for k in moving}
    samples -= samples[max(0, waves.qrs_onset - 2) : waves.qrs_onset + 1].mean(axis=0)
    return MedianBeat(samples, before, waves, by_lead, count)


def _median_over_beats(windows: np.ndarray) -> np.ndarray:
    """(W,) median of (n, W) over the beats that have a value; ends that no beat shows are held."""
    shown = np.isfinite(windows).any(axis=0)
    places = np.flatnonzero(shown)
    median = np.nanmedian(windows[:, shown], axis=0)
    return np.interp(np.arange(windows.shape[1]), places, median)


def _windows(
    level: np.ndarray, given: np.ndarray, peaks: np.ndarray, before: int, after: int
) -> tuple[np.ndarray, np.ndarray]:
    """(n, before + after, 12) around each peak, and where it is printed."""
    places = peaks[:, None] + np.arange(-before, after)
    inside = (places >= 0) & (places < len(level))
    places = np.clip(places, 0, len(level) - 1)
    return level[places].copy(), given[places] & inside[:, :, None]


def _p_waves(
    level: np.ndarray, given: np.ndarray, peaks: np.ndarray, dominant: np.ndarray, median: MedianBeat
) -> tuple[list[int], list[bool | None]]:
    """Per beat: how many samples its P wave lies off the usual place, and whether it has one (None: too little printed).

    A P wave repeats: it is seen where the stretch before the QRS is like the same stretch of the *other* usual beats.
    Fibrillation waves are not, however tall.
    """
    waves = median.waves
    if waves.p_onset is None or waves.p_offset is None:
        room = _room_for_p_s(peaks, median)
        return [0] * len(peaks), [None if room < P_ROOM_S else False] * len(peaks)
    first, last = waves.p_onset - median.r_index, waves.p_offset - median.r_index
    enough = median.count >= min(ENOUGH_BEATS, int(median.count.max()))
    pieces, seen = _windows(level, given & enough, peaks, -first, last)
    shown = np.asarray(seen.all(axis=1))  # (n, 12)
    pieces = _detrended(pieces)
    found = [_likeness(k, pieces, shown, dominant) for k in range(len(peaks))]
    shifts = [
        _p_shift(level, int(peak), first, last, pieces, shown[k] & enough, dominant)
        if (found[k] or 0) > P_LIKENESS
        else 0
        for k, peak in enumerate(peaks)
    ]
    return shifts, [None if like is None else like > P_LIKENESS for like in found]


def _room_for_p_s(peaks: np.ndarray, median: MedianBeat) -> float:
    """Seconds between the end of a T wave and the next QRS: with too few, a P wave may hide in the T wave."""
    end = median.waves.t_offset or median.waves.qrs_offset
    return (float(np.median(np.diff(peaks))) - (end - median.waves.qrs_onset)) / RATE_HZ if len(peaks) > 1 else 0.0


def _likeness(k: int, pieces: np.ndarray, shown: np.ndarray, dominant: np.ndarray) -> float | None:
    """Correlation (-1..1) of beat k's pieces (n, W, 12) with the median of the other usual beats, over the leads it shows."""
    others = dominant.copy()
    others[k] = False
    leads = [lead for lead in np.flatnonzero(shown[k]) if (shown[:, lead] & others).sum() >= 2]
    if not leads:
        return None
    usual = np.stack([np.median(pieces[shown[:, lead] & others, :, lead], axis=0) for lead in leads], axis=1)
    own = pieces[k][:, leads]
    size = float(np.linalg.norm(own) * np.linalg.norm(usual))
    return float((own * usual).sum() / size) if size > 0 else 0.0


def _p_shift(
    level: np.ndarray, peak: int, first: int, last: int, pieces: np.ndarray, leads: np.ndarray, dominant: np.ndarray
) -> int:
    """Samples by which the beat's P wave lies off the usual place: where it is most like the usual one."""
    usual = np.median(pieces[dominant][:, :, leads], axis=0)
    best = (-1.0, 0)
    for shift in range(-int(P_JITTER_S * RATE_HZ), int(P_JITTER_S * RATE_HZ) + 1):
        start, stop = peak + first + shift, peak + last + shift
        if start >= 0 and stop <= len(level):
            here = _detrended(level[None, start:stop, leads])[0]
            size = float(np.linalg.norm(here) * np.linalg.norm(usual))
            best = max(best, ((here * usual).sum() / size if size else 0.0, shift))
    return best[1]


def _detrended(pieces: np.ndarray) -> np.ndarray:
    """(n, W, leads) less the straight line through each piece's ends."""
    ramp = np.linspace(0, 1, pieces.shape[1])[None, :, None]
    return pieces - pieces[:, :1] * (1 - ramp) - pieces[:, -1:] * ramp


def _beat(
    peak: int,
    median: MedianBeat,
    level: np.ndarray,
    given: np.ndarray,
    dominant: bool,
    p_shift: int,
    p_seen: bool | None,
) -> Beat:
    shown = given[peak]
    if not dominant:
        return Beat(peak, _own_waves(peak, level[:, shown]), {}, False, p_seen)
    start = peak - median.r_index
    last = len(level) - 1
    waves = _placed(median.waves, start, p_shift if p_seen else None, last)
    by_lead = {
        lead: _placed(own, start, p_shift if p_seen else None, last)
        for lead, own in median.by_lead.items()
        if shown[LEADS.index(lead)]
    }
    return Beat(peak, waves, by_lead, True, p_seen)


def _placed(waves: Waves, start: int, p_shift: int | None, last: int) -> Waves:
    """The usual waves at a beat that starts at `start`; no P wave with `p_shift` None, and nothing beyond the record's ends."""
    moved = waves.moved(start)
    inside = [None if place is None or not 0 <= place <= last else place for place in (moved.t_peak, moved.t_offset)]
    bounds = (moved.p_onset, moved.p_peak, moved.p_offset)
    early = [None if place is None or p_shift is None else max(0, place + p_shift) for place in bounds]
    return Waves(max(0, moved.qrs_onset), min(last, moved.qrs_offset), *early, *inside)


def _own_waves(peak: int, level: np.ndarray) -> Waves:
    """QRS bounds of a single beat of unusual shape, by the leads printed there."""
    before, after = int(0.3 * RATE_HZ), int(0.35 * RATE_HZ)
    start = max(0, peak - before)
    piece = level[start : peak + after]
    if piece.shape[1] == 0 or len(piece) < 0.2 * RATE_HZ:
        return Waves(peak, peak)
    onset, offset = qrs_bounds(piece, peak - start)
    return Waves(onset + start, offset + start)


def _with_ectopy(found: Beats, likeness: np.ndarray) -> Beats:
    median = found.median
    assert median is not None
    ms = 1000 / RATE_HZ
    usual = (median.waves.qrs_offset - median.waves.qrs_onset) * ms
    durations = np.array([(b.waves.qrs_offset - b.waves.qrs_onset) * ms for b in found.beats])
    dominant = np.array([b.dominant for b in found.beats])
    kinds = ectopy.classify(found.r_peaks, dominant, likeness, durations, usual, found.p_share)
    beats = tuple(replace(b, ectopic=k, reason=why) for b, (k, why) in zip(found.beats, kinds, strict=True))
    return replace(found, beats=beats)
