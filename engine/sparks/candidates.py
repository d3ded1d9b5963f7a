"""Where a spark may be: peaks of the matched filters, looked for again in what the fitted sparks leave.

The second look separates sparks that touch: the first fit takes the brighter one, and what remains is the other. Sites fire
again (Cheng & Lederer 2008, doi:10.1152/physrev.00030.2007), so that less is asked of a response where a clear one was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.sparks.baseline import Grid, Rest, block_means, resting_level
from engine.sparks.fit import REACH_UM, Fit, fit_sparks
from engine.sparks.matched_filter import matched_filters

PEAK_LEVEL = 4.3  # noise deviations from which on a response is looked at
SECOND_LEVEL = 4.8  # the same in what the first fits leave
SECOND_SHARE = 0.1  # and share of the first response there, since no spark has exactly the model's shape
CLEAR_LEVEL = 6.0  # a response that F0 is freed of
SITE_MAKING_LEVEL = 5.0  # a response that makes its place a site
CLEAR_FWHM_UM = (2.0,)  # filters that find those
SLOW_RISE_MS, SLOW_TAU_MS = 40.0, 100.0  # fits beyond are parts of puffs and waves
SITE_LEVEL = 3.4  # responses from which on a site is looked at again
SITE_UM = 0.9
MOST = 4000  # candidates of one window, the strongest first
SAME_UM, SAME_MS = 0.9, 25.0  # two peaks nearer than this are one spark


@dataclass(frozen=True)
class Candidate:
    """peak: frame, row, column of the working grid. responses: (CHANNELS,) matched filters there (a copy). fit: its sizes."""

    peak: tuple[int, int, int]
    responses: np.ndarray
    fit: Fit

    @property
    def response(self) -> float:
        return float(self.responses.max())


@dataclass(frozen=True)
class Search:
    """candidates, and strongest: (T, H, W) the largest matched-filter response everywhere in the cell (0 outside).

    rest, z, worth: with F0 as it is where the clear sparks are taken out.
    """

    candidates: tuple[Candidate, ...]
    responses: np.ndarray
    strongest: np.ndarray
    rest: Rest
    z: np.ndarray
    worth: np.ndarray


def find_candidates(z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid) -> Search:
    """Everything that may be a spark in (T, H, W) standardised samples."""
    z, rest = _without_bias(z, worth, rest, grid)
    worth = (rest.f0 / rest.noise).astype(np.float32)
    responses = matched_filters(z, worth, grid.um, grid.ms)
    strongest = np.where(rest.cell, responses.max(0), 0.0)
    maxima = _peaks(strongest, SITE_LEVEL)
    peaks = [p for p in maxima if strongest[p] > PEAK_LEVEL][:MOST]
    peaks += _at_sites(maxima[len(peaks) :], [p for p in peaks if strongest[p] > SITE_MAKING_LEVEL], grid)[: MOST // 4]
    fits, left = fit_sparks(z, rest, grid, peaks)
    again = np.where(rest.cell, matched_filters(left, worth, grid.um, grid.ms).max(0), 0.0)
    more = [p for p in _peaks(again, SECOND_LEVEL) if again[p] > SECOND_LEVEL + SECOND_SHARE * strongest[p]]
    more = [p for p in more if not any(_same_place(p, q, grid) for q in peaks)][: MOST // 4]
    if more:
        peaks = peaks + more
        fits, _ = fit_sparks(z, rest, grid, peaks, fits)
    found = [Candidate(p, responses[(slice(None), *p)].copy(), f) for p, f in zip(peaks, fits, strict=True)]
    return Search(tuple(_one_each(found)), responses, strongest, rest, z, worth)


def _without_bias(z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid) -> tuple[np.ndarray, Rest]:
    """The samples and the resting cell with F0 found again without the clear sparks, which raise a median over few blocks.

    Where no spark was taken out, nothing changes; nor does anything where the correction is no larger than chance.
    """
    found = matched_filters(z, worth, grid.um, grid.ms, CLEAR_FWHM_UM)
    clear = _peaks(np.where(rest.cell, found.max(0), 0.0), CLEAR_LEVEL)[: MOST // 4]
    if not clear:
        return z, rest
    fits, left = fit_sparks(z, rest, grid, clear)
    slow = [p for p, fit in zip(clear, fits, strict=True) if fit.rise_ms > SLOW_RISE_MS or fit.tau_ms > SLOW_TAU_MS]
    if slow:
        sparks = [(p, fit) for p, fit in zip(clear, fits, strict=True) if p not in slow]
        _, left = fit_sparks(z, rest, grid, [p for p, _ in sparks], [fit for _, fit in sparks])
    before, after = (_level(samples) for samples in (z, left))
    free = (left != z).any(0)
    for _, y, x in slow:  # no sparks: what is left there is not at rest
        reach = round(REACH_UM / grid.um)
        free[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = False
    bias = np.where(free, after - before, 0.0).astype(np.float32)
    f0 = np.maximum(rest.f0 + bias * rest.noise, 0.2 * rest.f0)
    lowered = (rest.f0 - f0) / rest.noise
    return z + lowered * rest.bleaching[:, None, None], replace(rest, f0=f0)


def _level(z: np.ndarray) -> np.ndarray:
    """(H, W) resting level of standardised samples."""
    blocks, _ = block_means(z)
    return resting_level(blocks, np.sqrt(len(blocks) / len(z)))


def _peaks(strongest: np.ndarray, level: float) -> list[tuple[int, int, int]]:
    """Local maxima above the level among two samples in each direction, the highest first."""
    import cv2

    size = np.ones((5 if strongest.shape[1] > 1 else 1, 5), np.uint8)
    around = np.stack([cv2.dilate(frame, size) for frame in np.ascontiguousarray(strongest, np.float32)])
    highest = around.copy()
    for lag in (1, 2):
        np.maximum(highest[lag:], around[:-lag], out=highest[lag:])
        np.maximum(highest[:-lag], around[lag:], out=highest[:-lag])
    places = np.argwhere((strongest >= highest) & (strongest > level))
    order = np.argsort(-strongest[tuple(places.T)], kind="stable")
    return [(int(t), int(y), int(x)) for t, y, x in places[order]]


def _at_sites(
    maxima: list[tuple[int, int, int]], clear: list[tuple[int, int, int]], grid: Grid
) -> list[tuple[int, int, int]]:
    """Those of the maxima that lie where a clear response was at another time."""
    if not maxima or not clear:
        return []
    there, sites = np.array(maxima), np.array(clear)
    near = np.hypot(*(there[:, None, k] - sites[None, :, k] for k in (1, 2))) * grid.um < SITE_UM
    later = np.abs(there[:, None, 0] - sites[None, :, 0]) * grid.ms > SAME_MS
    return [maxima[k] for k in np.flatnonzero((near & later).any(1))]


def _same_place(a: tuple[int, int, int], b: tuple[int, int, int], grid: Grid) -> bool:
    near = np.hypot(a[1] - b[1], a[2] - b[2]) * grid.um < 0.75 * SAME_UM
    return bool(near and abs(a[0] - b[0]) * grid.ms < SAME_MS)


def _one_each(found: list[Candidate]) -> list[Candidate]:
    """Of fits that came to lie on one another, the one that explains most."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: -c.fit.evidence):
        fit = candidate.fit
        if not any(
            np.hypot(fit.x_um - k.fit.x_um, fit.y_um - k.fit.y_um) < max(SAME_UM, 0.5 * k.fit.fwhm_um)
            and abs(fit.peak_ms - k.fit.peak_ms) < SAME_MS
            for k in kept
        ):
            kept.append(candidate)
    return kept


def shifted(candidate: Candidate, ms: float, frames: int) -> Candidate:
    """The candidate of a window as one of the recording: later by `ms` and `frames` of the working grid."""
    t, y, x = candidate.peak
    return replace(candidate, peak=(t + frames, y, x), fit=replace(candidate.fit, onset_ms=candidate.fit.onset_ms + ms))
