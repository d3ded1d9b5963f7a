"""Pictures of every view for the training of `cardiac-mr-views`, with apex and mitral points where they are known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine.mr.scale import normalised
from engine.mr.views import OTHER, POINTS
from training.cardiac_mr_data import read_acdc, read_sunnybrook
from training.cardiac_mr_long_axis import points_of_cines, points_of_contour
from training.cardiac_mr_simulator import Heart, simulate

VALIDATES_EVERY = 5  # of the patients in the order of their names, those with this remainder
REMAINDER = 3
OTHER_CLIPS = (  # sets whose terms allow training
    "plax/test1.mp4", "plax/test2.mp4", "plax/pocus1.mp4", "plax/pocus2.mp4", "plax/pocus3.mp4", "plax/pocus4.mp4",
    "plax/litfl1.mp4", "echo_views/clip_takotsubo_psax-1.mp4", "echo_views/clip_cardiac-tamponade_ivc.mp4",
    "echo_views/clip_cardiac-tamponade_a4c.mp4", "echo_views/clip_pericardial-effusion_a4c.mp4",
)  # fmt: skip
FRAMES_PER_CLIP = 6
APICAL_EVERY = 5  # of CAMUS's frames: one in so many
DRAWN_HEARTS = 12
DRAWN = 200  # pages, charts, noise and heads
NAN = np.full((3, 2), np.nan)


@dataclass(frozen=True)
class Seen:
    """image: (H, W) float32, normalised; view: of CLASSES; points: (3, 2) x, y px of apex and mitral points, nan where unknown.

    by_eye: the points were marked on this very picture.
    """

    source: str
    patient: str
    image: np.ndarray
    view: str
    points: np.ndarray
    validates: bool
    by_eye: bool = False


def read_views(data: Path) -> list[Seen]:
    """Every picture of DIR: acdc, sunnybrook, dsb2015_4ch, cmr_localizers, cmr_long_axis, cmr_stills, and of other kinds."""
    marked = _marked(data / "cmr_landmarks.csv")
    short = [
        Seen("acdc" if not s.cavity_only else "sunnybrook", s.patient, s.image, "VIEW_SAX", NAN, s.validates)
        for s in read_acdc(data / "acdc") + read_sunnybrook(data / "sunnybrook")
    ]
    found = [
        *short,
        *_four_chamber(data / "dsb2015_4ch", marked),
        *_scouts(data / "cmr_localizers"),
        *_cines(data / "cmr_long_axis"),
        *_stills(data / "cmr_stills", marked),
        *_drawn_hearts(),
        *_others(data),
    ]
    return found


def _held_back(patients: list[str]) -> set[str]:
    return {name for k, name in enumerate(sorted(set(patients))) if k % VALIDATES_EVERY == REMAINDER}


def _marked(path: Path) -> dict[str, np.ndarray]:
    """File -> (3, 2) points marked by eye on four-chamber pictures; pixel centres at whole numbers."""
    marks: dict[str, np.ndarray] = {}
    for row in _table(path):
        place = marks.setdefault(row["file"], NAN.copy())
        place[POINTS["VIEW_4CH"].index(row["landmark"])] = float(row["x"]) - 0.5, float(row["y"]) - 0.5
    return marks


def _four_chamber(folder: Path, marked: dict[str, np.ndarray]) -> list[Seen]:
    paths = sorted((folder / "images").glob("*.jpg"))
    patients = ["_".join(path.stem.split("_")[:2]) for path in paths]
    held_back, seen = _held_back(patients), []
    for path, patient in zip(paths, patients, strict=True):
        eye = marked.get(f"dsb2015_4ch/images/{path.name}")
        contour = points_of_contour(_grey(folder / "masks" / f"{path.stem}.png")) if eye is None else eye
        points = NAN if contour is None else contour
        seen.append(
            Seen("dsb", patient, normalised(_grey(path)), "VIEW_4CH", points, patient in held_back, eye is not None)
        )
    return seen


def _scouts(folder: Path) -> list[Seen]:
    rows = _table(folder / "index.csv")
    held_back = _held_back([row["patient"] for row in rows])
    return [
        Seen(
            "localizers",
            row["patient"],
            normalised(_grey(folder / "images" / row["file"])),
            f"VIEW_{row['plane'].upper()}",
            NAN,
            row["patient"] in held_back,
        )
        for row in rows
    ]


def _cines(folder: Path) -> list[Seen]:
    """One patient, all for training: nothing independent is left to validate two and three chambers with."""
    points = points_of_cines(folder)
    seen = []
    for view in ("2CH", "3CH", "4CH", "SAX"):
        with np.load(folder / f"cine_{view}.npz") as cine:
            frames = cine["image"]
        for phase, frame in enumerate(frames):
            known = points[view][phase] if view in points else NAN
            seen.append(Seen("long axis", "biv-me", normalised(frame), f"VIEW_{view}", known, False))
    return seen


def stills_of_the_cines(folder: Path) -> list[Seen]:
    """Stills of the one patient whose cines are learnt from (`_cines`): nothing that is held back."""
    rows = [row for row in _table(folder / "index.csv") if row["file"].startswith("bivme")]
    return [Seen("stills", "biv-me", normalised(_grey(folder / row["file"])), row["view"], NAN, False) for row in rows]


def _stills(folder: Path, marked: dict[str, np.ndarray]) -> list[Seen]:
    """Figures of papers, each a person of its own; the frames of the cines' patient are left out."""
    rows = [row for row in _table(folder / "index.csv") if not row["file"].startswith("bivme")]
    held_back = _held_back([row["file"] for row in rows])
    return [
        Seen(
            "stills",
            row["file"],
            normalised(_grey(folder / row["file"])),
            row["view"],
            marked.get(f"cmr_stills/{row['file']}", NAN),
            row["file"] in held_back,
            True,
        )
        for row in rows
    ]


