"""What is no parasternal long axis, for `echo-plax` to draw nothing on: other views, other pictures, M-mode, made views.

DIR holds echo_views, camus_a4c, acdc, cmr_localizers and cmr_stills; what it lacks is left out, and said so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from engine.echo.letterbox import Letterbox
from engine.echo.recording import blanked
from engine.errors import EngineError
from training.echo_plax_data import BASE, Traced, clip_file, open_clip
from training.echo_plax_simulator import PlaxScene, picture_of, random_scene, speckle

CLIPS = (
    "clip_cardiac-tamponade_a4c", "clip_pericardial-effusion_a4c", "clip_takotsubo_psax-1", "clip_cardiac-tamponade_ivc",
    "clip_cardiac-tamponade_subcostal", "clip_cardiac-tamponade_posterior",
)  # fmt: skip
FRAMES_PER_CLIP = 12
STILLS = {"acdc/images/*ED_0[35].jpg": 30, "cmr_localizers/images/*": 30, "cmr_stills/*.png": 12}
APICAL = 100  # frames of CAMUS as they are
SHORT_AXES = 60
SEED = 31


def read_others(data: Path, clips: Iterable[str], without: Iterable[str] = ()) -> np.ndarray:
    """(N, BASE, BASE) uint8. clips: the parasternal clips that may be learnt from; M-mode strips are made of them.

    without: those of CLIPS that are left out.
    """
    names = [name for name in CLIPS if name not in set(without)]
    pictures = [picture for name in names for picture in _frames(data / "echo_views" / f"{name}.mp4")]
    pictures += _stills(data)
    pictures += [picture for clip in clips for picture in _m_modes(clip_file(data, clip))]
    pictures += [short_axis(np.random.default_rng([SEED, k])) for k in range(SHORT_AXES)]
    return np.stack(pictures)


def apical_of(traced: Sequence[Traced]) -> np.ndarray:
    """(N, BASE, BASE) uint8: long axes turned as the apical three-chamber view shows the same plane, apex up."""
    return np.stack([cv2.rotate(one.frame, cv2.ROTATE_90_CLOCKWISE) for one in traced])


def short_axis(rng: np.random.Generator) -> np.ndarray:
    """(BASE, BASE) uint8: a simulated parasternal short axis, a ring of muscle with the right ventricle's crescent at it."""
    scene = random_scene(rng)
    x, y = _plane(scene)
    inner, wall = rng.uniform(12, 28), rng.uniform(7, 14)
    centre = np.array([rng.uniform(-12, 12), rng.uniform(60, 85)])
    x, y = x - centre[0], (y - centre[1]) * rng.uniform(0.9, 1.15)
    radius = np.hypot(x, y)
    echo = np.full(x.shape, 0.16)
    away = rng.uniform(0.4, 0.9) * np.array([-1.0, -0.7]) * (inner + wall)
    right = np.hypot((x - away[0]) / 1.2, y - away[1]) < inner + 0.6 * wall
    echo[right] = scene.blood
    echo[radius < inner + wall] = scene.muscle
    echo[radius < inner] = scene.blood
    for side in (-1, 1):  # papillary muscles
        echo[np.hypot(x - side * 0.6 * inner, y - 0.55 * inner) < 0.22 * inner] = scene.muscle
    echo[(np.abs(radius - inner - wall - 1) < 1) & (y > 0)] = 1.6 * scene.muscle + 0.3
    drawn = picture_of(scene, echo, speckle(scene, rng), rng)
    return Letterbox(0, drawn.shape[0], 0, drawn.shape[1], BASE).shrink(drawn)


def _plane(scene: PlaxScene) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) mm to the right of and below the transducer."""
    rows, columns = np.mgrid[: scene.size[0], : scene.size[1]].astype(np.float32)
    return (columns - scene.size[1] / 2) * scene.mm_per_px, rows * scene.mm_per_px


def _frames(file: Path) -> list[np.ndarray]:
    if not file.is_file():
        print(f"without {file.name}: not in the data folder", flush=True)
        return []
    try:
        _, opening, frames = open_clip(file)
    except EngineError as error:
        print(f"without {file.name}: {error}", flush=True)
        return []
    box = Letterbox(*opening.sector.box, BASE)
    squares = [box.shrink(blanked(frame, opening.sector)) for frame in frames]
    return [squares[k] for k in np.linspace(0, len(squares) - 1, min(FRAMES_PER_CLIP, len(squares))).astype(int)]


def apical_files(data: Path, split: str) -> list[Path]:
    """The CAMUS frames of `train` or `valid` patients; none where the folder is absent."""
    folder = data / "camus_a4c"
    if not (folder / "index.csv").is_file():
        return []
    with (folder / "index.csv").open() as file:
        names = [row["file"] for row in csv.DictReader(file) if row["split"] == split]
    return [(folder / "images" / name).with_suffix(".jpg") for name in names]


def _stills(data: Path) -> list[np.ndarray]:
    pictures = []
    sets = [(pattern, sorted(data.glob(pattern)), most) for pattern, most in STILLS.items()]
    for pattern, files, most in (*sets, ("camus_a4c", apical_files(data, "train"), APICAL)):
        if not files:
            print(f"without {pattern}: not in the data folder", flush=True)
        for k in np.linspace(0, len(files) - 1, min(most, len(files))).astype(int):
            still = cv2.imread(str(files[k]), cv2.IMREAD_GRAYSCALE)
            if still is not None:
                pictures.append(Letterbox(0, still.shape[0], 0, still.shape[1], BASE).shrink(still))
    return pictures


def _m_modes(file: Path) -> list[np.ndarray]:
    """M-mode of a clip's middle: its strip alone, and below a small sector as machines show it."""
    _, opening, frames = open_clip(file)
    box = Letterbox(*opening.sector.box, BASE)
    squares = np.stack([box.shrink(blanked(frame, opening.sector)) for frame in frames])
    columns = squares[:, :, int(0.52 * BASE)].T
    strip = cv2.resize(np.tile(columns, (1, 2)), (BASE, BASE // 2), interpolation=cv2.INTER_LINEAR)
    alone, below = np.zeros((BASE, BASE), np.uint8), np.zeros((BASE, BASE), np.uint8)
    alone[BASE // 4 : BASE // 4 + BASE // 2] = strip
    small = BASE // 3
    below[:small, small : 2 * small] = cv2.resize(squares[0], (small, small), interpolation=cv2.INTER_AREA)
    below[BASE // 2 :] = strip
    return [alone, below]
