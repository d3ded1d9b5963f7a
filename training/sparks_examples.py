"""From simulated recordings to what the spark readers learn from: features with the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.sparks.baseline import Grid, rest_of, standardise, to_grid, working_grid
from engine.sparks.candidates import Candidate, Search, find_candidates
from engine.sparks.detect import assumed_grid
from engine.sparks.features import EVENT_FEATURES, event_features, frame_features, frame_span
from engine.sparks.read_sequence import read_sequence
from engine.sparks.readers import KINDS
from engine.sparks.recording import Recording
from engine.study import read_path
from training.sparks_clips import CHANNELS, FRAMES, SIDE, clip_of, first_of
from training.sparks_simulator import (
    CONDITIONS,
    Event,
    Scene,
    Simulation,
    brightened,
    random_scene,
    simulate,
    typical_scene,
)

ANNOTATED_PX = 20.0  # how far a mark made by hand may lie from the spark
LEFT_OUT_PX = 3  # px and frames around puffs and waves in which nothing counts
SEARCH = 3  # raised when what is found in a recording, or how it is described, changes
SPLITS = ("train", "validation", "test", "coarse")
COARSE_UM = 0.3  # of `coarse` recordings, for measuring alone: pixels of this size leave a faint spark the least light
NEAR_UM = 1.8  # smallest distance at which readers tell two sparks apart


@dataclass(frozen=True)
class Example:
    """One recording. events: (N, features) as `event_features` says; kinds: (N,) index into KINDS; spans: (N, 2) working frames.

    frames: (T, features) without the events' column; firing: (T,) whether a spark is there; sparks: how many there are;
    missed: how many of them have no candidate; um, ms: of the working grid.
    """

    condition: str
    events: np.ndarray
    kinds: np.ndarray
    spans: np.ndarray
    frames: np.ndarray
    firing: np.ndarray
    sparks: int
    missed: int
    counted: np.ndarray  # (N,) bool: outside of what is left out of the score (puffs, waves and their surroundings)
    search: int = 0  # SEARCH when it was drawn

    @property
    def line_scan(self) -> bool:
        """Whether its candidates are described as those of a line scan are."""
        return self.events.shape[1] == len(EVENT_FEATURES)


@dataclass(frozen=True)
class Clips:
    """What the pixel network learns from. inputs: (N, CHANNELS, FRAMES, SIDE, SIDE) float16, as `clip_of` says.

    truth: (N, FRAMES, SIDE, SIDE) uint8, 255 times the share of a working sample's pixels that belong to the spark.
    """

    inputs: np.ndarray
    truth: np.ndarray


def load_or_draw(folder: Path, split: str, number: int, line_scan: bool) -> Example:
    """The example of a number, from `folder` if it was drawn before with today's SEARCH; a number gives the same example."""
    path = folder / f"{split}-{number:05d}.npz"
    if path.is_file():
        with np.load(path) as saved:
            example = Example(**{k: saved[k][()] if saved[k].ndim == 0 else saved[k] for k in saved.files})
        if int(example.search) == SEARCH:
            return example
    condition, simulation, stated = drawn(split, number, line_scan)
    example, search, grid = example_of(condition, simulation, *stated)
    folder.mkdir(parents=True, exist_ok=True)
    if split == "train" and not line_scan and stated == (1.0, 1.0):
        clips = clips_of(simulation, search, grid)
        if len(clips.inputs):
            np.savez_compressed(clips_path(folder, number), **vars(clips))
    np.savez_compressed(path, **vars(example))
    return example


def drawn(split: str, number: int, line_scan: bool) -> tuple[str, Simulation, tuple[float, float]]:
    """The condition of an example, its recording, and the shares of its true pixel size and interval that are stated."""
    rng = np.random.default_rng([11, int(line_scan), SPLITS.index(split), number])
    condition, scene, stated = _scene(split, number, line_scan, rng)
    return condition, simulate(scene, rng), stated


def clips_path(folder: Path, number: int) -> Path:
    """Where the clips of a training example's sparks lie, if it has any."""
    return folder / f"clips-{number:05d}.npz"


