"""Draws a parasternal long-axis recording of a beating heart with known sizes, for the app's example, tests and training.

No patient's. In the heart's own plane, in mm: the origin is where aorta and mitral valve meet, x runs from apex to base,
y from the right ventricle to the outer wall. The left ventricle is half an ellipse behind its widest place, where the mitral
leaflets end and the sizes are measured. Tissue is speckle: scatterers blurred in beam space and scan-converted (Bamber and
Dickinson 1980), darker with depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engine.echo_plax.anatomy import AORTA, ATRIUM, OUTER_WALL, RIGHT_VENTRICLE, SEPTUM, VENTRICLE

TIPS = -20.0  # mm: x of the mitral tips, where the ventricle is widest
DESCENT = 9.0  # mm that the base moves towards the apex in systole
SYSTOLE = 0.38  # of a beat


@dataclass(frozen=True)
class PlaxScene:
    """Sizes in mm at end-diastole (d) and end-systole (s). tilt: degrees that the apex lies deeper than the base is below 0.

    origin: (x, y) mm of the heart's origin from the transducer. gain: of the machine; blood, muscle: echo, 0..1.
    """

    lvid_d: float = 48.0
    lvid_s: float = 31.0
    ivs_d: float = 9.0
    lvpw_d: float = 9.0
    la: float = 36.0
    aorta: float = 31.0
    rv: float = 25.0
    length: float = 84.0
    tilt: float = -12.0
    origin: tuple[float, float] = (22.0, 75.0)
    half_angle: float = 0.72  # rad
    depth: float = 142.0  # mm
    mm_per_px: float = 0.5
    size: tuple[int, int] = (300, 400)  # rows, columns
    heart_rate: float = 70.0
    rate_hz: float = 30.0
    seconds: float = 2.6
    gain: float = 1.0
    blood: float = 0.02
    muscle: float = 0.5
    chest: float = 14.0  # mm of chest wall in front of the heart
    grain: float = 1.0  # size of the speckle
    seed: int = 6


@dataclass(frozen=True)
class Phase:
    """contraction: 0 at end-diastole, 1 at end-systole. mitral, aortic: how far the valves are open, 0..1."""

    contraction: float
    mitral: float
    aortic: float


def simulate(scene: PlaxScene) -> tuple[np.ndarray, np.ndarray]:
    """(T, H, W) uint8 frames and their (T, H, W) uint8 class numbers, from mid-diastole on."""
    rng = np.random.default_rng(scene.seed)
    beats = np.arange(round(scene.seconds * scene.rate_hz)) / scene.rate_hz * scene.heart_rate / 60 + 0.75
    grain = speckle(scene, rng)
    pairs = [frame(scene, phase_at(beat % 1.0), grain, rng) for beat in beats]
    return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])


def random_scene(rng: np.random.Generator) -> PlaxScene:
    """Another heart on another machine: sick ones, odd angles and poor pictures among them."""
    lvid = float(np.clip(rng.normal(47, 9), 28, 75))
    ivs, wall = np.clip(np.exp(rng.normal(np.log(10), 0.3, 2)), 5, 24)
    la, aorta, rv = (float(rng.uniform(*span)) for span in ((22, 58), (22, 42), (12, 42)))
    mm_per_px = float(rng.uniform(0.42, 0.62))
    return PlaxScene(
        lvid_d=lvid,
        lvid_s=lvid * float(rng.uniform(0.45, 0.95)),
        ivs_d=float(ivs),
        lvpw_d=float(wall),
        la=la,
        aorta=aorta,
        rv=rv,
        length=float(rng.uniform(60, 105)),
        tilt=float(np.clip(rng.normal(-10, 11), -38, 18)),
        origin=(float(rng.uniform(0, 35)), float(rng.uniform(48, 64) + 0.5 * rv)),
        half_angle=float(rng.uniform(0.55, 0.85)),
        depth=float(rng.uniform(250, 300) * mm_per_px),
        mm_per_px=mm_per_px,
        size=(300, 320),
        gain=float(np.exp(rng.normal(0, 0.5))),
        blood=float(rng.choice([0.005, 0.02, 0.06]) * rng.uniform(0.5, 2)),
        muscle=float(rng.uniform(0.12, 0.7)),
        chest=float(rng.uniform(6, 22)),
        grain=float(rng.uniform(0.7, 1.8)),
    )


def phase_at(beat: float) -> Phase:
    """The heart at a share of its beat, 0 being the beginning of contraction."""
    if beat < SYSTOLE:
        share = beat / SYSTOLE
        return Phase(float(np.sin(np.pi / 2 * share) ** 2), 0.0, float(np.clip(np.sin(np.pi * share) * 2, 0, 1)))
    share = (beat - SYSTOLE) / (1 - SYSTOLE)
    early, late = np.exp(-(((share - 0.25) / 0.14) ** 2)), 0.7 * np.exp(-(((share - 0.85) / 0.08) ** 2))
    return Phase(float(np.cos(np.pi / 2 * min(1.0, share * 1.4)) ** 2), float(max(early, late)), 0.0)


def frame(scene: PlaxScene, phase: Phase, grain: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) uint8 picture and class numbers of one moment. grain: of `speckle`."""
    x, y = heart_plane(scene)
    mask, echo = anatomy(scene, phase, x, y)
    depth, angle = _beam(scene)
    chest = depth < scene.chest
    echo[chest], mask[chest] = 0.3 * scene.muscle + 0.1, 0
    mask[_outside(scene, depth, angle)] = 0
    return picture_of(scene, echo, grain, rng), mask


