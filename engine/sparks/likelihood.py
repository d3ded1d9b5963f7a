"""How much likelier the light around a peak is with a spark there than without one, over all sizes that sparks have.

For a spark of amplitude a and a shape of energy e whose matched filter answers r (standard normal without a spark), the log-
likelihood ratio is a r sqrt(e) - a^2 e / 2 (Kay 1998, Detection Theory, chapter 4). It is averaged over widths and decays
as often as they are published (Cheng & Lederer 2008, doi:10.1152/physrev.00030.2007), and over the samples next to the peak.
At low signal an average over sizes tells sparks from noise better than the largest response, which noise picks at will.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.sparks.baseline import Grid
from engine.sparks.fit import Fit
from engine.sparks.kinetics import FWHM_PER_SIGMA, release, rise_of

FWHM_UM, FWHM_SHARES = (1.2, 1.6, 2.1, 2.7, 3.5), (0.7, 1.0, 1.0, 0.9, 0.6)
TAU_MS, TAU_SHARES = (15.0, 26.0, 42.0, 65.0), (0.8, 1.2, 1.1, 0.9)
TIME_TO_PEAK_MS = 10.0
AMPLITUDES = np.geomspace(0.12, 2.4, 10)  # dF/F0
NEXT = (-1, 0, 1)  # samples around the peak, in each direction
REACH_UM, BEFORE_MS, AFTER_MS = 4.0, 25.0, 150.0  # of the window that is compared
LASTING = 2.5  # decay constants after which a template ends
CLEAR_EVIDENCE, CLEAR_SLOPE = (
    5.0,
    3.0,
)  # a fit's evidence at which it counts half, and how sharply, towards what is usual
PRIOR_AMPLITUDE, PRIOR_COUNT = (
    0.4,
    0.5,
)  # dF/F0 taken as usual before any event is seen, and for how many events it stands


@dataclass(frozen=True)
class Likelihood:
    """ratios: (len(AMPLITUDES),) log-likelihood ratio of a spark of each amplitude. response: the largest of any template."""

    ratios: np.ndarray
    response: float

    @property
    def amplitude(self) -> float:
        """The likeliest amplitude, dF/F0."""
        return float(AMPLITUDES[int(np.argmax(self.ratios))])

    def ratio(self, usual: Usual | None = None) -> float:
        """Log-likelihood ratio of a spark of any amplitude, or of one that is usual."""
        shares = np.zeros(len(AMPLITUDES)) if usual is None else usual.log_shares()
        return _log_mean(self.ratios + shares)


@dataclass(frozen=True)
class Usual:
    """What amplitude the other events of a recording have. count: how many of them are clear."""

    log_amplitude: float
    count: float

    def log_shares(self) -> np.ndarray:
        """(len(AMPLITUDES),) logarithm of how often each amplitude is expected, over their mean."""
        width = 0.25 + 0.6 / (1 + self.count)
        shares = -0.5 * ((np.log(AMPLITUDES) - self.log_amplitude) / width) ** 2
        return shares - _log_mean(shares)


def usual_amplitudes(fits: Sequence[Fit]) -> list[Usual]:
    """For each fit, the amplitude of the others, the clear ones counting."""
    clear = 1 / (1 + np.exp(-CLEAR_SLOPE * (np.array([f.evidence for f in fits]) - CLEAR_EVIDENCE)))
    logs = np.log([max(f.amplitude, 0.02) for f in fits])
    counts = clear.sum() - clear
    means = ((clear * logs).sum() - clear * logs + PRIOR_COUNT * np.log(PRIOR_AMPLITUDE)) / (counts + PRIOR_COUNT)
    return [Usual(float(m), float(n)) for m, n in zip(means, counts, strict=True)]


def likelihoods(
    z: np.ndarray, worth: np.ndarray, grid: Grid, peaks: Sequence[tuple[int, int, int]]
) -> list[Likelihood]:
    """For each peak (frame, row, column) of (T, H, W) standardised samples; `worth` (H, W) as in `matched_filter`."""
    before, after = int(BEFORE_MS / grid.ms) + 2, int(np.ceil(AFTER_MS / grid.ms))
    courses = _courses(np.arange(-before, after + 1) * grid.ms)
    return [_at(z, worth, grid, peak, courses, before) for peak in peaks]


def _courses(after_peak_ms: np.ndarray) -> np.ndarray:
    """(decays, samples) of the templates."""
    time = TIME_TO_PEAK_MS + after_peak_ms
    return np.array(
        [
            np.where(time > TIME_TO_PEAK_MS + LASTING * tau, 0.0, release(time, rise_of(TIME_TO_PEAK_MS, tau), tau))
            for tau in TAU_MS
        ],
        np.float32,
    )


def _at(
    z: np.ndarray, worth: np.ndarray, grid: Grid, peak: tuple[int, int, int], courses: np.ndarray, before: int
) -> Likelihood:
    t, y, x = peak
    reach = int(np.ceil(REACH_UM / grid.um)) + 1
    first, last = max(t - before - 1, 0), min(t - before + courses.shape[1] + 1, len(z))
    rows, columns = (
        np.arange(max(c - reach, 0), min(c + reach + 1, n)) for c, n in zip((y, x), worth.shape, strict=True)
    )
    part = worth[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    light = z[first:last, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * part
    across = _spread(columns - x, grid)
    down = _spread(rows - y, grid) if len(worth) > 1 else np.ones((1, len(FWHM_UM), 1), np.float32)
    course = _moved(courses, np.arange(first, last) - t + before)
    # t: frame, y, x: place; a, b, c: shifts of column, row, frame; f: width; k: decay
    along = np.einsum("tafy,bfy->tabf", np.einsum("tyx,afx->tafy", light, across), down)
    found = np.einsum("tabf,ckt->cabfk", along, course)
    energy = np.einsum("yx,afx,bfy->abf", part * part, across**2, down**2)
    energy = energy[None, ..., None] * (course**2).sum(2)[:, None, None, None, :]
    size = np.sqrt(np.maximum(energy, 1e-9))
    response = found / size
    shares = np.log(np.outer(np.divide(FWHM_SHARES, np.mean(FWHM_SHARES)), np.divide(TAU_SHARES, np.mean(TAU_SHARES))))
    ratios = np.array([_log_mean(response * (a * size) - (a * size) ** 2 / 2 + shares) for a in AMPLITUDES])
    return Likelihood(ratios, float(response.max()))


def _spread(from_peak: np.ndarray, grid: Grid) -> np.ndarray:
    """(shifts, widths, samples) of the Gaussians."""
    sigma = np.array(FWHM_UM)[None, :, None] / FWHM_PER_SIGMA / grid.um
    return np.exp(-0.5 * ((from_peak - np.array(NEXT)[:, None, None]) / sigma) ** 2).astype(np.float32)


def _moved(courses: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(shifts, decays, samples) of the courses where `at` says which of their samples falls there; 0 outside."""
    index = at - np.array(NEXT)[:, None]
    inside = (index >= 0) & (index < courses.shape[1])
    return np.where(inside[:, None], courses[:, np.clip(index, 0, courses.shape[1] - 1)].swapaxes(0, 1), 0.0)


def _log_mean(values: np.ndarray) -> float:
    """Logarithm of the mean of exp(values)."""
    highest = float(values.max())
    return highest + float(np.log(np.exp(values - highest).mean()))
