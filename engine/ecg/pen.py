"""The line that a pen drew, found by drawing it again: a round nib led along the line has to give the ink that is there.

Edges of the ink tell where the nib's middle went as long as strokes lie side by side. Where the strokes of a narrow wave run
into each other they do not; there the line is moved until what it would leave on the paper is what is seen (analysis by
synthesis; Gauss-Newton on the line's heights, damped as by Levenberg 1944). Only the row's own ink is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_PX = 0.5  # between the knots of the line
NIB_ROUNDS, ROUNDS = 4, 14  # of Gauss-Newton: with the nib and the whole row, and in all
MOST_PX = 3.0  # by which a knot moves in a round
SETTLED_PX = 0.05  # stretches that move less are left as they are
DAMPING = 0.02  # of the normal equations' diagonal
BENDING, LENGTH = 0.05, 0.002  # what a px of bend, and a px of way, count beside a px's ink
RIM_PX = 4  # of paper that is looked at above and below the ink
BESIDE_PX = 2  # columns to both sides whose ink says how high a column is looked at
OTHERS_PX = 1.5  # around another row's ink, which says nothing of this row's line
FIRST_BLUR = 0.7  # px: softness of the ink's edge to begin with
BLUR_PX = (0.3, 1.5)  # of ink in a map of probabilities
RADIUS_PX = (0.5, 6.0)  # of a nib
REACH = 3.0  # blurs from the ink's edge, where it has faded
STAYS = 1e3  # weight of the place of a knot that is not to move

Edges = tuple[np.ndarray, np.ndarray]  # (w,) px each: upper and lower edge of a row's ink, NaN where there is none


def retraced(ink: np.ndarray, edges: Edges, others: list[Edges], way: np.ndarray) -> np.ndarray:
    """(n,) heights (px) of the line whose drawing is a row's ink, at knots STEP_PX apart from column 0 on.

    ink: (h, w) 0..1. edges: of this row's ink; others: of the other rows'. way: (n,) heights to begin with, which stay where
    the row has no ink.
    """
    inked = np.isfinite(edges[0])
    if not inked.any():
        return way
    pixels = _around(ink, edges, others)
    at = np.arange(len(way)) * STEP_PX
    free = inked[np.floor(at).astype(int)] & inked[np.minimum(np.ceil(at).astype(int), len(inked) - 1)]
    nib = Nib(float(np.quantile((edges[1] - edges[0])[inked], 0.25)) / 2, FIRST_BLUR)
    line = way.astype(float)
    for done in range(ROUNDS):
        drawn = _drawn(pixels, line, nib)
        change = _change(drawn, line, free)
        line = line + change
        if done < NIB_ROUNDS:
            nib = _fitted(nib, drawn)
        else:
            free &= _spread(np.abs(change) > SETTLED_PX, nib)
            pixels = pixels.near(_spread(free, nib))
        if not free.any() or len(pixels.x) == 0:
            break
    return line


@dataclass(frozen=True)
class Nib:
    """A round nib. radius: px from its middle to where its ink has fallen to half; blur: px, of that edge (logistic)."""

    radius: float
    blur: float

    @property
    def reach(self) -> float:
        """Px from its middle to where its ink has faded."""
        return self.radius + REACH * self.blur


@dataclass(frozen=True)
class Pixels:
    """Column, row and ink (n,) of the pixels that a row's line may explain."""

    x: np.ndarray
    y: np.ndarray
    ink: np.ndarray

    def near(self, knots: np.ndarray) -> Pixels:
        """Those in whose column one of the knots (bool) stands."""
        kept = knots[np.round(self.x / STEP_PX).astype(int)]
        return Pixels(self.x[kept], self.y[kept], self.ink[kept])


@dataclass(frozen=True)
class Drawn:
    """What a line leaves at each pixel (n,). segment: nearest to it, between knot k and k + 1; missing: ink not drawn, negative
    where too much is; by_left, by_right: change of ink by moving those knots down a px; by_radius, by_blur: by the nib's."""

    segment: np.ndarray
    missing: np.ndarray
    by_left: np.ndarray
    by_right: np.ndarray
    by_radius: np.ndarray
    by_blur: np.ndarray


def _around(ink: np.ndarray, edges: Edges, others: list[Edges]) -> Pixels:
    from scipy import ndimage

    columns = np.flatnonzero(np.isfinite(edges[0]))
    upper = ndimage.minimum_filter1d(np.nan_to_num(edges[0], nan=np.inf), 2 * BESIDE_PX + 1)[columns]
    lower = ndimage.maximum_filter1d(np.nan_to_num(edges[1], nan=-np.inf), 2 * BESIDE_PX + 1)[columns]
    first = np.maximum(upper - RIM_PX, 0).astype(int)
    count = np.minimum(lower + RIM_PX, ink.shape[0] - 1).astype(int) - first + 1
    x = np.repeat(columns, count)
    y = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    other = np.zeros(len(x), bool)
    for above, below in others:  # comparisons with NaN are false: no ink there
        other |= (y > above[x] - OTHERS_PX) & (y < below[x] + OTHERS_PX)
    x, y = x[~other], y[~other]
    return Pixels(x.astype(np.float32), y.astype(np.float32), ink[y, x].astype(np.float32))


