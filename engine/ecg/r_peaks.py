"""Which samples are heart beats, and which of them share the record's usual QRS shape; from whatever leads are printed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from engine.ecg.leads import RATE_HZ

QRS_BAND_HZ = (6.0, 25.0)  # most of the QRS's energy, little of P, T and muscle
ENERGY_WINDOW_S = 0.09
QUIET_MV = 0.02  # band-passed; a lead that never exceeds it adds nothing
REFRACTORY_S = 0.22
T_WAVE_S = 0.38  # a much weaker deflection so soon after a beat is its T wave
PEAK_SHARE = 0.34  # of the usual beat's energy
SEARCH_BACK_SHARE = 0.18  # where a beat is overdue
OVERDUE = 1.6  # times the median RR
PEAK_REACH_S = 0.07  # between a beat's energy and its R peak
MANY_BEATS = 40  # enough to find a typical one among
SHAPE_S = (0.08, 0.12)  # before and after the R peak: what a beat's shape is compared on
SAME_SHAPE = 0.80  # agreement over all leads that two beats share: 2ab / (aa + bb), 1 for equal beats


def bridged(samples_mv: np.ndarray) -> np.ndarray:
    """(T, 12) without NaN: gaps bridged by straight lines, ends held, leads that are not given 0."""
    whole = np.zeros(samples_mv.shape, np.float64)
    places = np.arange(len(samples_mv))
    for k in range(samples_mv.shape[1]):
        given = np.flatnonzero(np.isfinite(samples_mv[:, k]))
        if len(given):
            whole[:, k] = np.interp(places, given, samples_mv[given, k])
    return whole


def beat_energy(whole_mv: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(T,) how QRS-like each moment is, about 1 at the usual beat: band-passed amplitude, each lead in units of its own beats.

    whole_mv: (T, 12) without NaN. given: (T, 12) bool, where a lead is printed.
    """
    band = sosfiltfilt(butter(2, QRS_BAND_HZ, "bandpass", fs=RATE_HZ, output="sos"), whole_mv, axis=0)
    power = uniform_filter1d(band**2, int(ENERGY_WINDOW_S * RATE_HZ), axis=0)
    amplitude = np.sqrt(np.maximum(power, 0))  # a running sum may fall below 0 by rounding
    total, weight = np.zeros(len(band)), np.zeros(len(band))
    for k in range(band.shape[1]):
        if given[:, k].any():
            usual = max(float(np.quantile(amplitude[given[:, k], k], 0.96)), QUIET_MV)
            total += np.where(given[:, k], np.minimum(amplitude[:, k] / usual, 3.0), 0)
            weight += given[:, k]
    return total / np.maximum(weight, 1)


def find_beats(energy: np.ndarray) -> np.ndarray:
    """(n,) samples of the energy's peaks that are beats: high enough, not a T wave; overdue beats are searched for again."""
    peaks, _ = find_peaks(energy, distance=int(REFRACTORY_S * RATE_HZ))
    if not len(peaks):
        return peaks
    expected = max(2, round(len(energy) / RATE_HZ * 0.8))  # at 48 /min
    usual = float(np.median(np.sort(energy[peaks])[-expected:]))
    beats = _without_t_waves(peaks[energy[peaks] > PEAK_SHARE * usual], energy)
    if len(beats) < 3:
        return beats
    overdue = OVERDUE * float(np.median(np.diff(beats)))
    weaker = peaks[(energy[peaks] > SEARCH_BACK_SHARE * usual) & ~np.isin(peaks, beats)]
    late = [p for a, b in pairwise(beats) if b - a > overdue for p in _between(weaker, a, b)]
    return np.array(sorted({*beats.tolist(), *late}), int)


