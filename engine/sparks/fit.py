"""The sizes of a spark: least squares of the spark model on the standardised samples around it.

Amplitude, onset, rise, decay, place, width, diffusion and a local level are found together by Levenberg and Marquardt's
method. Where noise leaves a size open, what is published of sparks decides: rise, decay, width and diffusion carry
log-normal priors (Cheng & Lederer 2008, doi:10.1152/physrev.00030.2007). Sparks that overlap are fitted in turn on what
the others leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.sparks.baseline import Grid, Rest
from engine.sparks.kinetics import FWHM_PER_SIGMA, PIXEL_LEVEL, release, time_to_peak, variance

REACH_UM = 3.2  # half side of the window around a spark
BEFORE_MS, AFTER_MS = 45.0, 150.0  # window around the peak
ROUNDS = 2  # of fitting overlapping sparks in turn
ITERATIONS = 14
ENOUGH = 5e-3  # fall of the cost (twice the log-likelihood) below which a fit is done
# Widths of the normal priors: onset (ms), log rise (ms), log tau (ms), place (um, twice), log sigma (um), level
# (noise deviations), log diffusion (um2/ms); the amplitude has none.
PRIOR_WIDTH = np.array([np.inf, 12.0, 0.55, 0.42, 0.6, 0.6, 0.35, 0.25, 0.6])
PRIOR_RISE_MS, PRIOR_TAU_MS, PRIOR_SIGMA_UM, PRIOR_DIFFUSION = 6.0, 33.0, 0.88, 0.006
LOWEST = np.array([0.0, -1e9, np.log(0.5), np.log(4.0), -1e9, -1e9, np.log(0.22), -5.0, np.log(1e-4)])
HIGHEST = np.array([1e3, 1e9, np.log(60.0), np.log(250.0), 1e9, 1e9, np.log(4.0), 5.0, np.log(0.05)])
STEPS = (1e-3, 0.1, 1e-2, 1e-2, 5e-3, 5e-3, 5e-3, 1e-3, 2e-2)  # of the numerical derivative
AMPLITUDE, ONSET, RISE, TAU, ROW, COLUMN, SIGMA, LEVEL, DIFFUSION = range(9)


@dataclass(frozen=True)
class Fit:
    """A spark as fitted, in physical units from the recording's first frame and first pixel's centre.

    onset_ms: first rise. sigma_um: of its Gaussian at the peak; diffusion: um2/ms by which it spreads. amplitude: dF/F0
    at the peak. amplitude_error, tau_error_ms: one standard deviation. evidence: square root of twice the log-likelihood
    that the spark adds to what its neighbours explain, so that noise alone gives values of 3 to 5 at the best of its many
    places. r2: share of the smoothed signal in the window that the model explains.
    """

    onset_ms: float
    y_um: float
    x_um: float
    amplitude: float
    sigma_um: float
    rise_ms: float
    tau_ms: float
    diffusion: float
    amplitude_error: float
    tau_error_ms: float
    evidence: float
    r2: float

    @property
    def peak_ms(self) -> float:
        return self.onset_ms + float(time_to_peak(self.rise_ms, self.tau_ms))

    @property
    def fwhm_um(self) -> float:
        return FWHM_PER_SIGMA * self.sigma_um


def fit_sparks(
    z: np.ndarray, rest: Rest, grid: Grid, peaks: Sequence[tuple[int, int, int]], before: Sequence[Fit] = ()
) -> tuple[list[Fit], np.ndarray]:
    """A fit for each (frame, row, column) of the working grid at which a spark has its peak, and what all of them leave of z.

    z: (T, H, W) standardised samples of the window that `rest` describes. before: what the first of the peaks were fitted to
    without the others; the search begins there.
    """
    worth = (rest.f0 / rest.noise).astype(np.float32)
    problems = [_Problem(z, worth, rest, grid, peak) for peak in peaks]
    for problem, known in zip(problems, before, strict=False):
        problem.begin_at(known)
    models = [np.zeros_like(p.z) if k >= len(before) else p.spark() for k, p in enumerate(problems)]
    order = np.argsort([-p.score for p in problems])
    near = _neighbours(problems)
    for number in range(ROUNDS):
        for i in order:
            if number and not near[i]:
                continue  # nothing around it has changed
            others = np.zeros_like(problems[i].z)
            for j in near[i]:
                problems[i].add_of(problems[j], models[j], others)
            problems[i].solve(others)
            models[i] = problems[i].spark()
    left = z.copy()
    for problem, model in zip(problems, models, strict=True):
        left[problem.window] -= model
    return [p.fit() for p in problems], left


class _Problem:
    """One spark's window, data and current parameters, (9,): see the constants' order."""

    def __init__(self, z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid, peak: tuple[int, int, int]) -> None:
        self.grid, self.peak = grid, peak
        reach = max(2, round(REACH_UM / grid.um))
        before, after = max(2, round(BEFORE_MS / grid.ms)), max(4, round(AFTER_MS / grid.ms))
        self.low = [max(peak[0] - before, 0), max(peak[1] - reach, 0), max(peak[2] - reach, 0)]
        high = [
            min(peak[0] + after + 1, z.shape[0]),
            min(peak[1] + reach + 1, z.shape[1]),
            min(peak[2] + reach + 1, z.shape[2]),
        ]
        self.window = tuple(slice(a, b) for a, b in zip(self.low, high, strict=True))
        self.z = z[self.window]
        self.bleaching = rest.bleaching[self.window[0]]
        self.worth = worth[self.window[1:]]
        # relative growth of a sample's variance per deviation of signal in it
        self.noisier = (rest.gain / np.maximum(rest.noise[self.window[1:]], 1e-6)).astype(np.float32)
        steps = min(grid.bin_frames, 4)
        self.phases = ((np.arange(steps) + 0.5) / steps - 0.5) * grid.ms if steps > 1 else np.zeros(1)
        self.times = (np.arange(self.low[0], high[0]) - peak[0]) * grid.ms  # from the peak sample
        self.rows = (np.arange(self.low[1], high[1]) - peak[1]) * grid.um
        self.columns = (np.arange(self.low[2], high[2]) - peak[2]) * grid.um
        self.blur = (grid.bin_px**2 - 1) / 12 * (grid.um / grid.bin_px) ** 2  # um^2 that averaging of pixels adds
        self.start = np.array(
            [
                0.5,
                -10.0,
                np.log(PRIOR_RISE_MS),
                np.log(PRIOR_TAU_MS),
                0,
                0,
                np.log(PRIOR_SIGMA_UM),
                0,
                np.log(PRIOR_DIFFUSION),
            ]
        )
        shape = self._shape(self.start)
        self.start[AMPLITUDE] = max(float((shape * self.z).sum() / max(float((shape * shape).sum()), 1e-9)), 0.02)
        self.parameters = self.start.copy()
        self.score = float((shape * self.z).sum() / np.sqrt(max(float((shape * shape).sum()), 1e-9)))

    def begin_at(self, known: Fit) -> None:
        """Sets the parameters to those of an earlier fit."""
        first_ms, first_um = self._first()
        self.parameters = np.array(
            [
                known.amplitude,
                known.onset_ms - self.peak[0] * self.grid.ms - first_ms,
                np.log(known.rise_ms),
                np.log(known.tau_ms),
                0.0 if self.grid.line_scan else known.y_um - self.peak[1] * self.grid.um - first_um,
                known.x_um - self.peak[2] * self.grid.um - first_um,
                np.log(known.sigma_um),
                0.0,
                np.log(known.diffusion),
            ]
        )

    def solve(self, others: np.ndarray) -> None:
        """Finds the parameters on the samples less the other sparks."""
        target = self.z - others
        p, damping = self.parameters, 1e-2
        shape, weight = self._seen(p)
        left = self._left(p, shape, target, weight)
        cost = _squared(left)
        jacobian = self._jacobian(p, shape, weight)
        for _ in range(ITERATIONS):
            normal, slope = (jacobian @ jacobian.T).astype(float), (jacobian @ left).astype(float)
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -slope)
            tried = np.clip(p + step, LOWEST, HIGHEST)
            shape_tried = self._shape(tried)
            cost_tried = _squared(self._left(tried, shape_tried, target, weight))
            if cost_tried < cost:
                gained = cost - cost_tried
                p, damping = tried, max(damping / 5, 1e-6)
                shape, weight = shape_tried, self._weight(p, shape_tried)
                left = self._left(p, shape, target, weight)
                cost = _squared(left)
                jacobian = self._jacobian(p, shape, weight)
                if gained < ENOUGH:
                    break
            else:
                damping *= 6
                if damping > 1e6:
                    break
        self.parameters = p
        self.covariance = np.linalg.pinv((jacobian @ jacobian.T).astype(float))
        self.r2 = self._explained(target, shape)
        self.evidence = self._gain(target, shape, weight)

    def spark(self) -> np.ndarray:
        """The model on the window, without the level."""
        return np.float32(self.parameters[AMPLITUDE]) * self._shape(self.parameters)

    def add_of(self, other: _Problem, model: np.ndarray, total: np.ndarray) -> None:
        """Adds another window's model where the two windows overlap."""
        here, there = [], []
        for a, b in zip(self.window, other.window, strict=True):
            first, last = max(a.start, b.start), min(a.stop, b.stop)
            if last <= first:
                return
            here.append(slice(first - a.start, last - a.start))
            there.append(slice(first - b.start, last - b.start))
        total[tuple(here)] += model[tuple(there)]

    def fit(self) -> Fit:
        p, grid = self.parameters, self.grid
        error = np.sqrt(np.maximum(np.diag(self.covariance), 0))
        first_ms, first_um = self._first()
        return Fit(
            onset_ms=float(self.peak[0] * grid.ms + first_ms + p[ONSET]),
            y_um=float(self.peak[1] * grid.um + first_um + p[ROW]) if not grid.line_scan else 0.0,
            x_um=float(self.peak[2] * grid.um + first_um + p[COLUMN]),
            amplitude=float(p[AMPLITUDE]),
            sigma_um=float(np.exp(p[SIGMA])),
            rise_ms=float(np.exp(p[RISE])),
            tau_ms=float(np.exp(p[TAU])),
            diffusion=float(np.exp(p[DIFFUSION])),
            amplitude_error=float(error[AMPLITUDE]),
            tau_error_ms=float(np.exp(p[TAU]) * error[TAU]),
            evidence=self.evidence,
            r2=self.r2,
        )

    def _first(self) -> tuple[float, float]:
        """Time (ms) and place (um) of the first sample's middle: from the first frame's time and the first pixel's centre."""
        grid = self.grid
        first_um = (grid.bin_px - 1) / 2 * grid.um / grid.bin_px
        return (grid.bin_frames - 1) / 2 * grid.ms / grid.bin_frames, first_um

    def _shape(self, p: np.ndarray) -> np.ndarray:
        """What a dF/F0 of 1 looks like on the window, in deviations."""
        return self._relative(p) * self.worth

    def _relative(self, p: np.ndarray) -> np.ndarray:
        """dF/F0 of a spark whose peak is 1, bleached as the light is, (t, h, w) float32."""
        since = self.times - p[ONSET]
        rise, tau, sigma = np.exp(p[RISE]), np.exp(p[TAU]), np.exp(p[SIGMA])
        course = release(since[:, None] + self.phases, rise, tau).mean(1) * self.bleaching
        true = variance(since - time_to_peak(rise, tau), sigma, np.exp(p[DIFFUSION]))[:, None]
        seen = true + self.blur  # averaging pixels widens the Gaussian and lowers its peak
        along_columns = np.sqrt(true / seen) * np.exp(-0.5 * (self.columns - p[COLUMN]) ** 2 / seen)
        along_rows = course[:, None]
        if len(self.rows) > 1:
            along_rows = along_rows * np.sqrt(true / seen) * np.exp(-0.5 * (self.rows - p[ROW]) ** 2 / seen)
        return along_rows.astype(np.float32)[:, :, None] * along_columns.astype(np.float32)[:, None, :]

    def _seen(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shape and the samples' weights at it."""
        shape = self._shape(p)
        return shape, self._weight(p, shape)

    def _weight(self, p: np.ndarray, shape: np.ndarray) -> np.ndarray:
        """Per sample: one over the noise deviation, which grows with the light of the spark itself."""
        model = shape * (np.float32(p[AMPLITUDE]) * self.noisier)
        return 1 / np.sqrt(1 + np.maximum(model, 0))

    def _left(self, p: np.ndarray, shape: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Residuals of the samples, followed by those of the priors."""
        data = ((np.float32(p[AMPLITUDE]) * shape + np.float32(p[LEVEL]) - target) * weight).ravel()
        return np.concatenate([data, ((p - self.start)[1:] / PRIOR_WIDTH[1:]).astype(np.float32)])

    def _jacobian(self, p: np.ndarray, shape: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """(parameters, residuals): amplitude and level by formula, the others by a small step; the weights are held."""
        out = np.zeros((len(p), weight.size + len(p) - 1), np.float32)
        out[AMPLITUDE, : weight.size] = (shape * weight).ravel()
        out[LEVEL, : weight.size] = weight.ravel()
        scale = self.worth * weight
        here = self._relative(p)
        for k, step in enumerate(STEPS):
            if k not in (AMPLITUDE, LEVEL) and not (k == ROW and len(self.rows) == 1):
                moved = p.copy()
                moved[k] += step
                out[k, : weight.size] = ((self._relative(moved) - here) * scale).ravel()
                out[k, : weight.size] *= p[AMPLITUDE] / step
            if k != AMPLITUDE:
                out[k, weight.size + k - 1] = 1 / PRIOR_WIDTH[k]
        return out

    def _gain(self, target: np.ndarray, shape: np.ndarray, weight: np.ndarray) -> float:
        """What the spark explains beyond the level, its unlikely sizes taken off."""
        p = self.parameters
        model, rest = np.float32(p[AMPLITUDE]) * shape * weight, (target - np.float32(p[LEVEL])) * weight
        unlikely = float((((p - self.start)[1:] / PRIOR_WIDTH[1:])[[1, 2, 5, 7]] ** 2).sum())
        return float(np.sqrt(max(2 * float((model * rest).sum()) - float((model * model).sum()) - unlikely, 0.0)))

    def _explained(self, target: np.ndarray, shape: np.ndarray) -> float:
        """R^2 of the trace that the spark's own shape weighs out of the window."""
        p = self.parameters
        picture = shape.max(0)
        norm = float((picture * picture).sum()) + 1e-9
        trace = (target * picture).sum((1, 2)) / norm
        model = p[AMPLITUDE] * (shape * picture).sum((1, 2)) / norm + p[LEVEL] * picture.sum() / norm
        spread = float(((trace - trace.mean()) ** 2).sum()) + 1e-12
        return float(np.clip(1 - ((trace - model) ** 2).sum() / spread, 0, 1))


def _squared(values: np.ndarray) -> float:
    """Sum of squares in double precision: costs are compared that differ little."""
    return float(np.einsum("i,i->", values, values, dtype=np.float64))


def _neighbours(problems: Sequence[_Problem]) -> list[list[int]]:
    """For each window, the others that overlap it."""
    edges = np.array([[[s.start, s.stop] for s in p.window] for p in problems]).reshape(len(problems), 3, 2)
    out = []
    for i in range(len(problems)):
        apart = (edges[:, :, 0] >= edges[i, :, 1]) | (edges[:, :, 1] <= edges[i, :, 0])
        out.append([int(j) for j in np.flatnonzero(~apart.any(1)) if j != i])
    return out


def marked_pixels(
    fit: Fit, um_per_px: float, ms_per_frame: float, shape: tuple[int, int, int], line_scan: bool
) -> tuple[tuple[slice, slice, slice], np.ndarray] | None:
    """The window of a (T, H, W) recording that a spark covers and its dF/F0 there, 0 where less than a quarter of its amplitude.

    None if no pixel of the recording belongs to the spark.
    """
    last_ms = fit.peak_ms + 12 * fit.tau_ms
    first = max(int(fit.onset_ms / ms_per_frame), 0)
    last = min(int(last_ms / ms_per_frame) + 1, shape[0])
    if last <= first:
        return None
    course = release(np.arange(first, last) * ms_per_frame - fit.onset_ms, fit.rise_ms, fit.tau_ms)
    above = np.flatnonzero(course >= PIXEL_LEVEL)
    if not len(above):
        return None
    first, course = first + above[0], course[above[0] : above[-1] + 1]
    after_peak = np.arange(first, first + len(course)) * ms_per_frame - fit.peak_ms
    spread = variance(after_peak, fit.sigma_um, fit.diffusion) / um_per_px**2
    reach = float(np.sqrt(2 * np.log(1 / PIXEL_LEVEL) * spread.max()))
    y, x = (0.0 if line_scan else fit.y_um / um_per_px), fit.x_um / um_per_px
    rows, columns = _span(y, reach, shape[1]), _span(x, reach, shape[2])
    distance = (np.arange(rows.start, rows.stop)[:, None] - y) ** 2 + (np.arange(columns.start, columns.stop) - x) ** 2
    relative = course[:, None, None] * np.exp(-0.5 * distance / spread[:, None, None])
    if not (relative >= PIXEL_LEVEL).any():
        return None
    window = (slice(first, first + len(course)), rows, columns)
    return window, np.where(relative >= PIXEL_LEVEL, fit.amplitude * relative, 0.0).astype(np.float32)


def _span(centre: float, reach: float, size: int) -> slice:
    """The pixels within reach of the centre, at least one, inside the field."""
    low = int(np.clip(np.ceil(centre - reach), 0, size - 1))
    return slice(low, int(np.clip(np.floor(centre + reach) + 1, low + 1, size)))
