"""Another patient, another machine: geometry, sector, gain, resolution, haze, shadow and speckle at random.

Never mirrored: on which side the aorta lies is what a long axis is told by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Spread:
    """How far the geometry is thrown. turn: degrees; zoom, stretch: logarithms; shift, bend: shares of the side."""

    turn: float = 14.0
    zoom: float = 0.21
    stretch: float = 0.12
    shift: float = 0.09
    bend: float = 0.022


PLAX = Spread()
ANY = Spread(turn=25.0, zoom=0.25, shift=0.15)


@dataclass(frozen=True)
class Style:
    """floor: grey of what is black inside the sector (`engine.echo_plax.segmentation.lifted`).

    varied: other hearts as well, walls and chambers of another size and another echo.
    """

    floor: int = 0
    varied: bool = False


PLAIN = Style()
BULGES, BULGE, BULGE_REACH = (
    3,
    0.22,
    (0.06, 0.2),
)  # how many, their strength (deviation), their size in shares of the side
ECHO, ECHO_ADDED = 0.35, 0.07  # a tissue's brightness: logarithm, and what is added, deviations


def augment(
    frame: np.ndarray,
    mask: np.ndarray,
    side: int,
    rng: np.random.Generator,
    spread: Spread = PLAX,
    sector: np.ndarray | None = None,
    style: Style = PLAIN,
) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) uint8 grey and classes -> (side, side) float32 0..1 and uint8. sector: (S, S) bool; None: the whole square."""
    bulged = _bulges(mask, rng) if style.varied else []
    columns, rows = _warp(frame.shape[0], side, rng, spread, bulged)
    image = cv2.remap(frame, columns, rows, cv2.INTER_LINEAR).astype(np.float32) / 255
    classes = cv2.remap(mask, columns, rows, cv2.INTER_NEAREST)
    seen = _seen(side, rng)
    if sector is not None:
        seen = seen * cv2.remap(sector.astype(np.uint8), columns, rows, cv2.INTER_NEAREST)
    if style.varied and rng.random() < 0.6:
        image = other_echo(image, classes, rng)
    lowest = style.floor / 255
    return (lowest + (1 - lowest) * grey(image * seen, rng)) * seen, classes * seen.astype(np.uint8)


