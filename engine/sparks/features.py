"""What the readers see: numbers per candidate event, and numbers per frame."""

from __future__ import annotations

import numpy as np

from engine.sparks.baseline import Grid, Rest
from engine.sparks.candidates import Candidate, Search
from engine.sparks.kinetics import PIXEL_LEVEL, crossings
from engine.sparks.likelihood import Likelihood, Usual, likelihoods, usual_amplitudes
from engine.sparks.matched_filter import FWHM_UM, TAU_MS

EVENT_FEATURES = (
    "response",  # of the best matched filter, bent logarithmically
    "response_small",
    "response_large",
    "evidence",
    "log_amplitude",
    "log_fwhm",
    "log_rise",
    "log_tau",
    "log_diffusion",
    "r2",
    "worth",
    "before",  # signal at the place 25 to 90 ms before the peak, in deviations of its mean
    "after",  # 120 to 250 ms after
    "around",  # mean signal of the ring 3 to 6 um away at the peak
    "pixel",  # share of the brightest sample in the light of its neighbourhood
    "edge",  # share of the neighbourhood outside the cell
    "moved",  # um between the filter's peak and the fitted centre
    "late",  # ms between them
    "near",  # other candidates within 6 um and 100 ms, bent
    "rank",  # response relative to the strongest of those
    "site",  # evidence of the clearest other candidate at the same place, at another time
    "clear_rate",  # clear candidates per um2 and s of what was searched, logarithmically
    "faint_rate",  # the others
    "searched",  # um2 times s
    "sample_um",
    "sample_ms",
)
CELL_FEATURES = (  # of a candidate in frames over time; a line, whose light comes from one row, has only the first of them
    *EVENT_FEATURES,
    "likelihood",  # of a spark of any size against none, logarithmically, bent
    "likelihood_usual",  # of one as bright as the clear ones of the recording
    "likeliest",  # amplitude, logarithmically
    "unusual",  # fitted amplitude against that of the clear ones
    "clear",  # how many of those there are, logarithmically
    "f0_contrast",  # of F0 there against its surroundings, in what is common in the cell
    "f0_unevenness",  # what is common, in deviations of F0's own noise, logarithmically
    "response_fine",  # of the best of the likelihood's templates
    *(f"response_{fwhm:g}um_{tau:g}ms" for fwhm in FWHM_UM for tau in TAU_MS),
)
SITE_UM, SITE_MS = 0.9, 40.0  # what counts as the same place, and as another time
CLEAR_EVIDENCE = 6.0
SPOT_UM, AROUND_UM = 0.85, 1.53  # deviations of the Gaussians whose difference is F0's contrast
LINE_UM = 10.0  # width of cell that a scanned line stands for
FRAME_FEATURES = 11
NO_EVENT = -3.0  # what a frame without any candidate event has for its best event


def event_features(search: Search, z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid) -> np.ndarray:
    """(N, features) float32, of about unit size, a row per candidate: EVENT_FEATURES of a line scan, else CELL_FEATURES."""
    if not search.candidates:
        return np.zeros((0, len(EVENT_FEATURES if grid.line_scan else CELL_FEATURES)), np.float32)
    places = np.array([(c.fit.peak_ms, c.fit.y_um, c.fit.x_um, c.response, c.fit.evidence) for c in search.candidates])
    searched = rest.cell.sum() * grid.um * (LINE_UM if grid.line_scan else grid.um) * len(z) * grid.ms / 1000
    rows = [
        _event(c, places, z, worth, rest, grid) + _company(c, places, float(searched), grid) for c in search.candidates
    ]
    if not grid.line_scan:
        rows = [row + more for row, more in zip(rows, _of_cells(search, z, worth, rest, grid), strict=True)]
    return np.clip(np.array(rows, np.float32), -4.0, 4.0)


def _of_cells(search: Search, z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid) -> list[list[float]]:
    """What CELL_FEATURES hold beyond EVENT_FEATURES, a row per candidate."""
    contrast, common = _f0_contrast(rest, len(z), grid)
    known = likelihoods(z, worth, grid, [c.peak for c in search.candidates])
    usual = usual_amplitudes([c.fit for c in search.candidates])
    return [
        _likelihood(c, likely, company)
        + [float(_bent(contrast[c.peak[1:]])) / max(common, 1.0), float(np.log2(max(common, 0.3)))]
        + [float(_bent(r) / 2 - 2) for r in (likely.response, *c.responses)]
        for c, likely, company in zip(search.candidates, known, usual, strict=True)
    ]


