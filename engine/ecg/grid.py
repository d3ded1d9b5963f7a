"""The grid of ECG paper on a photo: where its lines run and how far apart they are, in every part of the picture.

A ruled grid is two gratings. Tile by tile, the Fourier spectrum holds each grating as a comb of peaks; the combs of all tiles
give one pitch and two directions, then each tile its own pitch and direction, which a perspective has to explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TILE_PX = 192
STEP_PX = 128
SPECTRUM = 512  # zero-padded tile, so that a peak is wider than a sample
ANGLE_STEP = 1.5
ANGLES = np.arange(0.0, 180.0, ANGLE_STEP)  # degrees, direction of a grating's wave vector
RADII = np.geomspace(0.009, 0.45, 260)  # cycles per px
FAMILY_DEG = 16  # how far a tile's lines may turn from the picture's main directions
SCALE_SPREAD = 0.17  # how far a tile's pitch may differ from the picture's, as a share
PITCH_PX = {1.0: (3.4, 20.0), 5.0: (14.0, 90.0)}  # distances of lines looked for, by what they are in mm
FEW_TEETH = {1.0: 2, 5.0: 6}
MIN_HEIGHT = 0.25  # log height of a comb's teeth over its gaps, below which there is no grid
TREND = 0.25  # natural logarithm of the frequency: what changes slower than this is no tooth
RESOLVED_PX = 22.0  # wider lines are too few in a tile for a tooth of their own
TEETH = 10
EXPLAINED = 0.03  # of the wave number: how far a tile may be from the projection
BENT, BENT_SHARE = 0.09, 0.08  # of the wave number, by which so many tiles are off a projection where the paper is bent
SURE_TILE = 0.3  # weight of a tile that has a say in this
BEND_DEGREE, BEND_STEPS, BEND_RIDGE = 9, 8, 1e-5  # of the polynomial that says how
SHEET_MM = 270.0  # typical long side of what a picture of an ECG shows
SHEET_WEIGHT = 0.7  # how much its logarithm counts against the share of a comb that stands out


@dataclass(frozen=True)
class LocalGrid:
    """What the tiles show, of the lines counted along x (axis 0, upright ones) and along y (axis 1).

    centre: (n, 2) px. waves: (n, 2 axes, 2) lines per px as a vector (x, y) across the lines. weight: (n, 2), 0..1: how clear.
    pitch_px: typical distance of the lines, which is unit_mm (1 or 5) on paper.
    height: how far the comb rises over its gaps (log amplitude).
    """

    centre: np.ndarray
    waves: np.ndarray
    weight: np.ndarray
    pitch_px: float
    unit_mm: float
    height: float


def line_image(rgb: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """(H, W) float32: how much darker or more coloured than its surroundings a pixel is, the ink of traces and text left out.

    rgb: (H, W, 3) uint8. ink: (H, W) 0..1. Flat light and shadows cancel, since only the ratio to the surroundings counts.
    """
    import cv2

    logs = np.log(rgb.astype(np.float32) + 8.0).mean(axis=2)
    detail = cv2.GaussianBlur(logs, (0, 0), 6.0) - logs
    spread = np.sqrt(cv2.GaussianBlur(np.clip(detail, -0.25, 0.25) ** 2, (0, 0), 25.0)) + 0.01
    keep = 1.0 - cv2.dilate(ink, np.ones((3, 3), np.uint8))
    return (np.clip(detail / spread, -3, 3) * np.clip(keep, 0, 1)).astype(np.float32)


def local_grid(lines: np.ndarray) -> LocalGrid | None:
    """The grid in every tile of a line image; None where no grid stands out."""
    tiles, centre = _tiles(lines)
    polar = _polar_spectra(tiles)  # (n, angles, radii)
    level = np.median(polar, axis=(1, 2), keepdims=True) + 1e-9
    logs = np.log(polar / level + 0.3)
    main = _main_direction(logs)
    family = [_profiles(logs, main + turn) for turn in (0.0, 90.0)]  # each (profile (n, radii), angle (n, radii))
    return _combs(centre, family, max(lines.shape))


def _tiles(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = lines.shape
    ys = _starts(height)
    xs = _starts(width)
    window = np.hanning(TILE_PX + 2)[1:-1]
    window = np.outer(window, window).astype(np.float32)
    padded = np.pad(lines, ((0, max(0, TILE_PX - height)), (0, max(0, TILE_PX - width))))
    tiles, centre = [], []
    for y in ys:
        for x in xs:
            tile = padded[y : y + TILE_PX, x : x + TILE_PX]
            tiles.append((tile - tile.mean()) * window)
            centre.append((x + TILE_PX / 2, y + TILE_PX / 2))
    return np.stack(tiles), np.array(centre)


def _starts(length: int) -> np.ndarray:
    last = max(0, length - TILE_PX)
    return np.unique(np.linspace(0, last, 1 + int(np.ceil(last / STEP_PX))).round().astype(int))


def _polar_spectra(tiles: np.ndarray) -> np.ndarray:
    """(n, len(ANGLES), len(RADII)) amplitude of each tile's spectrum, along rays from the origin."""
    import cv2
    from scipy import fft

    turn = np.deg2rad(ANGLES)[:, None]
    half = SPECTRUM // 2
    # rfft2 holds fx >= 0; a ray with negative fx is read at the opposite point
    fx, fy = np.cos(turn) * RADII * SPECTRUM, np.sin(turn) * RADII * SPECTRUM
    flip = fx < 0
    fx, fy = np.where(flip, -fx, fx), np.where(flip, -fy, fy)
    map_x, map_y = fx.astype(np.float32), (fy + half).astype(np.float32)
    out = np.empty((len(tiles), *map_x.shape), np.float32)
    for k, tile in enumerate(tiles):
        spectrum = np.abs(fft.rfft2(tile, (SPECTRUM, SPECTRUM), workers=1)).astype(np.float32)
        spectrum = np.roll(spectrum, half, axis=0)
        out[k] = cv2.remap(spectrum, map_x, map_y, cv2.INTER_LINEAR)
    return out