def _drawn_hearts() -> list[Seen]:
    """Short axes of simulated hearts, so that the app's own example is not taken for a drawing of something else."""
    rng, seen = np.random.default_rng(8), []
    for k in range(DRAWN_HEARTS):
        heart = Heart(
            6,
            2,
            128,
            rng.uniform(1.4, 2.0),
            10.0,
            rng.uniform(19, 30),
            rng.uniform(7, 13),
            noise=rng.uniform(2, 9),
            seed=k,
        )
        images, labels = simulate(heart)
        held = [(p, s) for p, s in np.ndindex(2, 6) if (labels[p, s] == 1).any()]
        seen += [Seen("drawn", f"heart{k}", normalised(images[p, s]), "VIEW_SAX", NAN, False) for p, s in held]
    return seen


def _others(data: Path) -> list[Seen]:
    """Echo frames, drawn pages, charts, noise and spots: what is no cardiac MR."""
    pictures: list[tuple[str, np.ndarray]] = []
    for path in sorted((data / "camus_a4c" / "images").glob("*.jpg"))[::APICAL_EVERY]:
        pictures.append((path.stem.split("_")[0], _grey(path)))
    for name in OTHER_CLIPS:
        video, frames = cv2.VideoCapture(str(data / name)), []
        while (read := video.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
        for k in np.linspace(0, len(frames) - 1, min(FRAMES_PER_CLIP, len(frames))).astype(int):
            pictures.append((name, frames[k]))
    rng = np.random.default_rng(7)
    for k in range(DRAWN):
        pictures.append((f"drawn{k}", DRAWINGS[k % len(DRAWINGS)](rng)))
    held_back = _held_back([name for name, _ in pictures])
    return [Seen("other", name, normalised(p), OTHER, NAN, name in held_back) for name, p in pictures]


def _page(rng: np.random.Generator) -> np.ndarray:
    """Lines of letters, or a form with boxes."""
    page = np.full((600, int(rng.integers(400, 800))), 245, np.uint8)
    for row in range(30, 580, int(rng.integers(16, 40))):
        letters = "".join(chr(c) for c in rng.integers(97, 123, 60))
        words = " ".join(letters[a : a + int(rng.integers(2, 9))] for a in range(0, 60, 6))
        cv2.putText(page, words, (20, row), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.7), 30, 1, cv2.LINE_AA)
    return page


