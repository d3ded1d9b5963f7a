"""Simulated confocal recordings of a firing myocyte, with the truth of every event and of every pixel.

Sizes and times follow what is published of sparks: amplitude 0.2 to 3 dF/F0, exponentially distributed; FWHM 1 to 3.5 um;
time to peak 5 to 25 ms; decay 15 to 70 ms; z-lines 1.8 um apart (Cheng & Lederer 2008, doi:10.1152/physrev.00030.2007).
Around them: uneven F0, nuclei, cell edges, bleaching, drift, puffs, waves, whole-cell rises, hot pixels that are steady or
flash, photon and read noise, detectors that multiply with excess noise, 8-bit clipping. A line scan is a scene of height 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from engine.sparks.kinetics import (
    FWHM_PER_SIGMA,
    PIXEL_LEVEL,
    crossings,
    duration_at_half_maximum,
    release,
    rise_of,
    variance,
)

Z_LINE_UM = 1.8
REACH = 3.2  # standard deviations of a Gaussian that are drawn
KINDS = ("spark", "puff", "wave")


@dataclass(frozen=True)
class Scene:
    """What is recorded and how. photons: mean number per pixel and frame of F0 in the cell."""

    frames: int = 120
    height: int = 64
    width: int = 192
    um_per_px: float = 0.2
    ms_per_frame: float = 8.0
    sparks: int = 15
    amplitude: float | None = None  # dF/F0 of every spark; None: exponentially distributed
    peak_snr: float | None = None  # overrides `amplitude`: deviations of single-frame noise at a spark's peak
    puffs: int = 0
    waves: int = 0
    photons: float = 17.0
    gain: float = 2.0  # counts per photon
    offset: float = 10.0  # counts without light
    read_noise: float = 1.5  # counts
    excess_noise: bool = False  # each photon yields an exponentially distributed number of counts
    scan_blur_px: float = 0.0  # correlation of the noise along the scanned line
    full_scale: int = 65535
    z_line_contrast: float = 0.15
    unevenness: float = 0.15
    nuclei: int = 1
    cell_edge: bool = True
    bleaching: float = 0.0  # share of F0 lost by the end
    drift_um: float = 0.0  # displacement at the end
    hot_pixels: int = 5
    flashes: int = 0  # single pixels that are bright in a single frame
    diffusion: float = 6.0  # um2/s by which a spark spreads
    repeat_sites: float = 0.3  # share of sparks that fire where another one fired


@dataclass(frozen=True)
class Event:
    """One release. x, y in px (pixel centres are integers), times in frames or ms; frames are inclusive."""

    number: int
    kind: str
    x: float
    y: float
    t_start: int
    t_peak: float
    t_end: int
    amplitude: float
    fwhm_um: float
    fdhm_ms: float
    time_to_peak_ms: float
    tau_ms: float


@dataclass(frozen=True)
class Simulation:
    """frames: (T, H, W) uint16 counts. events: the truth. labels: (T, H, W) uint16 event number, 0 background."""

    scene: Scene
    frames: np.ndarray
    events: tuple[Event, ...]
    labels: np.ndarray

    def mask(self, *kinds: str) -> np.ndarray:
        """(T, H, W) bool: where an event of these kinds is."""
        known = np.zeros(1 + max((e.number for e in self.events), default=0), bool)
        known[[e.number for e in self.events if e.kind in kinds]] = True
        return known[self.labels]


def simulate(scene: Scene, rng: np.random.Generator) -> Simulation:
    """One recording of the scene."""
    f0, cell = _resting_cell(scene, rng)
    relative = np.zeros((scene.frames, scene.height, scene.width), np.float32)  # dF/F0
    labels = np.zeros(relative.shape, np.uint16)
    strongest = np.zeros(relative.shape, np.float32)
    events: list[Event] = []
    drift = _drift(scene, rng)
    for kind, number in (("wave", scene.waves), ("puff", scene.puffs), ("spark", scene.sparks)):
        sites: list[tuple[float, float]] = []
        for _ in range(number):
            event, part, window = _draw_event(kind, scene, cell, f0, sites, drift, len(events) + 1, rng)
            relative[window] += part
            marked = (part >= PIXEL_LEVEL * event.amplitude) & (part > strongest[window])
            labels[window][marked] = event.number
            strongest[window] = np.maximum(strongest[window], part)
            events.append(event)
    frames = _detect(scene, _expose(scene, f0, relative, drift), rng)
    return Simulation(scene, frames, tuple(events), labels)


def random_scene(rng: np.random.Generator, line_scan: bool = False) -> Scene:
    """A scene at random: most are dim and crowded, so that every second of training sees many faint sparks."""
    scene = Scene(
        frames=int(rng.integers(56, 113)),
        um_per_px=float(np.exp(rng.uniform(np.log(0.1), np.log(0.6)))),
        ms_per_frame=float(np.exp(rng.uniform(np.log(2.5), np.log(20.0)))),
        photons=float(np.exp(rng.uniform(np.log(1.5), np.log(80.0)))),
        gain=float(np.exp(rng.uniform(np.log(0.5), np.log(12.0)))),
        offset=float(rng.choice(np.array([0.0, rng.uniform(2, 30), rng.uniform(50, 400)]), p=(0.2, 0.6, 0.2))),
        z_line_contrast=float(rng.uniform(0.0, 0.4)),
        unevenness=float(rng.uniform(0.0, 0.3)),
        nuclei=int(rng.integers(0, 3)),
        cell_edge=bool(rng.random() < 0.75),
        bleaching=float(rng.choice([0.0, rng.uniform(0.0, 0.35)])),
        drift_um=float(rng.choice([0.0, rng.uniform(0.0, 1.2)])),
        hot_pixels=int(rng.integers(0, 10)),
        flashes=int(rng.choice(np.array([0, rng.integers(1, 60)]))),
        puffs=int(rng.choice([0, 1, 2, 3], p=[0.5, 0.2, 0.2, 0.1])),
        waves=int(rng.random() < 0.2),
        excess_noise=bool(rng.random() < 0.2),
        scan_blur_px=float(rng.choice([0.0, rng.uniform(0.3, 0.8)], p=[0.8, 0.2])),
        repeat_sites=float(rng.uniform(0.0, 0.6)),
        diffusion=float(rng.uniform(0.0, 12.0)),
    )
    area_um2 = rng.uniform(130.0, 350.0)
    height_um = rng.uniform(7.0, 16.0)
    height = int(np.clip(height_um / scene.um_per_px, 20, 110))
    width = int(np.clip(area_um2 / height_um / scene.um_per_px, 32, 256))
    if line_scan:
        height, width = 1, int(rng.integers(200, 513))
        scene = replace(
            scene,
            frames=int(rng.integers(300, 701)),
            um_per_px=float(rng.uniform(0.05, 0.2)),
            ms_per_frame=float(np.exp(rng.uniform(np.log(0.6), np.log(3.0)))),
            scan_blur_px=float(rng.choice([0.0, rng.uniform(0.3, 1.5)])),
            nuclei=0,
            flashes=0,
            hot_pixels=0,
        )
    snr_known = rng.random() < 0.6
    seconds = scene.frames * scene.ms_per_frame / 1000
    area = width * scene.um_per_px * (10.0 if line_scan else height * scene.um_per_px)
    crowd = np.exp(rng.uniform(np.log(0.01), np.log(0.08)))  # sparks per um2 and s: far more than most cells show
    return replace(
        scene,
        height=height,
        width=width,
        read_noise=float(rng.choice([rng.uniform(0.0, 1.0), rng.uniform(1.0, 4.0)], p=[0.7, 0.3]) * scene.gain),
        peak_snr=float(np.exp(rng.uniform(np.log(0.35), np.log(3.0)))) if snr_known else None,
        sparks=int(np.clip(rng.poisson(crowd * area * seconds), 0, 60)),
        full_scale=255 if rng.random() < 0.15 else 65535,
    )


def brightened(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene with much light: faint noise, sparks that stand far out of it."""
    return replace(
        scene,
        photons=float(np.exp(rng.uniform(np.log(8.0), np.log(400.0)))),
        peak_snr=float(np.exp(rng.uniform(np.log(2.0), np.log(15.0)))),
        sparks=min(scene.sparks, 30),
    )


