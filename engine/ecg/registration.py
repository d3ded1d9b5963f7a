"""Brings limb leads that are printed one below the other to one clock.

They were recorded at once. What folds, perspective and a grid that is hard to see leave of skew between the rows shows in the
laws that they owe each other (II = I + III; aVR + aVL + aVF = 0): each lead is moved by a few milliseconds, at most
MOST_MS, such that its law is kept best. Only times move; no value is computed from another lead.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from engine.ecg.leads import RATE_HZ

LAWS = {("I", "II", "III"): (1.0, -1.0, 1.0), ("aVR", "aVL", "aVF"): (1.0, 1.0, 1.0)}  # signs of a sum that is zero
MOST_MS = 32.0  # of skew between rows: more is a page that was not flattened
COARSE_MS = 4.0  # step of the first search
RIM_MS = 60.0  # at both ends of a column, where the curve may run into separators
KNOTS = 7  # between which a lead's shift goes straight
STEPS = 6  # of the refinement
OUTLIER = 3.0  # standard deviations of the residual, beyond which a sample counts less
PRIOR = 0.004  # share of the leads' power that moving one of them by MOST_MS has to be worth
BENDING = 1.0  # what a bend of the shift at a knot counts beside the shift itself
WORTH = 0.9  # of the residual, above which nothing is moved


def registered(leads_mv: np.ndarray, signs: tuple[float, float, float]) -> np.ndarray:
    """(3, KNOTS) samples at 500 Hz by which to read each lead later, at its first, at its last and at even steps between.

    leads_mv: (3, n), NaN where not read; signs: of the sum that is zero. Zeros where moving does not help.
    """
    still = np.zeros((3, KNOTS))
    known = np.isfinite(leads_mv)
    rim = round(RIM_MS * RATE_HZ / 1000)
    inner = known.all(axis=0)
    inner[:rim] = inner[-rim:] = False
    if inner.sum() < RATE_HZ // 2:
        return still
    at = np.arange(leads_mv.shape[1], dtype=float)
    filled = np.stack([np.interp(at, at[k], lead[k]) for lead, k in zip(leads_mv, known, strict=True)])
    signed = (filled - filled.mean(axis=1, keepdims=True)) * np.array(signs)[:, None]
    power = float((signed[:, inner] ** 2).mean())
    if power <= 0:
        return still
    shifts = _refined(signed, inner, _coarse(signed, inner, power), power)
    most = MOST_MS * RATE_HZ / 1000
    before, after = (_residual(_moved(signed, s), inner) for s in (still, shifts))
    return shifts if after < WORTH**2 * before and np.abs(shifts).max() <= most else still


def _moved(signed: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    at = np.arange(signed.shape[1], dtype=float)
    return np.stack([np.interp(at + along(s, len(at)), at, lead) for lead, s in zip(signed, shifts, strict=True)])


def along(shifts: np.ndarray, count: int) -> np.ndarray:
    """(count,) shift of every sample from (KNOTS,) shifts."""
    return np.interp(np.linspace(0, len(shifts) - 1, count), np.arange(len(shifts)), shifts)


def _residual(signed: np.ndarray, inner: np.ndarray) -> float:
    return float(signed.sum(axis=0)[inner].var())


def _coarse(signed: np.ndarray, inner: np.ndarray, power: float) -> np.ndarray:
    """The best of all whole steps by which two leads may be moved against the third, (3, KNOTS)."""
    step = round(COARSE_MS * RATE_HZ / 1000)
    reach = round(MOST_MS * RATE_HZ / 1000)
    steps = range(-reach, reach + 1, step)
    padded = np.pad(signed, ((0, 0), (reach, reach)), mode="edge")
    later = {s: padded[:, reach + s : reach + s + signed.shape[1]][:, inner] for s in steps}
    middle = signed[1, inner]

    def cost(pair: tuple[int, int]) -> float:
        a, b = pair
        law = later[a][0] + middle + later[b][2]
        return float(law.var()) + PRIOR * power * (a * a + b * b + (a - b) ** 2) / reach**2

    first, third = min(product(steps, steps), key=cost)
    even = (first + third) / 3  # no common shift: it changes nothing
    return np.repeat(np.array([[first - even], [-even], [third - even]], float), KNOTS, axis=1)


def _refined(signed: np.ndarray, inner: np.ndarray, shifts: np.ndarray, power: float) -> np.ndarray:
    """Gauss-Newton on the knots' shifts from there, outliers held down, large and bent shifts disfavoured."""
    shares = [along(knot, signed.shape[1]) for knot in np.eye(KNOTS)]
    prior = _prior() * power * int(inner.sum())
    for _ in range(STEPS):
        moved = _moved(signed, shifts)
        slopes = np.gradient(moved, axis=1)
        columns = [slope * share for slope in slopes for share in shares] + [np.ones(signed.shape[1])]
        matrix, law = np.stack(columns, axis=1)[inner], moved.sum(axis=0)[inner]
        away = np.abs(law - np.median(law))
        weight = np.minimum(1.0, OUTLIER * away.std() / np.maximum(away, 1e-9))
        normal = (matrix * weight[:, None]).T @ matrix
        right = -(matrix * weight[:, None]).T @ law
        normal[:-1, :-1] += prior
        normal[-1, -1] += 1e-6
        right[:-1] -= prior @ shifts.ravel()
        change = np.linalg.solve(normal, right)[: 3 * KNOTS].reshape(3, KNOTS)
        shifts = shifts + np.clip(change, -4, 4)
    return shifts


def _prior() -> np.ndarray:
    """(3 KNOTS, 3 KNOTS) of a quadratic form in the shifts: share of the leads' power that they have to be worth."""
    bends = np.diff(np.eye(KNOTS), n=2, axis=0)
    one_lead = 3 / KNOTS * np.eye(KNOTS) + BENDING * bends.T @ bends
    return PRIOR / (MOST_MS * RATE_HZ / 1000) ** 2 * np.kron(np.eye(3), one_lead)