def align(beats: np.ndarray, whole_mv: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(n,) the beats moved onto the R peak of the lead that is printed longest (the tallest R of those), alike for all beats.

    Where that lead goes both ways, its largest deflection may change from beat to beat; so beats are moved to where they
    match the most typical beat.
    """
    if not len(beats):
        return beats
    smooth = sosfiltfilt(butter(2, (1.0, 30.0), "bandpass", fs=RATE_HZ, output="sos"), whole_mv, axis=0)
    reach = int(PEAK_REACH_S * RATE_HZ)
    tall = np.array([np.median([_cut(smooth[:, k], b, reach).max() for b in beats]) for k in range(12)])
    order = np.lexsort((-tall, -(given.sum(axis=0) // RATE_HZ)))
    moved = np.array([_largest(smooth[:, next((k for k in order if given[b, k]), order[0])], b, reach) for b in beats])
    longest = order[: max(1, int((given.sum(axis=0) // RATE_HZ == given[:, order[0]].sum() // RATE_HZ).sum()))]
    whole = np.array([given[max(0, b - reach) : b + reach][:, longest].all() for b in moved])
    if whole.sum() >= 3:
        moved[whole] = _matched(moved[whole], smooth[:, longest])
    return np.unique(np.clip(moved, 0, len(whole_mv) - 1))


def _largest(lead: np.ndarray, beat: int, reach: int) -> int:
    """The sample of the R peak; of the deepest point where the lead has hardly an R wave."""
    piece = _cut(lead, beat, reach)
    upright = piece.max() > 0.5 * -piece.min()
    return max(0, beat - reach) + int(piece.argmax() if upright else piece.argmin())


def _matched(beats: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """(n,) each beat moved by up to PEAK_REACH_S to where it is most like the most typical beat; smooth: (T, leads)."""
    reach, width = int(PEAK_REACH_S * RATE_HZ), int(0.1 * RATE_HZ)
    padded = np.pad(smooth, ((reach + width, reach + width), (0, 0)))
    windows = np.stack([padded[b : b + 2 * (reach + width)] for b in beats])  # (n, W, leads), the beat in the middle
    core = windows[:, reach:-reach].reshape(len(beats), -1)
    sizes = np.maximum(np.linalg.norm(core, axis=1), 1e-9)
    some = slice(None, MANY_BEATS)
    typical = int(np.median((core[some] @ core[some].T) / np.outer(sizes[some], sizes[some]), axis=1).argmax())
    views = np.lib.stride_tricks.sliding_window_view(
        windows, core.shape[1] // windows.shape[2], axis=1
    )  # (n, s, leads, w)
    template = core[typical].reshape(-1, windows.shape[2]).T
    product = np.einsum("nslw,lw->ns", views, template)
    power = np.sqrt(np.maximum((views**2).sum(axis=(2, 3)), 1e-12))
    shifts = np.arange(product.shape[1]) - reach
    likeness = product / (power * np.linalg.norm(template)) - 0.1 * np.abs(shifts) / reach
    best = likeness.argmax(axis=1)
    good = likeness[np.arange(len(beats)), best] > 0.7  # a beat of another shape stays where it is
    return np.where(good, beats + shifts[best], beats)


def same_shape(beats: np.ndarray, whole_mv: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which beats have the record's usual QRS shape, and how alike each beat is to those.

    Beats are alike where their QRS complexes agree by SAME_SHAPE over the leads that both have; the largest family is the
    usual one (the one with the lower, narrower complexes where two are equally large: bigeminy).

    Returns:
        dominant: (n,) bool. likeness: (n,) median agreement with the usual beats, NaN where no lead is shared.
    """
    if not len(beats):
        return np.zeros(0, bool), np.zeros(0)
    agreement = _agreements(beats, whole_mv, given)
    family = _families(agreement >= SAME_SHAPE)
    # A page without a rhythm strip shares no lead between its columns: the usual beat of each column counts as usual.
    usual = _usual_family(family, beats, whole_mv, given)
    dominant = family == usual
    for other in np.unique(family[~dominant]):
        members = family == other
        apart = np.isnan(agreement[np.ix_(members, dominant)]).all()
        rivals = np.isfinite(agreement[members]).any(axis=0)
        if apart and members.sum() >= (rivals & ~dominant).sum() / 2:
            dominant |= members
    with np.errstate(invalid="ignore"):
        likeness = np.array([_median_of_finite(row[dominant]) for row in agreement])
    stray = dominant & (likeness < SAME_SHAPE)  # linked through others only
    return dominant & ~stray, likeness


def _agreements(beats: np.ndarray, whole_mv: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(n, n) over the leads that two beats share; NaN where they share none. Allows for 12 ms of jitter."""
    before, after = (int(s * RATE_HZ) for s in SHAPE_S)
    steep = np.diff(uniform_filter1d(whole_mv, 7, axis=0), axis=0, append=whole_mv[-1:])
    level = uniform_filter1d(whole_mv, 5, axis=0)
    around = beats[:, None] + np.arange(-before, after)
    inside = np.asarray(((around >= 0) & (around < len(whole_mv))).all(axis=1))
    places = np.clip(around, 0, len(whole_mv) - 1)
    windows = level[places]  # (n, W, 12)
    windows = windows - np.median(windows, axis=1, keepdims=True)
    seen = np.asarray(given[places].mean(axis=1) > 0.95) & inside[:, None]  # (n, 12)
    best = np.full((len(beats), len(beats)), np.nan)
    slopes = steep[places]
    for piece in (windows, slopes * 12):  # level alone forgives jitter, slope alone tells widths apart
        piece = np.where(seen[:, None, :], piece, 0)
        for jitter in (-6, -3, 0, 3, 6):
            other = np.roll(piece, jitter, axis=1)
            product = np.einsum("iwl,jwl->ij", piece, other)
            own = np.einsum("iwl,jl->ij", piece**2, seen.astype(float))
            theirs = np.einsum("jwl,il->ij", other**2, seen.astype(float))
            with np.errstate(invalid="ignore", divide="ignore"):
                best = np.fmax(best, 2 * product / (own + theirs))
    best[seen.astype(float) @ seen.T.astype(float) < 1] = np.nan
    return np.fmax(best, best.T)


def _families(alike: np.ndarray) -> np.ndarray:
    """(n,) family numbers: connected groups of alike beats."""
    from scipy.sparse.csgraph import connected_components

    return connected_components(alike, directed=False)[1]


def _usual_family(family: np.ndarray, beats: np.ndarray, whole_mv: np.ndarray, given: np.ndarray) -> int:
    numbers, sizes = np.unique(family, return_counts=True)
    largest = numbers[sizes >= max(sizes.max() - 1, 0.8 * sizes.max())]
    if len(largest) == 1 or sizes.max() < 2:
        return int(numbers[sizes.argmax()])
    reach = int(0.25 * RATE_HZ)
    area = {}
    for number in largest:
        members = beats[family == number]
        size = [
            np.abs(_cut(whole_mv, b, reach) - np.median(_cut(whole_mv, b, reach), axis=0)).mean(axis=0) for b in members
        ]
        shown = [given[b] for b in members]
        area[number] = float(np.mean([s[m].mean() if m.any() else np.inf for s, m in zip(size, shown, strict=True)]))
    return int(min(area, key=lambda number: area[number]))


def _without_t_waves(beats: np.ndarray, energy: np.ndarray) -> np.ndarray:
    kept: list[int] = []
    for beat in beats.tolist():
        close = kept and beat - kept[-1] < T_WAVE_S * RATE_HZ
        if close and energy[beat] < 0.6 * energy[kept[-1]]:
            continue
        if (
            close
            and energy[kept[-1]] < 0.5 * energy[beat]
            and len(kept) > 1
            and beat - kept[-2] < 2 * T_WAVE_S * RATE_HZ
        ):
            kept[-1] = beat  # the weaker one came first: a tall P or the T wave of the beat before
            continue
        kept.append(beat)
    return np.array(kept, int)


def _between(places: np.ndarray, a: int, b: int) -> list[int]:
    margin = int(T_WAVE_S * RATE_HZ)
    return [int(p) for p in places if a + margin < p < b - margin]


def _cut(values: np.ndarray, centre: int, reach: int) -> np.ndarray:
    return values[max(0, centre - reach) : centre + reach + 1]


def _median_of_finite(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