CONDITIONS = ("snr05", "snr1", "snr2", "mixed", "empty")


def typical_scene(condition: str, rng: np.random.Generator) -> Scene:
    """A scene as a microscope delivers it, for validation: a whole cell, some ten sparks of one brightness.

    `snrN`: a spark's peak stands that many deviations of single-frame noise above F0 (`snr05`: half a one). `mixed`: all
    amplitudes, two puffs, a wave, drift, flashes. `empty`: nothing fires, though a puff or wave may be there.
    """
    scene = Scene(
        height=int(rng.integers(56, 97)),
        width=256,
        um_per_px=float(rng.choice([0.15, 0.2, 0.2, 0.25, 0.3, 0.3])),
        ms_per_frame=float(rng.uniform(5.0, 12.0)),
        bleaching=float(rng.uniform(0.0, 0.2)),
        sparks=int(rng.integers(7, 15)),
        repeat_sites=float(rng.uniform(0.0, 0.4)),
        diffusion=float(rng.uniform(2.0, 10.0)),
        z_line_contrast=float(rng.uniform(0.05, 0.3)),
        photons=float(rng.uniform(3.0, 6.0) if condition == "snr05" else rng.uniform(8.0, 30.0)),
    )
    if condition == "empty":
        quiet = replace(scene, sparks=0, photons=float(np.exp(rng.uniform(np.log(3.0), np.log(30.0)))))
        return replace(quiet, puffs=int(rng.integers(0, 3)), waves=int(rng.integers(0, 2)), flashes=20)
    if condition == "mixed":
        return replace(scene, puffs=2, waves=1, drift_um=float(rng.uniform(0, 1)), flashes=20)
    return replace(scene, peak_snr={"snr05": 0.5, "snr1": 1.0, "snr2": 2.0}[condition])