def other_echo(image: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(S, S) float32 grey whose tissues and cavities are each a little brighter, darker or hazier. classes: (S, S) uint8."""
    side = len(image)
    table = np.exp(rng.normal(0, ECHO, 256)).astype(np.float32), rng.normal(0, ECHO_ADDED, 256).astype(np.float32)
    soft = side / 160 * rng.uniform(1.0, 4.0)
    gain, added = (cv2.GaussianBlur(values[classes], (0, 0), soft) for values in table)
    haze = np.maximum(added, 0) * (0.7 + 0.3 * _speckle(side, rng))
    return (image * gain + haze * (image > 0)).astype(np.float32)


def _bulges(mask: np.ndarray, rng: np.random.Generator) -> list[tuple[np.ndarray, float, float]]:
    """Places (x, y in shares of the side, from the middle) on structures, each with a strength and a reach."""
    places = np.argwhere((mask[::4, ::4] > 0) & (mask[::4, ::4] < 7))
    if not len(places) or rng.random() < 0.3:
        return []
    chosen = places[rng.integers(len(places), size=rng.integers(1, BULGES + 1))]
    return [
        (
            4 * place[::-1] / len(mask) - 0.5,
            float(np.clip(rng.normal(0, BULGE), -0.45, 0.45)),
            rng.uniform(*BULGE_REACH),
        )
        for place in chosen
    ]


def _warp(
    before: int,
    side: int,
    rng: np.random.Generator,
    spread: Spread,
    bulges: Sequence[tuple[np.ndarray, float, float]] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Where each of the (side, side) pixels comes from: column and row, float32."""
    turn = np.deg2rad(np.clip(rng.normal(0, spread.turn), -38, 38))
    zoom, stretch = np.exp(rng.normal(0, spread.zoom)), np.exp(rng.normal(0, spread.stretch))
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = linear @ np.array([[1, rng.normal(0, 0.08)], [0, 1]]) @ np.diag([stretch, 1 / stretch]) / zoom
    y, x = np.mgrid[-0.5 : 0.5 : side * 1j, -0.5 : 0.5 : side * 1j]
    place = np.einsum("ij,jhw->ihw", linear, np.stack([x, y])) + rng.normal(0, spread.shift, 2)[:, None, None]
    if rng.random() < 0.6:
        size = int(rng.integers(4, 8))
        bend = [
            cv2.resize(rng.normal(0, spread.bend, (size, size)), (side, side), interpolation=cv2.INTER_CUBIC)
            for _ in "xy"
        ]
        place = place + np.stack(bend)
    for centre, strength, reach in bulges:
        away = place - centre[:, None, None]
        place = place + away * (strength * np.exp(-(away**2).sum(0) / (2 * reach**2)))
    columns, rows = ((place + 0.5) * (before - 1)).astype(np.float32)
    return columns, rows


def _seen(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side) float32 of 0 and 1: another sector, or a picture cut at its edges."""
    seen = np.ones((side, side), np.float32)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    if rng.random() < 0.4:
        down, across = y - rng.uniform(-0.15, 0.06), x - rng.normal(0.5, 0.06)
        seen[np.abs(np.arctan2(across, down) - rng.normal(0, 0.05)) > rng.uniform(0.55, 0.9)] = 0
        seen[np.hypot(across, down) > rng.uniform(0.8, 1.25)] = 0
    if rng.random() < 0.4:
        left, right, bottom = rng.uniform(-0.12, 0.18, 3)
        seen[(x < left) | (x > 1 - right) | (y > 1 - bottom)] = 0
    return seen


def grey(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(S, S) float32 0..1 as another machine shows it."""
    side = len(image)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    if rng.random() < 0.4:  # coarser in breadth than in depth, as a beam is
        wide, tall = int(side * rng.uniform(0.35, 0.9)), int(side * rng.uniform(0.5, 1.0))
        image = cv2.resize(cv2.resize(image, (wide, tall), interpolation=cv2.INTER_AREA), (side, side))
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.15:  # edges enhanced
        image = image + rng.uniform(0.3, 1.2) * (image - cv2.GaussianBlur(image, (0, 0), 2.0))
    image = np.clip(image, 0, 1) ** np.exp(rng.normal(0, 0.4)) * np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.2:  # weak echoes rejected
        low = rng.uniform(0.02, 0.15)
        image = np.clip(image - low, 0, 1) / (1 - low)
    if rng.random() < 0.6:  # gain by depth and breadth
        image = image * np.clip(1 + rng.normal(0, 0.5) * (y - 0.5) * 2 + rng.normal(0, 0.35) * (x - 0.5) * 2, 0.1, 2.2)
    if rng.random() < 0.3:  # shadows behind ribs and air
        angle = np.arctan2(x - 0.5, y + 0.05)
        depth = rng.uniform(0.2, 0.9) * (y > rng.uniform(0, 0.4))
        image = image * (1 - depth * np.exp(-(((angle - rng.uniform(-0.7, 0.7)) / rng.uniform(0.05, 0.2)) ** 2)))
    if rng.random() < 0.3:  # haze
        where = np.exp(-(((x - rng.uniform(0.1, 0.9)) ** 2 + (y - rng.uniform(0, 0.7)) ** 2) / rng.uniform(0.01, 0.12)))
        image = image + rng.uniform(0.05, 0.35) * where * (0.7 + 0.3 * _speckle(side, rng))
    if rng.random() < 0.5:
        image = image * (1 + rng.uniform(0, 0.45) * _speckle(side, rng))
    if rng.random() < 0.2:
        image = image + rng.uniform(0, 0.06) * rng.standard_normal((side, side), np.float32)
    return np.clip(image, 0, 1).astype(np.float32)


def _speckle(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side) noise of deviation 1, longer across than along the beam."""
    noise = rng.standard_normal((side, side), np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), sigmaX=rng.uniform(0.5, 2.0), sigmaY=rng.uniform(0.4, 1.0))
    return blurred / blurred.std()
