"""Photographs a flat page: bent paper, perspective, light, lens, sensor and JPEG, with the geometry kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from training.ecg_page_style import CameraStyle

NODE_MM = 4.0  # pitch of the displacement's nodes
MARGIN_MM = 40.0  # by which the nodes reach beyond the page
STEP_PX = 4  # pitch at which the geometry is evaluated before it is interpolated to every pixel


@dataclass(frozen=True)
class PageGeometry:
    """Page millimetres to picture pixels (pixel centres at whole numbers).

    homography: (3, 3), from the plane in which the bent paper lies to the picture. displacement: (rows, columns, 2) mm at nodes
    NODE_MM apart, the first at -MARGIN_MM: what to add to a place in that plane to find the page's own millimetres. None: flat.
    """

    homography: np.ndarray
    displacement: np.ndarray | None = field(default=None, repr=False)

    def to_photo(self, xy_mm: np.ndarray) -> np.ndarray:
        """(n, 2) px of points (n, 2) in mm of the page."""
        plane = np.asarray(xy_mm, dtype=np.float64)
        if self.displacement is not None:
            target = plane
            for _ in range(12):  # a contraction: the displacement changes far less than the place
                plane = target - self._displacement_at(plane)
        return _apply(self.homography, plane)

    def to_page(self, xy_px: np.ndarray) -> np.ndarray:
        """(n, 2) mm on the page of points (n, 2) of the picture."""
        plane = _apply(np.linalg.inv(self.homography), np.asarray(xy_px, dtype=np.float64))
        return plane if self.displacement is None else plane + self._displacement_at(plane)

    def px_per_mm(self, xy_mm: tuple[float, float]) -> tuple[float, float]:
        """Pixels per mm along and across the page's rows, at a place on the page."""
        x, y = xy_mm
        ends = self.to_photo(np.array([[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]]))
        return float(np.linalg.norm(ends[1] - ends[0])), float(np.linalg.norm(ends[3] - ends[2]))

    def _displacement_at(self, plane_mm: np.ndarray) -> np.ndarray:
        assert self.displacement is not None
        nodes = ((plane_mm + MARGIN_MM) / NODE_MM).astype(np.float32)
        x, y = np.ascontiguousarray(nodes[:, 0]), np.ascontiguousarray(nodes[:, 1])
        return np.concatenate([self._sample(x[k : k + 16000], y[k : k + 16000]) for k in range(0, len(x), 16000)])

    def _sample(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        grid = self.displacement
        assert grid is not None
        x = np.clip(x, 0, grid.shape[1] - 1.001)
        y = np.clip(y, 0, grid.shape[0] - 1.001)
        i, j = x.astype(int), y.astype(int)
        u, v = (x - i)[:, None], (y - j)[:, None]
        upper = grid[j, i] * (1 - u) + grid[j, i + 1] * u
        lower = grid[j + 1, i] * (1 - u) + grid[j + 1, i + 1] * u
        return upper * (1 - v) + lower * v


def flat_geometry(px_per_mm: float) -> PageGeometry:
    """The page as drawn, without a camera."""
    return PageGeometry(np.array([[px_per_mm, 0, -0.5], [0, px_per_mm, -0.5], [0, 0, 1.0]]))


def camera_geometry(size_mm: tuple[float, float], camera: CameraStyle, rng: np.random.Generator) -> PageGeometry:
    """Where a page of that size falls in the picture; the bending is drawn from rng."""
    width, height = size_mm
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    centred = (corners - [width / 2, height / 2]) * camera.px_per_mm
    across, down = camera.tilt
    factor = 1 + across * np.array([-1, 1, 1, -1]) + down * np.array([-1, -1, 1, 1])  # nearer corners look larger
    angle = np.deg2rad(camera.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array(camera.centre) * np.array(camera.size_px)
    placed = (centred * factor[:, None]) @ turn.T + middle
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    return PageGeometry(homography, _displacement(size_mm, camera, rng))


def photograph(
    image: np.ndarray,
    masks: dict[str, np.ndarray],
    px_per_mm: float,
    geometry: PageGeometry,
    camera: CameraStyle,
    rng: np.random.Generator,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The picture (H, W, 3) uint8 of a flat page and its masks, each (H, W) uint8, through the same geometry."""
    x, y = _pixel_map(geometry, camera.size_px, px_per_mm)
    interpolation = cv2.INTER_LINEAR
    photo = cv2.remap(image, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)
    names = list(masks)
    seen: dict[str, np.ndarray] = {}
    for some in (names[:3], names[3:]):
        layers = cv2.remap(
            cv2.merge([masks[name] for name in some]), x, y, interpolation, borderMode=cv2.BORDER_CONSTANT
        )
        seen |= dict(zip(some, cv2.split(layers), strict=True))
    inside = cv2.remap(np.full(image.shape[:2], 255, np.uint8), x, y, interpolation, borderMode=cv2.BORDER_CONSTANT)
    light = _light(camera, geometry, image.shape, px_per_mm, rng)
    photo = _expose(
        photo, inside, light, camera, geometry, (image.shape[1] / px_per_mm, image.shape[0] / px_per_mm), rng
    )
    return _sensor(photo, camera, rng), seen


# --- geometry --------------------------------------------------------------------------------------------------------


def _apply(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    moved = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ homography.T
    return moved[:, :2] / moved[:, 2:]


def _displacement(size_mm: tuple[float, float], camera: CameraStyle, rng: np.random.Generator) -> np.ndarray | None:
    if camera.bend_mm == 0 and camera.crumple_mm == 0:
        return None
    columns, rows = (int(np.ceil((v + 2 * MARGIN_MM) / NODE_MM)) + 1 for v in size_mm)
    field_mm = np.zeros((rows, columns, 2), np.float32)
    for axis in (0, 1):
        if camera.bend_mm:
            field_mm[..., axis] += camera.bend_mm * _noise((rows, columns), rng.uniform(60, 160) / NODE_MM, rng)
        if camera.crumple_mm:
            field_mm[..., axis] += camera.crumple_mm * _noise((rows, columns), rng.uniform(14, 30) / NODE_MM, rng)
    return field_mm


def _noise(shape: tuple[int, int], pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of about unit amplitude whose hills are `pitch` pixels apart."""
    small = rng.standard_normal((int(shape[0] / pitch) + 4, int(shape[1] / pitch) + 4)).astype(np.float32)
    big = cv2.resize(small, None, fx=pitch, fy=pitch, interpolation=cv2.INTER_CUBIC)
    y0, x0 = (int(rng.integers(0, max(1, big.shape[k] - shape[k]))) for k in (0, 1))
    part = big[y0 : y0 + shape[0], x0 : x0 + shape[1]]
    return np.asarray(part if part.shape == shape else cv2.resize(part, shape[::-1]))


def _pixel_map(geometry: PageGeometry, size_px: tuple[int, int], px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the picture lies on the flat page's raster: two (H, W) float32 arrays."""
    width, height = size_px
    columns, rows = (-(-v // STEP_PX) + 2 for v in size_px)
    at_x = STEP_PX * (np.arange(columns) - 1) + (STEP_PX - 1) / 2
    at_y = STEP_PX * (np.arange(rows) - 1) + (STEP_PX - 1) / 2
    nodes = np.stack(np.meshgrid(at_x, at_y), axis=-1).reshape(-1, 2)
    raster = (geometry.to_page(nodes) * px_per_mm - 0.5).astype(np.float32).reshape(rows, columns, 2)
    full = cv2.resize(raster, (columns * STEP_PX, rows * STEP_PX), interpolation=cv2.INTER_LINEAR)
    x, y = cv2.split(full[STEP_PX : STEP_PX + height, STEP_PX : STEP_PX + width])
    return x, y


# --- light and lens --------------------------------------------------------------------------------------------------


def _light(
    camera: CameraStyle, geometry: PageGeometry, shape: tuple[int, ...], px_per_mm: float, rng: np.random.Generator
) -> np.ndarray:
    """(h, w) float32 factor of brightness at a third of the picture's size: gradient, shadows, crumples and creases."""
    width, height = (max(8, v // 3) for v in camera.size_px)
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = u / width - 0.5, v / height - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 - camera.gradient * (0.5 + u * np.cos(angle) + v * np.sin(angle))
    if camera.gradient:
        light *= 1 + 0.25 * camera.gradient * _noise((height, width), max(height, width) / 2.5, rng)
    if camera.shadow:
        light *= 1 - camera.shadow * _shadow(height, width, rng)
    if camera.crumple:
        light *= 1 + (_facets if rng.random() < 0.4 else _crumples)(height, width, camera, rng)
        if rng.random() < 0.5:
            light *= 1 - _wrinkles(height, width, rng)
    for _ in range(camera.creases):
        light *= 1 + _crease(u, v, rng)
    return np.clip(light, 0.08, 1.6).astype(np.float32)


def _shadow(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Soft or hard shadows of hand and phone: polygons and clouds."""
    shade = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre = rng.uniform([0, 0], [width, height])
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        radii = rng.uniform(0.15, 0.7, len(angles)) * max(height, width)
        points = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
        cv2.fillPoly(shade, [points.astype(np.int32)], float(rng.uniform(0.5, 1.0)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(shade, (0, 0), float(rng.choice([rng.uniform(1, 6), rng.uniform(8, 40)])))
    if rng.random() < 0.4:
        return soft * np.clip(0.5 + 0.8 * _noise((height, width), max(height, width) / 6, rng), 0, 1)
    return np.asarray(soft)


def _crumples(height: int, width: int, camera: CameraStyle, rng: np.random.Generator) -> np.ndarray:
    """The shading of crumpled paper: slopes of ridged hills, lit from one side."""
    relief = np.zeros((height, width), np.float32)
    pitch = rng.uniform(8, 40) * camera.px_per_mm / 3
    for octave in range(3):
        size = max(4.0, pitch / 1.9**octave)
        relief += np.float32(size / 1.4**octave) * np.abs(_noise((height, width), size, rng))
    angle = rng.uniform(0, 2 * np.pi)
    across, down = (cv2.Sobel(relief, cv2.CV_32F, 1 - k, k, scale=0.125) for k in (0, 1))
    slope = np.cos(angle) * across + np.sin(angle) * down
    present = np.clip(0.6 + _noise((height, width), max(height, width) / 3, rng), 0, 1) if rng.random() < 0.5 else 1.0
    return np.clip(camera.crumple * 0.28 * slope * present, -0.75, 0.4)


def _facets(height: int, width: int, camera: CameraStyle, rng: np.random.Generator) -> np.ndarray:
    """The shading of sharply crumpled paper: flat facets of different brightness, with bright or dark edges between them."""
    count = int(rng.integers(12, 160))
    seeds = np.full((height, width), 255, np.uint8)
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    shade = rng.normal(0, 0.16, int(labels.max()) + 1).astype(np.float32)[labels]
    edges = cv2.morphologyEx(shade, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    soft = cv2.GaussianBlur(shade, (0, 0), rng.uniform(0.8, 5.0)) + rng.uniform(-0.6, 0.6) * cv2.GaussianBlur(
        edges, (0, 0), 0.8
    )
    return np.asarray(camera.crumple * np.clip(soft, -0.5, 0.4))


def _wrinkles(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """0..1 darkness of deep wrinkles: short winding strokes with soft edges, nearly black in their middle."""
    shade = np.zeros((height, width), np.float32)
    side = max(height, width)
    for _ in range(int(rng.integers(2, 16))):
        turns = np.cumsum(rng.normal(0, 0.5, int(rng.integers(3, 12)))) + rng.uniform(0, 2 * np.pi)
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * side * rng.uniform(0.008, 0.03)
        path = rng.uniform([0, 0], [width, height]) + np.cumsum(steps, axis=0)
        stroke = np.zeros_like(shade)
        thick = max(1, round(float(side * np.exp(rng.uniform(np.log(0.0015), np.log(0.014))))))
        cv2.polylines(stroke, [path.astype(np.int32)], False, float(rng.uniform(0.3, 1.0)), thick, cv2.LINE_AA)
        np.maximum(shade, stroke, out=shade)
    soft = cv2.GaussianBlur(shade, (0, 0), float(side * np.exp(rng.uniform(np.log(0.002), np.log(0.012)))))
    patchy = np.clip(0.8 + 0.5 * _noise((height, width), side / 25, rng), 0, 1)
    return np.asarray(0.95 * np.clip(soft * patchy * rng.uniform(1.0, 2.5), 0, 1))


def _crease(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One straight fold: a bright or dark line, and a step of brightness across it."""
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.05)
    along = u * np.cos(angle) + v * np.sin(angle) - rng.uniform(-0.45, 0.45)
    width = rng.uniform(0.0008, 0.008)
    return rng.uniform(-0.35, 0.5) * np.exp(-((along / width) ** 2)) + rng.uniform(-0.1, 0.1) * np.tanh(along / 0.01)


def _expose(
    photo: np.ndarray,
    inside: np.ndarray,
    light: np.ndarray,
    camera: CameraStyle,
    geometry: PageGeometry,
    size_mm: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """(H, W, 3) float32 0..255: the paper under the light, before its background, through colour cast and tone curve."""
    height, width = photo.shape[:2]
    tones = np.arange(256, dtype=np.float32) / 255
    table = [
        255 * camera.brightness * c * (0.5 + camera.contrast * (tones**camera.gamma - 0.5)).clip(0, 1.2)
        for c in camera.cast
    ]
    curve = np.stack(table, axis=-1).astype(np.float32)[None]
    lit = cv2.LUT(photo, curve)
    factor = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    np.multiply(lit, factor[..., None], out=lit)
    outside = inside < 255
    if not outside.any():
        return lit
    behind = np.empty((height, width, 3), np.uint8)
    behind[:] = np.array(camera.background) * rng.uniform(0.3, 1.0)
    if camera.black_border_mm:
        w, h, b = *size_mm, camera.black_border_mm
        loose = np.array([[0, 0], [w, 0], [w, h], [0, h]]) + rng.uniform(0, b, (4, 2)) * [
            [-1, -1],
            [1, -1],
            [1, 1],
            [-1, 1],
        ]
        cv2.fillConvexPoly(behind, geometry.to_photo(loose).round().astype(np.int32), tuple(rng.uniform(0, 25, 3)))
    seen = behind[outside].astype(np.float32)
    if rng.random() < 0.6:
        stains = cv2.resize(_noise((64, 64), rng.uniform(3, 20), rng), (width, height))
        seen *= 1 + 0.25 * stains[outside][:, None]
    share = inside[outside].astype(np.float32)[:, None] / 255
    lit[outside] = seen + share * (lit[outside] - seen)
    return lit


def _sensor(photo: np.ndarray, camera: CameraStyle, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8: blur, sharpening, noise, black-white conversion, JPEG."""
    if camera.blur_px:
        photo = cv2.GaussianBlur(photo, (0, 0), camera.blur_px)
    if camera.motion_px:
        photo = cv2.filter2D(photo, -1, _motion_kernel(camera.motion_px, rng.uniform(0, np.pi)))
    if camera.sharpen:
        photo = photo + camera.sharpen * (photo - cv2.GaussianBlur(photo, (0, 0), 1.5))
    if camera.noise:
        grain = camera.noise * _grain(photo.shape[0], photo.shape[1], rng)
        photo = photo + grain[..., None]
        photo[..., 0::2] += 0.4 * np.roll(grain, (17, 31), (0, 1))[..., None]
    image = np.clip(photo, 0, 255).astype(np.uint8)
    if camera.mono:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if camera.mono == "binary":
            grey = np.where(grey > rng.uniform(0.6, 0.8) * np.median(grey), 255, 0).astype(np.uint8)
        image = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    if camera.jpeg:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return image


def _grain(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width) float32 of unit normal noise: a tile of it repeated, since drawing every pixel apart takes long."""
    tile = rng.standard_normal((256, 512), dtype=np.float32)
    return np.tile(tile, (-(-height // 256), -(-width // 512)))[:height, :width]


def _motion_kernel(length_px: float, angle: float) -> np.ndarray:
    size = int(np.ceil(length_px)) | 1
    kernel = np.zeros((size, size), np.float32)
    half = np.array([np.cos(angle), np.sin(angle)]) * length_px / 2
    middle = size // 2
    ends = [tuple(int(v) for v in np.round((middle + s * half) * 16)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return kernel / max(kernel.sum(), 1e-6) if kernel.sum() else np.eye(1, dtype=np.float32)
