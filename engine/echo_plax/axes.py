"""Where the callipers go in a parasternal long axis: the ventricle's axis and base, and the aortic root's, from one drawn frame.

Hinges are points of the cavity's outline: the anterior one where septum and aorta meet it, the posterior one where the
atrium and the outer wall do (the mitral annulus). The line between them is the base. The ventricle's axis halves the
directions of the septum and of the outer wall beside the callipers; the root's runs from the aortic annulus to the middle
of what is seen of the root.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, SEPTUM, VENTRICLE

COARSE = 256  # px of the longer side that outlines are followed at: directions need no more
TIPS = 0.37  # of the base, from its middle towards the apex: where the closed mitral leaflets' tips lie
SINUSES = 0.2  # of the base, from the anterior hinge along the root: the level of the sinuses of Valsalva
BESIDE = (-1.0, 0.12)  # of the base along the axis from its middle: the walls whose direction counts
NEAR = 0.05  # of the square root of the cavity's area: outlines closer than this touch
ROOT_TURN = np.radians(-30)  # of the root against the ventricle's axis, typical: what is seen of a root is often short
ANNULUS = 0.1  # of the base: the cavity's outline up to so much farther from the root than its nearest point faces the annulus
LEAST_POINTS = 8  # of an outline that have a direction


@dataclass(frozen=True)
class Axis:
    """A place and a direction, (x, y) in the unit of the spacing. along: of length 1, pointing to the picture's right."""

    middle: np.ndarray
    along: np.ndarray

    @property
    def across(self) -> np.ndarray:
        """The perpendicular that points down: from the transducer into the depth."""
        return np.array([-self.along[1], self.along[0]])


@dataclass(frozen=True)
class Axes:
    """ventricle: through the mitral leaflets' tips. root: through the sinuses; None where no aorta or atrium is drawn.

    base: distance between the hinges, in the unit of the spacing.
    """

    ventricle: Axis
    root: Axis | None
    base: float


def axes(mask: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)) -> Axes | None:
    """The axes of one labelled frame (H, W); None without a cavity, a septum or an outer wall, or a base.

    spacing: size of a pixel in x and y; the axes are in its unit.
    """
    factor = min(1.0, COARSE / max(mask.shape))
    size = (round(mask.shape[1] * factor), round(mask.shape[0] * factor))
    coarse = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    if not all((coarse == s).any() for s in (VENTRICLE, SEPTUM, OUTER_WALL)):
        return None
    scale = np.array([mask.shape[1] / size[0], mask.shape[0] / size[1]]) * spacing
    outline = _outline(coarse == VENTRICLE)
    reach = NEAR * float(np.sqrt((coarse == VENTRICLE).sum()))
    apart = {s: _distance(coarse, s, outline) for s in (SEPTUM, OUTER_WALL, ATRIUM, AORTA)}
    points = (outline + 0.5) * scale
    anterior, posterior = _anterior_hinge(points, apart), _posterior_hinge(points, apart)
    base = float(np.hypot(*(posterior - anterior)))
    walls = [points[apart[s] < reach] for s in (SEPTUM, OUTER_WALL)]
    if base < 4 * float(scale.max()) or min(map(len, walls)) < LEAST_POINTS:
        return None
    middle = (anterior + posterior) / 2
    along = _between(walls, middle, base)
    root = _root(coarse, apart[AORTA], outline, scale, anterior, base, along)
    return Axes(Axis(middle - TIPS * base * along, along), root, base)


def _between(walls: list[np.ndarray], middle: np.ndarray, base: float) -> np.ndarray:
    """The direction that halves those of the two walls: first of the whole walls, then of what lies beside the callipers."""
    along = _unit(_direction(walls[0]) + _direction(walls[1]))
    beside = []
    for wall in walls:
        place = (wall - middle) @ along / base
        near = wall[(place > BESIDE[0]) & (place < BESIDE[1])]
        beside.append(_direction(near) if len(near) >= LEAST_POINTS else along)
    return _unit(beside[0] + beside[1])


def _root(
    coarse: np.ndarray,
    apart: np.ndarray,
    outline: np.ndarray,
    scale: np.ndarray,
    anterior: np.ndarray,
    base: float,
    ventricle: np.ndarray,
) -> Axis | None:
    rows, columns = np.nonzero(coarse == AORTA)
    if len(rows) < LEAST_POINTS or not (coarse == ATRIUM).any():
        return None
    annulus = ((outline[apart < apart.min() + ANNULUS * base / scale.min()] + 0.5) * scale).mean(0)
    seen = (np.array([columns.mean(), rows.mean()]) + 0.5) * scale
    if np.hypot(*(seen - annulus)) < 2 * float(scale.max()):
        return None
    along = _unit(_unit(seen - annulus) + _turned(ventricle, ROOT_TURN))
    level = anterior @ along + SINUSES * base
    return Axis(seen + (level - seen @ along) * along, along)


def _anterior_hinge(points: np.ndarray, apart: dict[int, np.ndarray]) -> np.ndarray:
    """Where septum and aorta meet the cavity; without an aorta, the septum's basal end."""
    if np.isfinite(apart[AORTA]).all():
        return points[np.argmin(apart[SEPTUM] + apart[AORTA])]
    return _basal_end(points, apart[SEPTUM])


def _posterior_hinge(points: np.ndarray, apart: dict[int, np.ndarray]) -> np.ndarray:
    """Where atrium and outer wall meet the cavity; without an atrium, the wall's basal end."""
    if np.isfinite(apart[ATRIUM]).all():
        return points[np.argmin(apart[OUTER_WALL] + apart[ATRIUM])]
    return _basal_end(points, apart[OUTER_WALL])


def _basal_end(points: np.ndarray, apart: np.ndarray) -> np.ndarray:
    touching = points[apart <= apart.min() + 2]
    return touching[np.argmax(touching[:, 0])]


def _outline(inside: np.ndarray) -> np.ndarray:
    """(n, 2) (x, y) pixels along the largest piece's outer edge."""
    found, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(found, key=len)[:, 0]


def _distance(mask: np.ndarray, structure: int, points: np.ndarray) -> np.ndarray:
    """(n,) px from each point to the structure; infinite where it is not drawn."""
    elsewhere = (mask != structure).astype(np.uint8)
    if elsewhere.all():
        return np.full(len(points), np.inf)
    return cv2.distanceTransform(elsewhere, cv2.DIST_L2, 3)[points[:, 1], points[:, 0]]


def _direction(points: np.ndarray) -> np.ndarray:
    """The direction in which points lie (first principal component), pointing right."""
    found = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][0]
    return found if found[0] >= 0 else -found


def _turned(vector: np.ndarray, angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ vector


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.hypot(*vector)), 1e-9)