def _curves(rng: np.random.Generator) -> np.ndarray:
    """Spiky traces over a grid, as on a paper ECG or a monitor."""
    height, width = int(rng.integers(300, 700)), int(rng.integers(500, 900))
    page = np.full((height, width), 240, np.uint8)
    pitch = int(rng.integers(8, 40))
    page[::pitch] = page[:, ::pitch] = int(rng.integers(180, 230))
    for row in np.linspace(40, height - 40, int(rng.integers(2, 7))):
        x = np.arange(width)
        beat = np.exp(-(((x + rng.uniform(0, 90)) % rng.uniform(60, 140) - 20) ** 2) / rng.uniform(4, 60))
        y = row - rng.uniform(10, 60) * beat + np.cumsum(rng.normal(0, 0.5, width))
        cv2.polylines(page, [np.stack([x, y], 1).astype(np.int32)], False, 20, 1, cv2.LINE_AA)
    return page if rng.random() < 0.7 else 255 - page


def _noise(rng: np.random.Generator) -> np.ndarray:
    """Noise of any coarseness, with or without bright spots."""
    shape = int(rng.integers(100, 500)), int(rng.integers(100, 500))
    field = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), rng.uniform(0.5, 12))
    for _ in range(int(rng.integers(0, 6))):
        spot = np.zeros(shape, np.float32)
        cv2.circle(spot, (int(rng.integers(shape[1])), int(rng.integers(shape[0]))), int(rng.integers(3, 30)), 1.0, -1)
        field += rng.uniform(1, 4) * field.std() * cv2.GaussianBlur(spot, (0, 0), 4)
    return field


def _smooth(rng: np.random.Generator) -> np.ndarray:
    """Overlapping discs and boxes without any anatomy."""
    field = np.full((256, 256), rng.uniform(0, 80), np.float32)
    for _ in range(int(rng.integers(1, 9))):
        centre = tuple(int(v) for v in rng.integers(0, 256, 2))
        if rng.random() < 0.5:
            cv2.circle(field, centre, int(rng.integers(10, 110)), float(rng.uniform(0, 255)), -1)
        else:
            corner = tuple(int(v) for v in rng.integers(0, 256, 2))
            cv2.rectangle(field, centre, corner, float(rng.uniform(0, 255)), -1)
    return cv2.GaussianBlur(field, (0, 0), rng.uniform(0.5, 3)) + rng.normal(0, rng.uniform(1, 20), field.shape)


def _head(rng: np.random.Generator) -> np.ndarray:
    """A head cut across, as a brain scan shows it: scalp, skull, folded brain with its midline and ventricles."""
    side, grey, white, fluid = 256, *rng.permutation([rng.uniform(60, 120), rng.uniform(110, 180), rng.uniform(5, 250)])
    long, wide = rng.uniform(85, 118), rng.uniform(65, 95)
    rows, columns = (np.mgrid[:side, :side] - side / 2).astype(np.float32)
    far = np.hypot(rows / long, columns / wide)  # 1 at the skin
    folds = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), rng.uniform(2.5, 5))
    depth = 0.86 - far + 0.12 * folds / folds.std() * (far > 0.35)
    picture = np.where(depth > 0.22, white, np.where(depth > 0.06, grey, fluid)).astype(np.float32)
    picture[(abs(columns) < 1.5) & (abs(rows) > 0.25 * long)] = fluid
    for flip in (-1, 1):
        horn = np.hypot((rows + 4) / rng.uniform(14, 30), (columns - flip * 9) / rng.uniform(4, 9)) < 1
        picture[horn] = fluid
    picture[(far > 0.86) & (far <= 0.94)] = rng.uniform(0, 30)  # skull
    picture[(far > 0.94) & (far <= 1)] = rng.uniform(90, 250)  # scalp
    picture[far > 1] = 0
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.6, 1.6))
    return np.clip(picture + rng.normal(0, rng.uniform(1, 10), picture.shape), 0, 255)


DRAWINGS = (_page, _curves, _noise, _smooth, _head)


def _grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing.")
    return picture


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
