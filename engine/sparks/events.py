"""The events of a recording as they are reported: sparks with their sizes, and slower releases by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.sparks.baseline import Grid, Rest
from engine.sparks.fit import Fit
from engine.sparks.kinetics import duration_at_half_maximum, time_to_peak

SLOW_LEVEL = 6.0  # deviations of the mean over SLOW_UM and SLOW_MS
SLOW_UM, SLOW_MS = 2.0, 80.0
SLOW_DURATION_MS = 130.0  # at half height; sparks last 20 to 90 ms
FAINTEST = 0.05  # dF/F0: a quarter of the faintest published (Cheng & Lederer 2008)
WAVE_UM = 8.0  # releases that reach further are waves


@dataclass(frozen=True)
class Spark:
    """One spark. number: from 1. probability: that it is one. area_px: largest number of pixels in a frame.

    t_start, t_end: first and last frame (inclusive) in which it has a pixel; mass: amplitude * 1.206 * FWHM^3, um3
    (Chandler 2003: the spark mass); the sizes in um and ms are None where pixel size or frame interval is unknown.
    """

    number: int
    fit: Fit
    probability: float
    x: float
    y: float
    t_start: int
    t_peak: float
    t_end: int
    area_px: int
    um_per_px: float | None
    ms_per_frame: float | None
    fitted_um_per_px: float  # on which the fit's um stand
    fitted_ms_per_frame: float

    @property
    def amplitude(self) -> float:
        return self.fit.amplitude

    @property
    def fwhm_px(self) -> float:
        return self.fit.fwhm_um / self.fitted_um_per_px

    @property
    def fwhm_um(self) -> float | None:
        return None if self.um_per_px is None else self.fwhm_px * self.um_per_px

    @property
    def fdhm_ms(self) -> float | None:
        return self._ms(duration_at_half_maximum(self.fit.rise_ms, self.fit.tau_ms))

    @property
    def time_to_peak_ms(self) -> float | None:
        return self._ms(float(time_to_peak(self.fit.rise_ms, self.fit.tau_ms)))

    @property
    def tau_ms(self) -> float | None:
        return self._ms(self.fit.tau_ms)

    @property
    def tau_error_ms(self) -> float | None:
        return self._ms(self.fit.tau_error_ms)

    @property
    def mass_um3(self) -> float | None:
        return None if self.fwhm_um is None else 1.206 * self.amplitude * self.fwhm_um**3

    def _ms(self, fitted: float) -> float | None:
        return None if self.ms_per_frame is None else fitted / self.fitted_ms_per_frame * self.ms_per_frame


@dataclass(frozen=True)
class SlowRelease:
    """A puff or a wave: frames (inclusive) and centre in px of the recording; dF/F0 at its strongest.

    extent_px: longer side of the region that reaches half of its height at any time.
    """

    kind: str  # puff | wave
    x: float
    y: float
    t_start: int
    t_end: int
    extent_px: float
    amplitude: float


def too_long(fit: Fit) -> bool:
    """Whether a fitted event lasts longer than any spark, its interval being known: it is part of a puff or wave."""
    return duration_at_half_maximum(fit.rise_ms, fit.tau_ms) >= SLOW_DURATION_MS


def too_faint(fit: Fit) -> bool:
    """Whether a fitted event is fainter than any spark: where there is hardly noise, F0 itself wavers by as much."""
    return fit.amplitude < FAINTEST


def slow_releases(z: np.ndarray, worth: np.ndarray, rest: Rest, grid: Grid, first_frame: int) -> list[SlowRelease]:
    """Releases that stay longer than any spark, in (T, H, W) standardised samples that begin at a frame of the working grid."""
    import cv2
    from scipy import ndimage

    sigma = SLOW_UM / 2.355 / grid.um
    weight = 2 * sigma * np.sqrt(np.pi) if not grid.line_scan else np.sqrt(2 * sigma * np.sqrt(np.pi))
    if grid.line_scan:
        blurred = ndimage.gaussian_filter1d(z, sigma, axis=2)
    else:
        blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in z])
    length = max(3, round(SLOW_MS / grid.ms))
    steady = ndimage.uniform_filter1d(blurred, length, axis=0) * (weight * np.sqrt(length))
    steady[:, ~rest.cell] = 0
    labels, count = ndimage.label(steady > SLOW_LEVEL)
    out = []
    for number, window in enumerate(ndimage.find_objects(labels), 1):
        inside = labels[window] == number
        lasts = (window[0].stop - window[0].start) * grid.ms
        if count == 0 or lasts < SLOW_DURATION_MS:
            continue
        part = np.where(inside, blurred[window], 0.0)
        t, y, x = np.unravel_index(int(part.argmax()), part.shape)
        trace = ndimage.uniform_filter1d(blurred[:, window[1].start + y, window[2].start + x], 3)
        peak = window[0].start + t
        above = trace > 0.5 * trace[peak]
        begin = peak - int(np.argmin(above[peak::-1])) if not above[: peak + 1].all() else 0
        end = peak + int(np.argmin(above[peak:])) if not above[peak:].all() else len(trace)
        if (end - begin) * grid.ms < SLOW_DURATION_MS:
            continue
        extent = _extent(np.where(inside, steady[window], 0.0).max(0)) * grid.bin_px
        row, column = window[1].start + y, window[2].start + x
        out.append(
            SlowRelease(
                "wave" if extent * grid.um / grid.bin_px > WAVE_UM else "puff",
                (column + 0.5) * grid.bin_px - 0.5,
                (row + 0.5) * grid.bin_rows - 0.5,
                (first_frame + window[0].start) * grid.bin_frames,
                (first_frame + window[0].stop) * grid.bin_frames - 1,
                float(extent),
                float(part.max() / max(float(worth[row, column]), 1e-6)),
            )
        )
    return out


def _extent(highest: np.ndarray) -> int:
    """Longer side, in samples, of where (H, W) reaches half of its largest value."""
    rows, columns = np.nonzero(highest >= 0.5 * highest.max())
    return int(max(np.ptp(rows), np.ptp(columns))) + 1
