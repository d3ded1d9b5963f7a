"""The sizes of one frame as the guideline takes them, each with the line that it was read along.

Source: Lang 2015, ASE/EACVI chamber quantification (doi:10.1016/j.echo.2014.10.003). Septum, cavity and posterior wall:
perpendicular to the ventricle's long axis at the tips of the mitral leaflets (section 1). Left atrium: antero-posterior,
at the level of the aortic sinuses (section 5). Aortic root: the sinuses, perpendicular to the root's axis (section 8). All from
edge to edge of what is drawn, which for the aortic root is inner edge to inner edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, SEPTUM, VENTRICLE
from engine.echo_plax.axes import Axis, axes

BAND = (
    -0.06,
    -0.03,
    0.0,
    0.03,
    0.06,
)  # of the base: parallel lines whose median is the size, so that a notch does not count
STEP = 0.25  # px between samples of a line
GAP = 0.06  # of the base: a wider gap between cavity and wall, and they are not beside each other
EDGE_PX = 2.0  # an end this near to where nothing was recorded is cut off
REACH = 3.0  # of the base: how far a line is followed to either side


@dataclass(frozen=True)
class Caliper:
    """One size: its length in the unit of the spacing, and the ends (x, y) of the middle line in px of the frame."""

    length: float
    start: tuple[float, float]
    stop: tuple[float, float]


@dataclass(frozen=True)
class Calipers:
    """A frame's sizes by the columns of `dimensions.csv`; None where a structure is absent, not beside its neighbour, or cut."""

    lvid: Caliper | None = None
    ivs: Caliper | None = None
    lvpw: Caliper | None = None
    la: Caliper | None = None
    aorta: Caliper | None = None


NAMES = ("lvid", "ivs", "lvpw", "la", "aorta")


@dataclass(frozen=True)
class Run:
    """A stretch of one structure along a line, distances from the line's middle."""

    start: float
    stop: float
    cut: bool = False


def measure(mask: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0), seen: np.ndarray | None = None) -> Calipers:
    """The callipers of one labelled frame (H, W).

    spacing: size of a pixel in x and y. seen: (H, W) bool, where the machine recorded; None: the whole picture.
    """
    found = axes(mask, spacing)
    if found is None:
        return Calipers()
    sheet = _Sheet(mask, np.asarray(spacing), seen, found.base)
    at_tips = [sheet.ventricle(found.ventricle, shift * found.base) for shift in BAND]
    at_sinuses = [sheet.root(found.root, shift * found.base) for shift in BAND] if found.root else []
    read = {
        name: sheet.caliper([line.get(name) for line in at_tips], found.ventricle) for name in ("lvid", "ivs", "lvpw")
    }
    if found.root:
        read |= {name: sheet.caliper([line.get(name) for line in at_sinuses], found.root) for name in ("la", "aorta")}
    return Calipers(**read)


@dataclass(frozen=True)
class _Sheet:
    """The frame that lines are read from; base in the unit of the spacing."""

    mask: np.ndarray
    spacing: np.ndarray
    seen: np.ndarray | None
    base: float

    def ventricle(self, axis: Axis, shift: float) -> dict[str, Run]:
        """Septum, cavity and wall along one line: the cavity's longest stretch, and the walls next to it."""
        places, classes = self._sampled(axis, shift)
        cavity = _longest(_runs(places, classes, VENTRICLE))
        if cavity is None:
            return {}
        above = [run for run in _runs(places, classes, SEPTUM) if abs(run.stop - cavity.start) < GAP * self.base]
        below = [run for run in _runs(places, classes, OUTER_WALL) if abs(run.start - cavity.stop) < GAP * self.base]
        if not above or not below:
            return {}
        return {"lvid": cavity, "ivs": above[-1], "lvpw": below[0]}

    def root(self, axis: Axis, shift: float) -> dict[str, Run]:
        """Aortic root and atrium along one line."""
        places, classes = self._sampled(axis, shift)
        found = {"aorta": _longest(_runs(places, classes, AORTA)), "la": _longest(_runs(places, classes, ATRIUM))}
        return {name: run for name, run in found.items() if run is not None}

    def caliper(self, band: list[Run | None], axis: Axis) -> Caliper | None:
        """The median over the band, where the middle line and most others show the structure whole."""
        middle = band[len(band) // 2]
        whole = [run for run in band if run is not None and not run.cut]
        if middle is None or middle.cut or len(whole) <= len(band) // 2:
            return None
        length = float(np.median([run.stop - run.start for run in whole]))
        start, stop = ((axis.middle + t * axis.across) / self.spacing - 0.5 for t in (middle.start, middle.stop))
        return Caliper(length, (float(start[0]), float(start[1])), (float(stop[0]), float(stop[1])))

    def _sampled(self, axis: Axis, shift: float) -> tuple[np.ndarray, np.ndarray]:
        """Distances along a line, and the class there; -1 where nothing was recorded."""
        step = STEP * float(self.spacing.min())
        places = np.arange(-REACH * self.base, REACH * self.base, step)
        line = (axis.middle + shift * axis.along + places[:, None] * axis.across) / self.spacing
        x, y = np.floor(line).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < self.mask.shape[1]) & (y < self.mask.shape[0])
        if self.seen is not None:
            inside[inside] = self.seen[y[inside], x[inside]]
        classes = np.full(len(places), -1)
        classes[inside] = self.mask[y[inside], x[inside]]
        return places, classes


def _runs(places: np.ndarray, classes: np.ndarray, structure: int) -> list[Run]:
    """The stretches of a structure, in order; `cut` where one ends at what was not recorded."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (classes == structure).astype(int), [0]])))
    step = places[1] - places[0]
    near = round(EDGE_PX / STEP)
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        cut = (classes[max(0, start - near) : start] < 0).any() or (classes[stop : stop + near] < 0).any()
        found.append(Run(float(places[start]), float(places[stop - 1] + step), bool(cut)))
    return found


def _longest(runs: list[Run]) -> Run | None:
    return max(runs, key=lambda run: run.stop - run.start, default=None)