# --- the cell -----------------------------------------------------------------------------------------------------


def _resting_cell(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """F0 in photons (H, W), about `scene.photons` in the cell and little outside; and where the cell is."""
    rows, columns = np.mgrid[: scene.height, : scene.width].astype(np.float32) * scene.um_per_px
    tilt = rng.uniform(-0.35, 0.35)
    along = columns * np.cos(tilt) + rows * np.sin(tilt)
    pattern = 1 + scene.z_line_contrast * np.sin(2 * np.pi * along / Z_LINE_UM + rng.uniform(0, 6.28))
    smooth = ndimage.gaussian_filter(
        rng.standard_normal((scene.height, scene.width)), 3.0 / scene.um_per_px, mode="wrap"
    )
    pattern *= np.exp(scene.unevenness * smooth / max(float(smooth.std()), 1e-6))
    for _ in range(scene.nuclei):
        y, x = rng.uniform(0, scene.height * scene.um_per_px), rng.uniform(0, scene.width * scene.um_per_px)
        inside = ((columns - x) / rng.uniform(4, 7)) ** 2 + ((rows - y) / rng.uniform(2, 3.5)) ** 2 < 1
        pattern = np.where(inside, pattern * rng.choice([0.6, 0.75, 1.3, 1.6]), pattern)
    cell = np.ones((scene.height, scene.width), bool)
    if scene.cell_edge:
        cell = _outline(scene, rows, columns, rng)
    soft = ndimage.gaussian_filter(cell.astype(np.float32), 0.3 / scene.um_per_px)
    f0 = scene.photons * pattern * (soft + rng.uniform(0.0, 0.06) * (1 - soft))
    for _ in range(scene.hot_pixels):
        f0[rng.integers(scene.height), rng.integers(scene.width)] *= rng.uniform(2, 8)
    return np.maximum(f0, 0.02).astype(np.float32), cell


def _outline(scene: Scene, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cell that leaves the field at some sides and has wavy edges at the others."""
    tall, wide = scene.height * scene.um_per_px, scene.width * scene.um_per_px
    wave = [
        rng.uniform(0.0, 0.06) * tall * np.sin(columns / rng.uniform(5, 15) + rng.uniform(0, 6.28)) for _ in range(2)
    ]
    if scene.height == 1:
        return (columns > rng.uniform(-0.1, 0.15) * wide) & (columns < rng.uniform(0.8, 1.1) * wide)
    upper = rows > rng.uniform(-0.1, 0.2) * tall + wave[0]
    lower = rows < rng.uniform(0.8, 1.1) * tall + wave[1]
    bow = rng.uniform(-0.03, 0.03) * rows
    left = columns > rng.uniform(-0.3, 0.12) * wide + bow
    right = columns < rng.uniform(0.88, 1.3) * wide + bow
    return upper & lower & left & right


def _drift(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """(T, 2) displacement of the cell in px (y, x): a line with a slow bend."""
    if not scene.drift_um:
        return np.zeros((scene.frames, 2), np.float32)
    share = np.linspace(0.0, 1.0, scene.frames)
    angle = rng.uniform(0, 2 * np.pi)
    way = share + rng.uniform(-0.3, 0.3) * np.sin(np.pi * share)
    size = scene.drift_um / scene.um_per_px
    drift = np.stack([way * size * np.sin(angle), way * size * np.cos(angle)], 1)
    return (drift * [scene.height > 1, 1]).astype(np.float32)


# --- events -------------------------------------------------------------------------------------------------------

Window = tuple[slice, slice, slice]


def _draw_event(
    kind: str,
    scene: Scene,
    cell: np.ndarray,
    f0: np.ndarray,
    sites: list[tuple[float, float]],
    drift: np.ndarray,
    number: int,
    rng: np.random.Generator,
) -> tuple[Event, np.ndarray, Window]:
    """One event of a kind: its truth, its dF/F0 and the window of the recording that this covers."""
    y, x = _site(scene, cell, sites, rng) if kind == "spark" else _inside(cell, rng)
    onset_ms = rng.uniform(-0.02, 0.98) * scene.frames * scene.ms_per_frame
    if kind == "wave":
        return _wave(scene, y, x, onset_ms, number, rng)
    tau = float(np.clip(rng.normal(35, 12), 15, 70) if kind == "spark" else rng.uniform(30, 90))
    peak_after = float(np.clip(rng.normal(11, 4), 5, 25)) if kind == "spark" else float(rng.uniform(10, 40))
    fwhm = float(np.clip(rng.normal(2.1, 0.55), 1.0, 3.5)) if kind == "spark" else float(rng.uniform(1.5, 4.5))
    plateau = 0.0 if kind == "spark" else float(rng.uniform(100, 400))
    amplitude = _amplitude(scene, f0[round(y), round(x)], rng) if kind == "spark" else float(rng.uniform(0.2, 1.0))
    rise = rise_of(peak_after, tau)
    first = max(int(np.floor(onset_ms / scene.ms_per_frame)), 0)
    last = min(int((onset_ms + peak_after + plateau + 6 * tau) / scene.ms_per_frame) + 1, scene.frames)
    last = max(last, first + 1)
    time = np.arange(first, last) * scene.ms_per_frame - onset_ms
    course = _held(time, rise, tau, peak_after, plateau, rng)
    at = min(max(round((onset_ms + peak_after) / scene.ms_per_frame), 0), scene.frames - 1)
    y_seen, x_seen = y + drift[at, 0], x + drift[at, 1]  # sparks move with the cell
    spread = variance(time - peak_after, fwhm / FWHM_PER_SIGMA, scene.diffusion / 1000) / scene.um_per_px**2
    reach = REACH * 1.1 * float(np.sqrt(spread[-1] if plateau else spread[len(spread) // 2]))
    rows, columns = _span(y_seen, reach, scene.height), _span(x_seen, reach, scene.width)
    stretch = rng.uniform(0.93, 1.07)
    from_y = ((np.arange(rows.start, rows.stop) - y_seen) * stretch) ** 2
    from_x = ((np.arange(columns.start, columns.stop) - x_seen) / stretch) ** 2
    shape_y, shape_x = (np.exp(-0.5 * d / spread[:, None]) for d in (from_y, from_x))
    part = (amplitude * course[:, None, None] * shape_y[:, :, None] * shape_x[:, None, :]).astype(np.float32)
    begin, end = crossings(rise, tau, PIXEL_LEVEL)
    event = Event(
        number,
        kind,
        float(x_seen),
        float(y_seen),
        min(max(int(np.ceil((onset_ms + begin) / scene.ms_per_frame)), 0), scene.frames - 1),
        float(np.clip((onset_ms + peak_after + plateau) / scene.ms_per_frame, 0, scene.frames - 1)),
        min(max(int((onset_ms + end + plateau) / scene.ms_per_frame), 0), scene.frames - 1),
        amplitude,
        fwhm,
        duration_at_half_maximum(rise, tau) + plateau,
        peak_after + plateau,
        tau,
    )
    return event, part, (slice(first, last), rows, columns)


def _held(
    time_ms: np.ndarray, rise: float, tau: float, peak_after: float, plateau: float, rng: np.random.Generator
) -> np.ndarray:
    """The time course of a spark; for a puff, the peak is held for `plateau` ms with a slow flicker."""
    if not plateau:
        return release(time_ms, rise, tau)
    course = release(np.where(time_ms < peak_after, time_ms, np.maximum(time_ms - plateau, peak_after)), rise, tau)
    flicker = 1 + 0.12 * np.sin(2 * np.pi * time_ms / rng.uniform(50, 150) + rng.uniform(0, 6.28))
    return course * np.where(time_ms > 0, flicker, 1)


def _wave(
    scene: Scene, y: float, x: float, onset_ms: float, number: int, rng: np.random.Generator
) -> tuple[Event, np.ndarray, Window]:
    """A front that spreads from (y, x) at 50 to 150 um/s, or rises everywhere at once."""
    rows, columns = np.mgrid[: scene.height, : scene.width].astype(np.float32)
    distance_um = np.hypot(rows - y, columns - x) * scene.um_per_px
    speed = rng.uniform(0.05, 0.15) if rng.random() < 0.8 else 10.0  # um per ms
    reach = rng.uniform(10, 80) if rng.random() < 0.5 else 1e6
    amplitude, tau = float(rng.uniform(0.4, 2.5)), float(rng.uniform(80, 250))
    rise = rise_of(rng.uniform(20, 60), tau)
    onset_ms = min(onset_ms, 0.8 * scene.frames * scene.ms_per_frame)
    first = max(int(onset_ms / scene.ms_per_frame), 0)
    time = (np.arange(first, scene.frames) * scene.ms_per_frame - onset_ms).astype(np.float32)
    fading = amplitude / (1 + np.exp(np.clip((distance_um - reach) / 2.0, -50, 50)))
    part = (fading * release(time[:, None, None] - distance_um / speed, rise, tau)).astype(np.float32)
    window = (slice(first, scene.frames), slice(0, scene.height), slice(0, scene.width))
    peak = float(np.clip(first, 0, scene.frames - 1))
    event = Event(number, "wave", x, y, first, peak, scene.frames - 1, amplitude, np.nan, np.nan, np.nan, tau)
    return event, part, window


def _site(
    scene: Scene, cell: np.ndarray, sites: list[tuple[float, float]], rng: np.random.Generator
) -> tuple[float, float]:
    if sites and rng.random() < scene.repeat_sites:
        return sites[rng.integers(len(sites))]
    sites.append(_inside(cell, rng))
    return sites[-1]


def _inside(cell: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """A random place (y, x) in the cell, as close to the edges of the field as it may be."""
    for _ in range(100):
        y, x = rng.uniform(0, cell.shape[0] - 1), rng.uniform(0, cell.shape[1] - 1)
        if cell[round(y), round(x)]:
            break
    return float(y), float(x)


def _amplitude(scene: Scene, photons: float, rng: np.random.Generator) -> float:
    if scene.peak_snr is not None:
        level = max(float(photons), 0.2 * scene.photons)
        spread = np.sqrt(level * (2.0 if scene.excess_noise else 1.0) + (scene.read_noise / scene.gain) ** 2)
        return float(min(scene.peak_snr * spread / level, 8.0))
    if scene.amplitude is not None:
        return scene.amplitude
    return float(min(0.2 + rng.exponential(0.6), 3.0))


def _span(centre: float, reach: float, size: int) -> slice:
    """The pixels within reach, at least one, inside the field."""
    first = int(np.clip(np.floor(centre - reach), 0, size - 1))
    return slice(first, int(np.clip(np.ceil(centre + reach) + 1, first + 1, size)))


# --- the microscope -----------------------------------------------------------------------------------------------


def _expose(scene: Scene, f0: np.ndarray, relative: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """(T, H, W) photons: F0, moved and bleached, times 1 + dF/F0."""
    loss = 1 - scene.bleaching * -np.expm1(-2 * np.linspace(0, 1, scene.frames)) / -np.expm1(-2)
    photons = relative
    photons += 1
    for frame in range(scene.frames):
        here = f0 if not scene.drift_um else ndimage.shift(f0, drift[frame], order=1, mode="nearest")
        photons[frame] *= here * loss[frame]
    return photons


def _detect(scene: Scene, photons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T, H, W) uint16 counts."""
    counts = rng.poisson(photons).astype(np.float32)
    if scene.excess_noise:
        counts = rng.standard_gamma(np.maximum(counts, 1e-3)).astype(np.float32)
    if scene.scan_blur_px:
        counts = ndimage.gaussian_filter1d(counts, scene.scan_blur_px, axis=2)
        if scene.height == 1:
            counts = ndimage.gaussian_filter1d(counts, scene.scan_blur_px, axis=0)
    counts *= scene.gain
    counts += scene.offset + scene.read_noise * rng.standard_normal(counts.shape, np.float32)
    for _ in range(scene.flashes):
        place = tuple(rng.integers(side) for side in counts.shape)
        counts[place] += scene.gain * scene.photons * rng.uniform(2, 10)
    return np.clip(np.rint(counts), 0, scene.full_scale).astype(np.uint16)