def example_of(
    condition: str, simulation: Simulation, um_share: float = 1.0, ms_share: float = 1.0
) -> tuple[Example, Search, Grid]:
    """What the readers see of a simulation whose pixel size and interval are taken for that share of the true ones."""
    scene = simulation.scene
    um, ms = um_share * scene.um_per_px, ms_share * scene.ms_per_frame
    grid = working_grid(um, ms, scene.height == 1)
    samples = to_grid(simulation.frames, grid)
    rest = rest_of(samples)
    z, worth = standardise(samples, rest)
    search = find_candidates(z, worth, rest, grid)
    z, worth, rest = search.z, search.worth, search.rest
    kinds, missed, counted = label(simulation, search.candidates, um, ms)
    by_frame = simulation.mask("spark").reshape(len(simulation.frames), -1).max(1)
    firing = np.pad(by_frame, (0, -len(by_frame) % grid.bin_frames)).reshape(-1, grid.bin_frames).max(1)
    example = Example(
        condition,
        event_features(search, z, worth, rest, grid),
        kinds,
        np.array([frame_span(c, grid, len(z)) for c in search.candidates], int).reshape(-1, 2),
        frame_features(search, z, rest),
        firing,
        sum(e.kind == "spark" for e in simulation.events),
        missed,
        counted,
        SEARCH,
    )
    return example, search, grid


def clips_of(simulation: Simulation, search: Search, grid: Grid) -> Clips:
    """The sparks that were found in a simulation, as the pixel network sees them, and their true pixels."""
    scene = simulation.scene
    sparks = assigned(
        _sparks(simulation, left_out(simulation)), scene, search.candidates, scene.um_per_px, scene.ms_per_frame
    )
    fits = [search.candidates[j].fit for j in sparks]
    inputs = [clip_of(search.z, search.worth, grid, fit, [o for o in fits if o is not fit]) for fit in fits]
    truth = [
        _share_of_samples(simulation.labels == event.number, first_of(fit, grid), grid)
        for event, fit in zip(sparks.values(), fits, strict=True)
    ]
    shape = (FRAMES, SIDE, SIDE)
    return Clips(
        np.array(inputs, np.float16).reshape(-1, CHANNELS, *shape),
        np.rint(255 * np.array(truth)).astype(np.uint8).reshape(-1, *shape),
    )


def _share_of_samples(inside: np.ndarray, first: tuple[int, int, int], grid: Grid) -> np.ndarray:
    """(FRAMES, SIDE, SIDE): the share of each of a clip's samples that is inside, in (T, H, W) pixels of the recording."""
    bins = (grid.bin_frames, grid.bin_px, grid.bin_px)
    size = tuple(n * b for n, b in zip((FRAMES, SIDE, SIDE), bins, strict=True))
    clip = np.zeros(size, np.float32)
    here, there = [], []
    for start, factor, length, side in zip(first, bins, inside.shape, size, strict=True):
        low, high = max(start * factor, 0), max(min(start * factor + side, length), 0)
        here.append(slice(low - start * factor, max(high - start * factor, low - start * factor)))
        there.append(slice(low, max(high, low)))
    clip[tuple(here)] = inside[tuple(there)]
    return clip.reshape(FRAMES, bins[0], SIDE, bins[1], SIDE, bins[2]).mean((1, 3, 5))


def annotated_examples(folder: Path) -> list[Example]:
    """An example of each folder of frames with an annotation file in it.

    A candidate is a spark if an annotation's frames, one more at both ends, hold its peak and its place is within
    ANNOTATED_PX; others are noise.

    Raises:
        EngineError: if a recording cannot be read, or none of the folders is annotated.
    """
    found = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        recording = read_sequence(read_path(path))
        if recording.annotations:
            found.append(_annotated(recording))
    if not found:
        raise EngineError(f"No folder in {folder.name} holds frames together with annotations x,y,tIni,tFin.")
    return found


