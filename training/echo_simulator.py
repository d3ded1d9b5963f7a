"""Draws an apical four-chamber echo recording of a beating heart, for the app's example and for tests: no patient's.

Chambers are ellipses cut at the valve plane; tissue is speckle (Rayleigh, blurred in depth and breadth as a beam does)
that gets coarser and darker with depth. What the ejection fraction is follows from the drawn cavity alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIZE = (300, 360)  # rows, columns, px
APEX_OF_SECTOR = (180.0, 6.0)  # (x, y) px
HALF_ANGLE = 0.72  # rad
DEPTH = 288.0  # px
VALVE_ROW = 168.0  # px, at end-diastole
LV = (205.0, 32.0, 118.0)  # (centre column, half breadth, length above the valves), px, at end-diastole
WALL = 13.0  # px


@dataclass(frozen=True)
class EchoScene:
    """ejection_fraction: %, of the drawn cavity as a body of revolution. rate_hz: frames per second. heart_rate: per minute."""

    ejection_fraction: float = 58.0
    heart_rate: float = 72.0
    rate_hz: float = 40.0
    seconds: float = 2.2
    seed: int = 5


def simulate(scene: EchoScene) -> tuple[np.ndarray, np.ndarray]:
    """(T, H, W) uint8 frames and (T,) cavity volume as a share of the end-diastolic one."""
    rng = np.random.default_rng(scene.seed)
    grain = _grain(rng)
    time = np.arange(round(scene.seconds * scene.rate_hz)) / scene.rate_hz
    phase = (time * scene.heart_rate / 60 + 0.85) % 1.0
    contraction = np.where(
        phase < 0.38, np.sin(np.pi / 2 * phase / 0.38) ** 2, np.cos(np.pi / 2 * (phase - 0.38) / 0.62) ** 2
    )
    breadth, length = _shrinkage(scene.ejection_fraction)
    frames = [_frame(c, breadth, length, grain, rng) for c in contraction]
    shares = (1 - (1 - breadth) * contraction) ** 2 * (1 - (1 - length) * contraction)
    return np.stack(frames), shares


def _shrinkage(ejection_fraction: float) -> tuple[float, float]:
    """(breadth, length) at end-systole as shares: breadth^2 x length = 1 - EF, the length by a quarter of what breadth does."""
    left = 1 - ejection_fraction / 100
    candidates = np.linspace(0.2, 1, 2001)
    lengths = 1 - 0.4 * (1 - candidates)
    best = int(np.argmin(np.abs(candidates**2 * lengths - left)))
    return float(candidates[best]), float(lengths[best])


def _grain(rng: np.random.Generator) -> np.ndarray:
    """(H, W) speckle around 1."""
    real, imaginary = (cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), sigmaX=1.9, sigmaY=0.9) for _ in range(2))
    amplitude = np.hypot(real, imaginary)
    return amplitude / amplitude.mean()


def _frame(
    contraction: float, breadth: float, length: float, grain: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    narrow = 1 - (1 - breadth) * contraction
    short = 1 - (1 - length) * contraction
    column, half, tall = LV
    valve = VALVE_ROW - (1 - short) * tall * 0.8
    apex = valve - tall * short
    echo = np.full(SIZE, 0.16)
    outer = _chamber(x, y, column, half * narrow + WALL * (1 + 0.35 * contraction), valve, apex - WALL)
    echo[outer] = 0.62
    right = _chamber(x, y, column - 74, 31 * (1 - 0.15 * contraction) + 8, valve, apex + 26)
    echo[right & ~outer] = 0.5
    cavities = _chamber(x, y, column, half * narrow, valve, apex)
    cavities |= _chamber(x, y, column - 74, 29 * (1 - 0.15 * contraction), valve, apex + 36) & ~outer
    for middle, wide in ((column + 2, 33.0), (column - 72, 33.0)):
        grown = 1 + 0.15 * contraction
        atrium = ((x - middle) / (wide * grown)) ** 2 + ((y - valve - 4 - 36 * grown) / (36 * grown)) ** 2
        echo[(atrium < 1.45) & (atrium >= 1) & (y > valve)] = 0.55
        cavities |= (atrium < 1) & (y > valve + 4)
    echo[cavities] = 0.035
    echo[(np.abs(y - valve - 1) < 3) & (np.abs(x - column + 36) < 90)] = 0.55  # the valves
    return _beam(echo, x, y, grain, rng)


def _chamber(x: np.ndarray, y: np.ndarray, column: float, half: float, valve: float, apex: float) -> np.ndarray:
    """Half an ellipsoid above the valve plane."""
    return (((x - column) / half) ** 2 + ((y - valve) / (apex - valve)) ** 2 < 1) & (y <= valve)


def _beam(echo: np.ndarray, x: np.ndarray, y: np.ndarray, grain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, speckle, attenuation, electronic noise, and the sector's edge."""
    depth = np.hypot(x - APEX_OF_SECTOR[0], y - APEX_OF_SECTOR[1])
    angle = np.arctan2(x - APEX_OF_SECTOR[0], y - APEX_OF_SECTOR[1])
    soft = cv2.GaussianBlur(echo, (0, 0), sigmaX=2.0, sigmaY=1.0)
    picture = soft * grain * np.exp(-0.0018 * depth) * (1 + 0.08 * rng.normal(0, 1, SIZE))
    picture = 0.42 * np.log1p(14 * np.clip(picture, 0, None))
    picture[(np.abs(angle) > HALF_ANGLE) | (depth > DEPTH) | (depth < 8)] = 0
    return np.clip(255 * picture, 0, 255).astype(np.uint8)