def picture_of(scene: PlaxScene, echo: np.ndarray, grain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W) uint8 as the machine shows the echoes (H, W): blurred by the beam, speckled, darker with depth, in its sector."""
    depth, angle = _beam(scene)
    soft = cv2.GaussianBlur(echo, (0, 0), sigmaX=1.4 / scene.mm_per_px, sigmaY=0.5 / scene.mm_per_px)
    noise = 0.012 * rng.rayleigh(1.0, soft.shape)
    amplitude = scene.gain * (soft * grain * np.exp(-0.004 * depth) + noise * depth / scene.depth)
    picture = np.clip(0.42 * np.log1p(14 * amplitude), 0, 1)
    picture[_outside(scene, depth, angle)] = 0
    return (255 * picture).astype(np.uint8)


def _beam(scene: PlaxScene) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) each: depth in mm and angle in rad of every pixel."""
    across, down = _from_transducer(scene)
    return np.hypot(across, down), np.arctan2(across, down)


def _outside(scene: PlaxScene, depth: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return (np.abs(angle) > scene.half_angle) | (depth > scene.depth) | (depth < 4)


def heart_plane(scene: PlaxScene) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) each: where every pixel lies in the heart's own plane, mm."""
    across, down = _from_transducer(scene)
    turn = np.deg2rad(scene.tilt)
    right, below = across - scene.origin[0], down - scene.origin[1]
    return right * np.cos(turn) + below * np.sin(turn), below * np.cos(turn) - right * np.sin(turn)