def _main_direction(logs: np.ndarray) -> float:
    """The angle in [-45, 45) near which (and near 90 degrees from which) the tiles have their sharpest peaks."""
    from scipy import ndimage

    sharp = np.clip(logs - logs.mean(axis=1, keepdims=True), 0, None) ** 2
    by_angle = np.partition(sharp, -12, axis=2)[:, :, -12:].sum(axis=(0, 2))
    quarter = len(ANGLES) // 2
    folded = ndimage.gaussian_filter1d(by_angle[:quarter] + by_angle[quarter:], 3.0 / ANGLE_STEP, mode="wrap")
    angle = float(ANGLES[int(folded.argmax())])
    return angle if angle < 45 else angle - 90


def _profiles(logs: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Of each tile and radius: the largest value within FAMILY_DEG of the angle over the typical one, and where it is."""
    reach = int(FAMILY_DEG / ANGLE_STEP)
    near = round(angle / ANGLE_STEP) + np.arange(-reach, reach + 1)
    ray = logs[:, near % len(ANGLES)]
    return ray.max(axis=1) - np.median(logs, axis=1), near[ray.argmax(axis=1)] * ANGLE_STEP


def _tooth(profile: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """The profile at some frequencies, nan outside the band."""
    return np.interp(np.log(frequency), np.log(RADII), profile, left=np.nan, right=np.nan)


def _teeth(profile: np.ndarray, frequency: float, count: int) -> np.ndarray:
    """How far the profile rises at 1..count times a frequency over the gaps on both sides; nan outside the band."""
    k = np.arange(1, count + 1)
    slack = np.linspace(0.985, 1.015, 5)
    peak = _tooth(profile, np.outer(slack, k * frequency)).max(axis=0)
    return peak - (_tooth(profile, (k - 0.5) * frequency) + _tooth(profile, (k + 0.5) * frequency)) / 2


def common_pitch(profile: np.ndarray, long_side_px: float) -> tuple[float, float, float]:
    """The distance in px of the lines to count, how many mm that is (1 or 5), and the mean height of their comb.

    Every pitch is tried as that of 1 mm lines (first two teeth) and of 5 mm lines (more teeth). The combs that stand out most
    win, among equals the one that makes the picture's long side closest to a sheet's: lines of one kind only can be either.
    """
    from scipy import ndimage

    profile = profile - ndimage.gaussian_filter1d(profile, TREND / np.log(RADII[1] / RADII[0]), mode="nearest")
    choices = [(px, mm) for mm, (low, high) in PITCH_PX.items() for px in np.geomspace(low, high, 400)]
    heights = np.array([_comb_height(profile, px, mm) for px, mm in choices])
    far = np.array([abs(np.log(long_side_px / px * mm / SHEET_MM)) for px, mm in choices])
    best = int((heights / max(heights.max(), 1e-9) - SHEET_WEIGHT * far).argmax())
    return choices[best][0], choices[best][1], float(heights[best])


def _comb_height(profile: np.ndarray, pitch_px: float, unit_mm: float) -> float:
    teeth = _teeth(profile, 1 / pitch_px, FEW_TEETH[unit_mm])
    resolved = pitch_px / np.arange(1, len(teeth) + 1) < RESOLVED_PX
    return _mean(teeth[resolved])


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _combs(centre: np.ndarray, family: list[tuple[np.ndarray, np.ndarray]], long_side_px: float) -> LocalGrid | None:
    """One pitch for the picture, then one pitch and angle per tile and family."""
    mean = sum(profile.mean(axis=0) for profile, _ in family) / 2
    pitch, unit, height = common_pitch(mean, long_side_px)
    if height < MIN_HEIGHT:
        return None
    waves = np.zeros((len(centre), 2, 2))
    weight = np.zeros((len(centre), 2))
    for axis, (profile, angle) in enumerate(family):
        strength = np.nan_to_num(np.clip(_teeth(profile.mean(axis=0), 1 / pitch, TEETH), 0, None))
        for k in range(len(centre)):
            waves[k, axis], weight[k, axis] = _tile_wave(profile[k], angle[k], 1 / pitch, strength)
    return LocalGrid(centre, waves, weight, pitch, unit, height)


def _tile_wave(
    profile: np.ndarray, angle: np.ndarray, frequency: float, strength: np.ndarray
) -> tuple[np.ndarray, float]:
    """The wave vector of one tile's comb, and how clear the comb is (0: not at all, 1: as in the whole picture)."""
    k = np.arange(1, TEETH + 1)
    trial = frequency * np.linspace(1 - SCALE_SPREAD, 1 + SCALE_SPREAD, 161)
    height = np.nan_to_num(_tooth(profile, np.outer(trial, k)) - np.median(profile)) @ strength
    best = trial[int(height.argmax())]
    at = np.clip(np.searchsorted(RADII, best * k), 0, len(RADII) - 1)
    turn = np.deg2rad(np.average(angle[at], weights=strength * np.clip(profile[at], 0, None) + 1e-9))
    clear = (height.max() - np.median(height)) / (np.sum(strength**2) + 1e-9)
    return best * np.array([np.cos(turn), np.sin(turn)]), float(np.clip(clear, 0, 1))


def fit_projection(local: LocalGrid) -> tuple[np.ndarray, float]:
    """The projective map (3, 3) from photo px to paper mm that explains the tiles' waves best, and the share of tiles it fits.

    Its origin is the middle of the tiles. Tiles that show another pattern have little say (soft L1 loss).
    """
    from scipy import optimize

    middle = local.centre.mean(axis=0)
    size = np.abs(local.centre - middle).max() + 1.0
    at = (local.centre - middle) / size
    waves = local.waves * local.unit_mm * size  # mm per unit of `at`
    typical = np.sqrt((np.median(waves, axis=0) ** 2).sum(axis=1)).mean()
    root = np.sqrt(local.weight)[:, :, None]

    def residual(p: np.ndarray) -> np.ndarray:
        w = 1 + at @ p[4:6]
        model = np.empty_like(waves)
        for axis in (0, 1):
            row = p[2 * axis : 2 * axis + 2]
            model[:, axis] = row / w[:, None] - ((at @ row) / w**2)[:, None] * p[4:6]
        return ((model - waves) / typical / EXPLAINED * root).ravel()

    start = np.concatenate([np.median(waves, axis=0).ravel(), [0.0, 0.0]])
    p = optimize.least_squares(residual, start, loss="soft_l1", max_nfev=200).x
    far = np.abs(residual(p).reshape(waves.shape) / np.maximum(root, 1e-9)).max(axis=(1, 2))
    centred = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, size]]) / size
    explained = (
        float((far < 2)[local.weight.min(axis=1) > 0.3].mean()) if (local.weight.min(axis=1) > 0.3).any() else 0.0
    )
    return np.array([[p[0], p[1], 0], [p[2], p[3], 0], [p[4], p[5], 1]]) @ centred, explained