def _event(c: Candidate, places: np.ndarray, z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid) -> list[float]:
    fit, (t, y, x) = c.fit, c.peak
    near = z[:, _near(y, 0.8, grid, z.shape[1])][:, :, _near(x, 0.8, grid, z.shape[2])]
    trace = near.mean((1, 2)) * np.sqrt(near.shape[1] * near.shape[2])
    moved = (
        np.hypot(y * grid.um - fit.y_um, x * grid.um - fit.x_um) if not grid.line_scan else abs(x * grid.um - fit.x_um)
    )
    apart = np.hypot(places[:, 1] - fit.y_um, places[:, 2] - fit.x_um)
    others = (apart < 6.0) & (np.abs(places[:, 0] - fit.peak_ms) < 100.0) & (apart > 0)
    strongest = float(places[others, 3].max()) if others.any() else 0.0
    return [
        float(_bent(c.response) / 2 - 2),
        float(_bent(c.responses[:2].max()) / 2 - 2),
        float(_bent(c.responses[-2:].max()) / 2 - 2),
        float(_bent(fit.evidence) / 2 - 2),
        float(np.log2(max(fit.amplitude, 0.02))),
        float(2 * np.log2(max(fit.fwhm_um, 0.2) / 2.0)),
        float(np.log2(fit.rise_ms / 6.0)),
        float(2 * np.log2(fit.tau_ms / 33.0)),
        float(np.log2(fit.diffusion / 0.006)),
        2 * fit.r2 - 1,
        float(np.log2(worth[y, x] + 0.1)),
        _mean_signal(trace, t + round(-90 / grid.ms), t + round(-25 / grid.ms)),
        _mean_signal(trace, t + round(120 / grid.ms), t + round(250 / grid.ms)),
        _around(z, c.peak, grid),
        _single_pixel(z, c.peak),
        1 - float(rest.cell[_near(y, 2.0, grid, z.shape[1])][:, _near(x, 2.0, grid, z.shape[2])].mean()),
        float(moved),
        float(np.clip((fit.peak_ms - t * grid.ms) / 15.0, -3, 3)),
        float(np.log2(1 + others.sum())),
        float(np.log2((c.response + 1) / (strongest + 1))) if others.any() else 1.0,
    ]


def _company(c: Candidate, places: np.ndarray, searched: float, grid: Grid) -> list[float]:
    """What else was found in the window: a cell that fires often, and a site that fired before, make a faint one likelier.

    searched: um2 times s.
    """
    fit = c.fit
    others = ~((places[:, 0] == fit.peak_ms) & (places[:, 1] == fit.y_um) & (places[:, 2] == fit.x_um))
    clear = others & (places[:, 4] > CLEAR_EVIDENCE)
    here = others & (np.hypot(places[:, 1] - fit.y_um, places[:, 2] - fit.x_um) < SITE_UM)
    here &= np.abs(places[:, 0] - fit.peak_ms) > SITE_MS
    return [
        float(_bent(places[here, 4].max()) / 2 - 2) if here.any() else -2.0,
        float(np.log2((clear.sum() + 0.25) / searched)) / 2 + 4,
        float(np.log2(((others & ~clear).sum() + 0.25) / searched)) / 2 + 4,
        float(np.log2(searched)) / 2 - 4.5,
        float(2 * np.log2(grid.um / 0.4)),
        float(np.log2(grid.ms / 8.0)),
    ]


def _likelihood(c: Candidate, known: Likelihood, usual: Usual) -> list[float]:
    return [
        float(_bent(known.ratio())) / 3 - 1,
        float(_bent(known.ratio(usual))) / 3 - 1,
        float(np.log(known.amplitude)) + 1,
        float(np.log(max(c.fit.amplitude, 0.02))) - usual.log_amplitude,
        float(np.log1p(usual.count)),
    ]


def _f0_contrast(rest: Rest, frames: int, grid: Grid) -> tuple[np.ndarray, float]:
    """(H, W) how far F0 stands out of its surroundings, in deviations of its own noise, and how much is common in the cell.

    Where F0 is too low by chance, noise looks like a spark.
    """
    import cv2

    level = (rest.f0 / rest.noise * np.sqrt(frames)).astype(np.float32)
    spot, around = SPOT_UM / grid.um, AROUND_UM / grid.um
    contrast = cv2.GaussianBlur(level, (0, 0), spot) - cv2.GaussianBlur(level, (0, 0), around)
    contrast /= np.sqrt((1 / spot**2 + 1 / around**2 - 4 / (spot**2 + around**2)) / (4 * np.pi))
    return contrast, 1.4826 * float(np.median(np.abs(contrast[rest.cell]))) if rest.cell.any() else 1.0