def _annotated(recording: Recording) -> Example:
    grid = assumed_grid(recording)
    samples = to_grid(recording.read(0, recording.shape[0]), grid)
    rest = rest_of(samples)
    z, worth = standardise(samples, rest)
    search = find_candidates(z, worth, rest, grid)
    z, worth, rest = search.z, search.worth, search.rest
    um, ms = grid.um / grid.bin_px, grid.ms / grid.bin_frames
    left, kinds = list(recording.annotations), np.zeros(len(search.candidates), int)
    for j, candidate in enumerate(search.candidates):
        t, y, x = candidate.fit.peak_ms / ms, candidate.fit.y_um / um, candidate.fit.x_um / um
        for mark in left:
            if mark.t_start - 1 <= t <= mark.t_end + 1 and np.hypot(x - mark.x, y - mark.y) <= ANNOTATED_PX:
                kinds[j] = KINDS.index("spark")
                left.remove(mark)
                break
    firing = np.zeros(len(z), bool)
    for mark in recording.annotations:
        firing[mark.t_start // grid.bin_frames : mark.t_end // grid.bin_frames + 1] = True
    return Example(
        "annotated",
        event_features(search, z, worth, rest, grid),
        kinds,
        np.array([frame_span(c, grid, len(z)) for c in search.candidates], int).reshape(-1, 2),
        frame_features(search, z, rest),
        firing,
        len(recording.annotations),
        len(left),
        np.ones(len(kinds), bool),
        SEARCH,
    )


def label(
    simulation: Simulation, candidates: tuple[Candidate, ...], um: float, ms: float
) -> tuple[np.ndarray, int, np.ndarray]:
    """Each candidate's kind, the number of sparks without one, and which candidates count in the score.

    Candidates that `assigned` gives no spark are `slow` on a puff or wave and noise elsewhere. um, ms: of a pixel and a
    frame, on which the candidates' fits stand.
    """
    slow = left_out(simulation)
    sparks = _sparks(simulation, slow)
    found = assigned(sparks, simulation.scene, candidates, um, ms)
    counted = np.array([not slow[_place(slow, *_at(c, um, ms))] for c in candidates], bool)
    kinds = np.where(counted, KINDS.index("noise"), KINDS.index("slow"))
    kinds[list(found)] = KINDS.index("spark")
    return kinds, len(sparks) - len(found), counted


def left_out(simulation: Simulation) -> np.ndarray:
    """(T, H, W) bool: puffs, waves and their surroundings, which count in no score."""
    from scipy.ndimage import maximum_filter1d

    slow = simulation.mask("puff", "wave")
    for axis in range(3) if slow.any() else ():
        slow = maximum_filter1d(slow.view(np.uint8), 1 + 2 * LEFT_OUT_PX, axis, mode="constant").astype(bool)
    return slow


def assigned(
    sparks: Sequence[Event], scene: Scene, candidates: Sequence[Candidate], um: float, ms: float
) -> dict[int, Event]:
    """The spark that each candidate is, by the candidate's index; candidates that are none are left out.

    A candidate may be the spark whose centre lies within NEAR_UM and whose frames, one more at both ends, hold its peak; the
    assignment of least total distance is taken.
    """
    from scipy.optimize import linear_sum_assignment

    cost = np.full((len(sparks), len(candidates)), 1e9)
    for j, candidate in enumerate(candidates):
        t, y, x = _at(candidate, um, ms)
        for i, event in enumerate(sparks):
            distance = float(np.hypot(y - event.y if scene.height > 1 else 0.0, x - event.x)) * scene.um_per_px
            if distance <= NEAR_UM and event.t_start - 1 <= t <= event.t_end + 1:
                cost[i, j] = distance
    rows, columns = linear_sum_assignment(cost) if cost.size else ([], [])
    return {int(j): sparks[i] for i, j in zip(rows, columns, strict=True) if cost[i, j] < 1e9}


def _sparks(simulation: Simulation, slow: np.ndarray) -> list[Event]:
    """The sparks whose peak is not left out."""
    return [e for e in simulation.events if e.kind == "spark" and not slow[_place(slow, e.t_peak, e.y, e.x)]]


def _at(candidate: Candidate, um: float, ms: float) -> tuple[float, float, float]:
    """Frame, row and column of a candidate's fitted peak."""
    fit = candidate.fit
    return fit.peak_ms / ms, fit.y_um / um, fit.x_um / um


def _place(volume: np.ndarray, t: float, y: float, x: float) -> tuple[int, ...]:
    place = np.rint([t, y, x]).astype(int)
    return tuple(int(v) for v in np.clip(place, 0, np.array(volume.shape) - 1))


def _scene(
    split: str, number: int, line_scan: bool, rng: np.random.Generator
) -> tuple[str, Scene, tuple[float, float]]:
    """A condition, its scene, and the shares of the true pixel size and interval that are taken for them.

    Of ten training scenes of cells, one is bright and one of unstated size, three are of random make, most of them crowded
    and dim, and five are typical, as all for validation and test are; `coarse` ones are too.
    Half of the line scans are of unstated size.
    """
    if line_scan:
        scene = random_scene(rng, True)
        return (
            "line",
            brightened(scene, rng) if number % 3 == 1 else scene,
            _misstated(rng) if number % 2 else (1.0, 1.0),
        )
    if split == "coarse":
        return "snr05_coarse", replace(typical_scene("snr05", rng), um_per_px=COARSE_UM), (1.0, 1.0)
    if split == "train" and number % 10 == 7:
        return "bright", brightened(random_scene(rng), rng), _misstated(rng)
    if split == "train" and number % 10 == 8:
        return "unstated", random_scene(rng), _misstated(rng)
    if split == "train" and number % 10 in (1, 4, 9):
        return "random", random_scene(rng), (1.0, 1.0)
    condition = CONDITIONS[(number if split != "train" else number % 7 + number // 10) % len(CONDITIONS)]
    return condition, typical_scene(condition, rng), (1.0, 1.0)


def _misstated(rng: np.random.Generator) -> tuple[float, float]:
    """Half to twice the true sizes: what an assumed pixel size and interval may be off by."""
    um, ms = np.exp(rng.uniform(-0.7, 0.7, 2))
    return float(um), float(ms)