def fit_bend(local: LocalGrid, to_mm: np.ndarray) -> Bend | None:
    """What of the tiles' waves a projection (3, 3) from photo px to mm does not explain, as a smooth displacement on paper.

    None where the paper is flat, but for a few tiles. Of the displacement only the slopes are seen, so the middle stays.
    """
    place = np.column_stack([local.centre, np.ones(len(local.centre))]) @ to_mm.T
    depth = place[:, 2:]
    at = place[:, :2] / depth
    towards = (to_mm[None, :2, :2] - at[:, :, None] * to_mm[None, 2:, :2]) / depth[:, :, None]  # (n, mm, px)
    waves = local.waves * local.unit_mm
    waves = waves * np.sign((waves * towards).sum(axis=2, keepdims=True))
    slopes = waves @ np.linalg.inv(towards) - np.eye(2)  # (n, axis, along x and y)
    sure = local.weight.min(axis=1) > SURE_TILE
    off = np.linalg.norm(slopes, axis=2).max(axis=1)
    if not sure.any() or (off[sure] > BENT).mean() < BENT_SHARE:
        return None
    middle = at.mean(axis=0)
    size = float(np.abs(at - middle).max())
    along = _polynomial_slopes((at - middle) / size) / size  # (n, 2, terms)
    factors = np.stack([_robust(along, slopes[:, axis], local.weight[:, axis]) for axis in (0, 1)], axis=1)
    return Bend(middle, size, factors)


