"""Trains `cardiac-mr-views`: the view of a cardiac MR picture, and apex and mitral points on long-axis views.

    python -m training cardiac-mr-views --data DIR

DIR holds acdc, sunnybrook, dsb2015_4ch, cmr_localizers, cmr_long_axis, cmr_stills, cmr_landmarks.csv, camus_a4c, plax and
echo_views. Resumable: the checkpoint in --runs is taken up.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.mr.scale import BRIGHTEST
from engine.mr.views import CLASSES, SIZE, ViewNet, fitted, letterbox
from training import checkpoints
from training.cardiac_mr_views_data import Seen, read_views
from training.checkpoints import Learner

BATCH = 16
STEPS = 75  # of an epoch
EPOCHS = 24
HIGHEST_RATE = 2e-3
WARM_UP = 80  # steps
AVERAGE = 0.98
SHARES = {  # of the draws; four-chamber pictures also carry the landmarks
    "VIEW_SAX": 0.14, "VIEW_2CH": 0.13, "VIEW_3CH": 0.13, "VIEW_4CH": 0.26,
    "VIEW_AXIAL": 0.09, "VIEW_CORONAL": 0.08, "VIEW_SAGITTAL": 0.08, "OTHER": 0.09,
}  # fmt: skip
EYE_WEIGHT = 6.0  # how much oftener a picture with points marked by eye is drawn than another of its view
SPREAD_PX = 1.2  # of the wanted heat map
POINTS_WEIGHT = 0.5  # of the points' loss beside the view's
CLOSE_SHARE = 0.4  # of the pictures with points: seen as the second look sees them
SEED = 61


def augmented(seen: Seen, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(SIZE, SIZE) float32 picture and (3, 2) points in its px, nan where unknown or outside."""
    matrix = letterbox(seen.image.shape)
    known = np.isfinite(seen.points).all()
    turn = rng.normal(0, 12) + (90 * rng.integers(4) if rng.random() < 0.3 else 0)
    zoom, shift = np.exp(rng.normal(0.08, 0.18)), rng.normal(0, 5, 2)
    middle = np.full(2, (SIZE - 1) / 2)
    if known and rng.random() < CLOSE_SHARE:
        apex, mitral = seen.points[0], seen.points[1:].mean(0)
        length = matrix[0, 0] * np.hypot(*(apex - mitral))
        zoom = SIZE / (rng.uniform(1.8, 3.2) * max(length, 8.0))
        middle = matrix @ np.array([*(apex + mitral) / 2, 1.0]) + rng.normal(0, 0.1, 2) * length
        turn = rng.normal(0, 30) + 90 * rng.integers(4) * (rng.random() < 0.5)
    about = cv2.getRotationMatrix2D(tuple(middle), turn, zoom)
    about[:, 2] = about[:, 2] + (SIZE - 1) / 2 - middle + shift
    stretch = np.exp(rng.normal(0, 0.06))
    about[0] *= stretch
    if rng.random() < 0.12:
        about = np.array([[-1.0, 0, SIZE - 1], [0, 1, 0], [0, 0, 1]])[:2, :2] @ about + [[0, 0, SIZE - 1], [0, 0, 0]]
    matrix = about @ np.vstack([matrix, [0, 0, 1]])
    picture = fitted(seen.image, matrix)
    points = seen.points @ matrix[:, :2].T + matrix[:, 2]
    inside = ((points >= 0) & (points <= SIZE - 1)).all(1, keepdims=True)
    return _greys(picture, rng), np.where(inside, points, np.nan)


def _greys(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    picture = np.clip(picture, 0, None) ** np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.2))
    if rng.random() < 0.5:
        rows, columns = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
        picture = picture * np.clip(1 + rng.normal(0, 0.35) * rows + rng.normal(0, 0.35) * columns, 0.2, 2)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(0.01, 0.08), picture.shape)
    if rng.random() < 0.25:  # a narrower field: black bars
        bar = int(rng.integers(3, 20))
        picture = picture.copy()
        if rng.random() < 0.5:
            picture[:, :bar] = picture[:, -bar:] = 0
        else:
            picture[:bar] = picture[-bar:] = 0
    return np.clip(picture, 0, BRIGHTEST).astype(np.float32)


def wanted_heat(points: np.ndarray) -> np.ndarray:
    """(3, SIZE, SIZE) maps that each add up to 1 around their point; all 0 where it is unknown."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    heat = np.zeros((3, SIZE, SIZE), np.float32)
    for k, (x, y) in enumerate(points):
        if np.isfinite(x) and np.isfinite(y):
            near = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * SPREAD_PX**2))
            heat[k] = near / near.sum()
    return heat


def loss_of(views: Tensor, heat: Tensor, view: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of the view plus that of each known point over the places of its map."""
    entropy = -(wanted.flatten(2) * heat.float().flatten(2).log_softmax(2)).sum(2)
    known = wanted.flatten(2).sum(2) > 0
    points = entropy[known].mean() if known.any() else heat.float().sum() * 0
    return functional.cross_entropy(views.float(), view, label_smoothing=0.05) + POINTS_WEIGHT * points