def anatomy(scene: PlaxScene, phase: Phase, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class numbers (uint8) and echo (float, 0..1) at places of the heart's plane."""
    c = phase.contraction
    x = x + DESCENT * c  # the base has moved towards the apex
    lvid = scene.lvid_d + (scene.lvid_s - scene.lvid_d) * c
    thicker = 1 + 0.45 * c
    ivs, wall = scene.ivs_d * thicker, scene.lvpw_d * thicker
    length = scene.length - 0.6 * DESCENT * c
    breadth = _breadth(x, length)
    upper = -0.88 * scene.aorta * 0.72 - 0.35 * lvid * (breadth - 1) - 0.1 * c * lvid * (breadth - 1)
    lower = upper + lvid * breadth
    in_length = (x > TIPS - length) & (x < 4)
    root_x, root_y = _root(scene, x, y)
    in_root = (root_x > 0) & (root_x < 1.5 * scene.aorta) & (np.abs(root_y) < _root_half(scene, root_x))
    root_wall = (
        (root_x > 0) & (root_x < 1.6 * scene.aorta) & (np.abs(root_y) < _root_half(scene, root_x) + 2.2) & ~in_root
    )
    mitral = -4 - 0.12 * y + 4 * np.cos(np.clip(y / 14, -1.5, 1.5))  # the closed leaflets' line
    ventricle = in_length & (y > upper) & (y < lower) & ~in_root & ~root_wall & ((x < mitral) | (y < 0))
    septum = in_length & (y <= upper) & (y > upper - ivs * np.clip(breadth + 0.1, 0.3, 1)) & ~in_root & ~root_wall
    outer = in_length & (y >= lower) & (y < lower + wall * np.clip(breadth + 0.1, 0.3, 1)) & (x < -3)
    grown = 1 + 0.14 * (c - 0.3)
    atrium = _within(x - 22, y - 2 - 0.5 * scene.la * grown, 27 * grown, 0.5 * scene.la * grown)
    atrium &= (x > mitral + 2) & ~in_root & ~root_wall & ~ventricle & ~outer
    above = upper - ivs
    free = _within(x + 14, y - (above - 0.35 * scene.rv), 44, scene.rv * (0.75 - 0.12 * c))
    right = free & (y < above - 1.5) & ~in_root & ~root_wall & ~septum
    echo = np.full(x.shape, 0.16)
    echo[_within(x + 14, y - (above - 0.35 * scene.rv), 50, scene.rv * (0.75 - 0.12 * c) + 5)] = 0.6 * scene.muscle
    behind = in_length & (y >= lower + wall) | (y > 0.5 * scene.la * grown + 24)
    echo[behind] = 0.3
    echo[in_length & (np.abs(y - lower - wall - 1.5) < 1.5)] = 1.6 * scene.muscle + 0.3  # pericardium
    echo[septum | outer] = scene.muscle
    echo[
        _within(x - 22, y - 2 - 0.5 * scene.la * grown, 30 * grown, 0.5 * scene.la * grown + 3) & ~ventricle & ~outer
    ] = scene.muscle
    echo[root_wall] = scene.muscle * 1.3
    mask = np.zeros(x.shape, np.uint8)
    drawn = {
        ATRIUM: atrium, RIGHT_VENTRICLE: right, OUTER_WALL: outer, SEPTUM: septum, VENTRICLE: ventricle, AORTA: in_root
    }  # fmt: skip
    for number, inside in drawn.items():
        mask[inside] = number
    echo[np.isin(mask, (ATRIUM, RIGHT_VENTRICLE, VENTRICLE, AORTA))] = scene.blood
    echo[_leaflets(phase, lower, x, y, root_x, root_y, scene) & ~septum & ~outer] = scene.muscle * 1.2
    return mask, echo


def speckle(scene: PlaxScene, rng: np.random.Generator) -> np.ndarray:
    """(H, W) speckle around 1: noise blurred along and across the beams, then scan-converted."""
    rays, samples = 220, 620
    blurred = [
        cv2.GaussianBlur(rng.normal(0, 1, (samples, rays)), (0, 0), sigmaX=1.5 * scene.grain, sigmaY=1.6 * scene.grain)
        for _ in range(2)
    ]
    amplitude = np.hypot(*blurred)
    depth, angle = _beam(scene)
    ray = (angle / scene.half_angle + 1) / 2 * (rays - 1)
    sample = depth / scene.depth * (samples - 1)
    drawn = cv2.remap(amplitude, ray.astype(np.float32), sample.astype(np.float32), cv2.INTER_LINEAR)
    return drawn / amplitude.mean()


def _from_transducer(scene: PlaxScene) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) mm to the right of and below the transducer, which sits at the middle of the top."""
    rows, columns = np.mgrid[: scene.size[0], : scene.size[1]].astype(np.float32)
    return (columns - scene.size[1] / 2) * scene.mm_per_px, (rows - 6) * scene.mm_per_px


def _breadth(x: np.ndarray, length: float) -> np.ndarray:
    """The ventricle's breadth at x as a share of that at the tips: an ellipse towards the apex, a little narrower at the base."""
    behind = np.sqrt(np.clip(1 - ((x - TIPS) / length) ** 2, 0, 1))
    return np.where(x < TIPS, behind, 1 - 0.12 * ((x - TIPS) / TIPS) ** 2)


def _root(scene: PlaxScene, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Along and across the aortic root, mm; its hinge with the mitral valve is the origin."""
    turn = np.deg2rad(-14.0)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return along, across + 0.5 * 0.85 * scene.aorta


def _root_half(scene: PlaxScene, along: np.ndarray) -> np.ndarray:
    """Half the root's inner diameter: annulus, sinuses (the stated size), then the ascending aorta."""
    sinus = np.exp(-(((along - 0.45 * scene.aorta) / (0.3 * scene.aorta)) ** 2))
    return scene.aorta * (0.41 + 0.09 * sinus)


def _leaflets(
    phase: Phase,
    lower: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    root_x: np.ndarray,
    root_y: np.ndarray,
    scene: PlaxScene,
) -> np.ndarray:
    """(H, W) bool: mitral leaflets from the hinge and from the annulus to their tips, and the aortic cusps."""
    annulus = float(np.median(lower[np.abs(x) < 2])) if (np.abs(x) < 2).any() else 22.0
    tip = np.array([TIPS * 0.75, 0.5 * annulus])
    front = tip + phase.mitral * np.array([-1.0, -0.45 * annulus])
    back = tip + phase.mitral * np.array([2.0, 0.3 * annulus])
    found = _stroke(x, y, (0.0, 1.0), front, 1.1) | _stroke(x, y, (-3.0, annulus), back, 1.1)
    middle = 0.36 * scene.aorta * phase.aortic
    cusps = (np.abs(np.abs(root_y) - middle) < 0.9) & (root_x > 1) & (root_x < 0.42 * scene.aorta)
    return found | cusps


def _stroke(x: np.ndarray, y: np.ndarray, start: tuple[float, float], end: np.ndarray, half: float) -> np.ndarray:
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - start[0] - along * dx, y - start[1] - along * dy) < half


def _within(x: np.ndarray, y: np.ndarray, half_length: float, half_height: float) -> np.ndarray:
    return (x / half_length) ** 2 + (y / half_height) ** 2 < 1