def _drawn(pixels: Pixels, line: np.ndarray, nib: Nib) -> Drawn:
    """The drawing of a line: every pixel has the ink of the nib where it passed nearest."""
    first = np.floor((pixels.x - nib.reach) / STEP_PX).astype(int)
    y, rise = line.astype(np.float32), np.diff(line).astype(np.float32)
    inverse = 1 / (STEP_PX**2 + rise**2)
    square = np.full(len(first), np.inf, np.float32)
    segment, share, down = np.zeros(len(first), int), np.zeros_like(square), np.zeros_like(square)
    for offset in range(int(2 * nib.reach / STEP_PX) + 2):
        here = np.clip(first + offset, 0, len(rise) - 1)
        across, below, climb = pixels.x - here.astype(np.float32) * np.float32(STEP_PX), pixels.y - y[here], rise[here]
        part = np.clip((across * np.float32(STEP_PX) + below * climb) * inverse[here], 0, 1)
        below -= part * climb
        away = (across - part * np.float32(STEP_PX)) ** 2 + below**2
        nearer = away < square
        np.copyto(square, away, where=nearer)
        np.copyto(segment, here, where=nearer)
        np.copyto(share, part, where=nearer)
        np.copyto(down, below, where=nearer)
    distance = np.sqrt(square) + np.float32(1e-3)
    depth = np.clip((nib.radius - distance) / nib.blur, -30, 30)
    covered = 1 / (1 + np.exp(-depth))
    slope = covered * (1 - covered) / nib.blur
    by_down = slope * down / distance
    return Drawn(segment, pixels.ink - covered, by_down * (1 - share), by_down * share, slope, -slope * depth)


def _change(drawn: Drawn, line: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(n,) px by which the knots have to move, those that are not free by nothing."""
    from scipy import linalg

    count = len(line)
    bands = np.zeros((3, count))  # of a symmetric matrix, its diagonal last
    left, right = drawn.segment, drawn.segment + 1
    bands[2] = np.bincount(left, drawn.by_left**2, count) + np.bincount(right, drawn.by_right**2, count)
    bands[1] = np.bincount(right, drawn.by_left * drawn.by_right, count)
    wanted = np.bincount(left, drawn.by_left * drawn.missing, count)
    wanted += np.bincount(right, drawn.by_right * drawn.missing, count)
    _add_prior(bands, wanted, line)
    bands[2] += np.where(free, DAMPING, STAYS)
    wanted[~free] = 0
    return np.where(free, np.clip(linalg.solveh_banded(bands, wanted), -MOST_PX, MOST_PX), 0.0)


def _add_prior(bands: np.ndarray, wanted: np.ndarray, line: np.ndarray) -> None:
    """Adds that lines bend little and go no way for nothing; a sharp bend and a long way cost what they measure, no more."""
    count = len(line)
    for factors, price, least in (((1.0, -2.0, 1.0), BENDING, 1.0), ((-1.0, 1.0), LENGTH, STEP_PX)):
        size = count - len(factors) + 1
        value = sum(factor * line[i : size + i] for i, factor in enumerate(factors))
        weight = price / np.sqrt(least**2 + value**2)
        for i, a in enumerate(factors):
            wanted[i : size + i] -= a * weight * value
            for j, b in enumerate(factors[i:], start=i):
                bands[2 - (j - i), j : size + j] += a * b * weight


def _fitted(nib: Nib, drawn: Drawn) -> Nib:
    """The nib that explains the ink better, by a step of Gauss-Newton."""
    by = np.stack([drawn.by_radius, drawn.by_blur]).astype(float)
    radius, blur = np.linalg.solve(by @ by.T + DAMPING * np.eye(2), by @ drawn.missing)
    return Nib(
        float(np.clip(nib.radius + np.clip(radius, -0.3, 0.3), *RADIUS_PX)),
        float(np.clip(nib.blur + np.clip(blur, -0.1, 0.1), *BLUR_PX)),
    )


def _spread(knots: np.ndarray, nib: Nib) -> np.ndarray:
    """The knots (bool) and those that a nib on one of them reaches."""
    from scipy import ndimage

    return ndimage.maximum_filter1d(knots.astype(np.uint8), 2 * int(nib.reach / STEP_PX) + 1) > 0