@dataclass(frozen=True)
class Bend:
    """A polynomial displacement on paper. middle: (2,) and size: mm, of the places it is known at; factors: (terms, 2)."""

    middle: np.ndarray
    size: float
    factors: np.ndarray

    def straightened(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) mm where a projection sees points that lie at `xy` (n, 2) mm on the paper."""
        seen = xy.copy()
        for _ in range(BEND_STEPS):
            seen = xy - _polynomial(np.clip((seen - self.middle) / self.size, -1.2, 1.2)) @ self.factors
        return seen


def _powers() -> list[tuple[int, int]]:
    return [(i, j) for i in range(BEND_DEGREE + 1) for j in range(BEND_DEGREE + 1 - i) if i + j > 0]


def _polynomial(xy: np.ndarray) -> np.ndarray:
    """(n, terms) values at (n, 2)."""
    return np.stack([xy[:, 0] ** i * xy[:, 1] ** j for i, j in _powers()], axis=1)


def _polynomial_slopes(xy: np.ndarray) -> np.ndarray:
    """(n, 2, terms) slopes along x and y at (n, 2)."""
    x, y = xy.T
    along_x = [i * x ** max(i - 1, 0) * y**j for i, j in _powers()]
    along_y = [j * x**i * y ** max(j - 1, 0) for i, j in _powers()]
    return np.stack([np.stack(along_x, axis=1), np.stack(along_y, axis=1)], axis=1)


def _robust(along: np.ndarray, slopes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(terms,) that explain the slopes (n, 2) best, tiles that show another pattern held down."""
    matrix, right = along.reshape(-1, along.shape[2]), slopes.ravel()
    trust = np.repeat(weight, 2)
    ridge = BEND_RIDGE * np.diag((matrix**2).sum(axis=0))
    found = np.zeros(matrix.shape[1])
    for _ in range(BEND_STEPS):
        away = np.abs(matrix @ found - right)
        held = trust * np.minimum(1.0, EXPLAINED / np.maximum(away, 1e-9)) if found.any() else trust
        found = np.linalg.solve((matrix * held[:, None]).T @ matrix + ridge, (matrix * held[:, None]).T @ right)
    return found