def frame_features(search: Search, z: np.ndarray, rest: Rest) -> np.ndarray:
    """(T, FRAME_FEATURES - 1) float32: the strongest responses of each matched filter in a frame, and how the whole cell is.

    `with_events` adds the last column.
    """
    top = _bent(np.stack([channel[:, rest.cell].max(1) for channel in search.responses], 1)) / 2 - 2
    inside = search.strongest[:, rest.cell]  # (T, pixels)
    kept = min(64, inside.shape[1])
    many = np.partition(inside, -kept, axis=1)[:, -kept:]
    extent = np.log2(1 + (inside > 4.0).sum(1)) / 4
    mean = z[:, rest.cell].mean(1) * np.sqrt(rest.cell.sum())
    columns = [
        top,
        _bent(many.mean(1))[:, None] / 2 - 1,
        extent[:, None],
        _bent(mean)[:, None] / 4,
        z[:, rest.cell].std(1)[:, None] - 1,
    ]
    return np.clip(np.concatenate(columns, 1), -4.0, 4.0).astype(np.float32)


def with_events(frames: np.ndarray, spans: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """(T, FRAME_FEATURES): the frames' features and, last, the logit of the best event that a frame lies in, halved.

    spans: (N, 2) first and last frame of each candidate event; logits: (N,) of being a spark.
    """
    best = np.full(len(frames), 2 * NO_EVENT, np.float32)
    for (first, last), logit in zip(spans, logits, strict=True):
        part = best[max(int(first), 0) : int(last) + 1]
        np.maximum(part, logit, out=part)
    return np.concatenate([frames, np.clip(best / 2, NO_EVENT, 4.0)[:, None]], 1).astype(np.float32)


def frame_span(candidate: Candidate, grid: Grid, frames: int) -> tuple[int, int]:
    """First and last working frame in which the candidate's centre has at least a quarter of its amplitude."""
    begin, end = crossings(candidate.fit.rise_ms, candidate.fit.tau_ms, PIXEL_LEVEL)
    first = int(np.clip(np.ceil((candidate.fit.onset_ms + begin) / grid.ms), 0, frames - 1))
    return first, int(np.clip((candidate.fit.onset_ms + end) / grid.ms, first, frames - 1))


def _bent(values: np.ndarray | float) -> np.ndarray:
    """Linear up to 5, logarithmic above, so that faint and bright events share one scale."""
    size = np.abs(values)
    return np.copysign(np.where(size > 5, 5 + 3 * np.log1p(np.maximum(size - 5, 0) / 3), size), values)


def _near(centre: int, reach_um: float, grid: Grid, size: int) -> slice:
    reach = max(1, round(reach_um / grid.um))
    return slice(max(centre - reach, 0), min(centre + reach + 1, size))


def _mean_signal(trace: np.ndarray, start: int, stop: int) -> float:
    """Mean of the trace in a window of time, in deviations of that mean; 0 where the recording does not reach."""
    part = trace[max(start, 0) : max(min(stop, len(trace)), 0)]
    return float(_bent(part.mean() * np.sqrt(len(part)))) / 3 if len(part) > 1 else 0.0


def _around(z: np.ndarray, peak: tuple[int, int, int], grid: Grid) -> float:
    """Mean of the ring from 3 to 6 um around the peak, in the frames at and after it, in deviations of that mean."""
    t, y, x = peak
    reach = round(6.0 / grid.um)
    rows, columns = slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1)
    part = z[t : t + 3, rows, columns]
    from_y, from_x = (
        np.arange(rows.start, rows.start + part.shape[1]) - y,
        np.arange(columns.start, columns.start + part.shape[2]) - x,
    )
    distance = np.hypot(from_y[:, None], from_x) * grid.um
    ring = part[:, (distance >= 3.0) & (distance <= 6.0)]
    return float(_bent(ring.mean() * np.sqrt(ring.size))) / 4 if ring.size else 0.0


def _single_pixel(z: np.ndarray, peak: tuple[int, int, int]) -> float:
    """How much the brightest sample holds of the light around the peak: near 1 for a flash or a hot pixel."""
    t, y, x = peak
    part = np.maximum(z[max(t - 1, 0) : t + 3, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3], 0)
    return float(4 * part.max() / (part.sum() + 1e-6))