def train(seen: list[Seen], runs: Path, threads: int) -> nn.Module:
    """The trained network (moving average of its weights); checkpoints after every epoch."""
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    training, validation = [s for s in seen if not s.validates], [s for s in seen if s.validates]
    network = ViewNet().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), HIGHEST_RATE, weight_decay=2e-2)
    learning = checkpoints.begun(network, optimiser, AVERAGE)
    start = checkpoints.taken_up(learning, runs)
    chances = draw_chances(training)
    for epoch in range(start, EPOCHS):
        rng = np.random.default_rng([SEED, epoch])
        network.train()
        began, total = time.process_time(), 0.0
        for step in range(STEPS):
            done = (epoch + step / STEPS) / EPOCHS
            warm = min(1.0, (epoch * STEPS + step + 1) / WARM_UP)
            for group in optimiser.param_groups:
                group["lr"] = max(1e-5, warm * HIGHEST_RATE * checkpoints.cosine(done))
            chosen = [training[i] for i in rng.choice(len(training), BATCH, p=chances)]
            total += _step(learning, chosen, rng)
        checkpoints.keep(learning, epoch, runs)
        right, far = validation_scores(learning.average.module, validation)
        seconds = time.process_time() - began
        print(f"epoch {epoch} loss {total / STEPS:.4f} right {right:.4f} far {far:.4f} cpu {seconds:.0f} s", flush=True)
    return learning.average.module


def draw_chances(seen: list[Seen]) -> np.ndarray:
    """(N,) chance of each picture to be drawn: SHARES over the views, then even over sources, then over pictures."""
    sizes: dict[tuple[str, str], float] = {}
    own = [EYE_WEIGHT if s.by_eye and s.source == "dsb" else 1.0 for s in seen]
    for s, weight in zip(seen, own, strict=True):
        sizes[s.view, s.source] = sizes.get((s.view, s.source), 0.0) + weight
    sources = {view: sum(1 for v, _ in sizes if v == view) for view, _ in sizes}
    chance = [
        SHARES[s.view] / sources[s.view] * weight / sizes[s.view, s.source] for s, weight in zip(seen, own, strict=True)
    ]
    return np.array(chance) / np.sum(chance)


def _step(learning: Learner, chosen: list[Seen], rng: np.random.Generator) -> float:
    pairs = [augmented(s, rng) for s in chosen]
    x = torch.from_numpy(np.stack([picture for picture, _ in pairs])[:, None])
    wanted = torch.from_numpy(np.stack([wanted_heat(points) for _, points in pairs]))
    with torch.autocast("cpu", torch.bfloat16):
        views, heat = learning.network(x.contiguous(memory_format=torch.channels_last))
    loss = loss_of(views, heat, torch.tensor([CLASSES.index(s.view) for s in chosen]), wanted)
    return checkpoints.step(learning, loss)


@torch.no_grad()
def validation_scores(network: nn.Module, seen: list[Seen], at_most: int = 200) -> tuple[float, float]:
    """Share of right views, and the points' median distance in the ventricle's lengths, at the first look."""
    network.eval()
    some = [seen[i] for i in np.linspace(0, len(seen) - 1, min(at_most, len(seen))).astype(int)]
    right, far = [], []
    for s in some:
        matrix = letterbox(s.image.shape)
        views, heat = network(torch.from_numpy(fitted(s.image, matrix)[None, None]))
        right.append(CLASSES[int(views[0].argmax())] == s.view)
        if np.isfinite(s.points).all():
            places = s.points @ matrix[:, :2].T + matrix[:, 2]
            found = np.array([np.unravel_index(int(h.argmax()), h.shape)[::-1] for h in heat[0].numpy()])
            far += list(np.hypot(*(found - places).T) / np.hypot(*(places[0] - places[1:].mean(0))))
    return float(np.mean(right)), float(np.median(far)) if far else float("nan")


@torch.no_grad()
def temperature(network: nn.Module, seen: list[Seen]) -> float:
    """The divisor of the view logits with the lowest cross-entropy on these pictures (Guo 2017)."""
    network.eval()
    x = torch.from_numpy(np.stack([fitted(s.image, letterbox(s.image.shape)) for s in seen])[:, None])
    logits = torch.cat([network.views(part).float() for part in x.split(64)])  # type: ignore[operator]
    view = torch.tensor([CLASSES.index(s.view) for s in seen])
    tried = np.geomspace(0.3, 4, 60)
    return float(min(tried, key=lambda t: float(functional.cross_entropy(logits / t, view))))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training cardiac-mr-views",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/cardiac-mr-views"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    train(read_views(asked.data), asked.runs, asked.threads)
    return 0
