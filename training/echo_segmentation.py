"""Trains `echo-apical` and `echo-apical-second`: LV cavity, myocardium, left atrium in four-chamber frames (CAMUS layout).

Part of `python -m training echo-ef --data DIR`.
DIR holds camus_a4c/index.csv (file, patient, phase, split, mm_per_pixel), images/*.jpg and masks/*.png
(0 background, 1 LV cavity, 2 myocardium, 3 left atrium). The index splits patients into train and valid. A folder of
EchoNet-Dynamic's layout in DIR (see training/echo_dynamic.py) adds its traced ventricles.
Resumable: the newest checkpoint in runs/NAME/ is taken up.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.echo_ef.ejection_fraction import PRESERVED, REDUCED
from engine.echo_ef.volumes import discs
from engine.unet import UNet
from training import echo_dynamic
from training.echo_augment import augment

SIZE = 128  # px of the square that the network sees; the longer side of a frame fills it
# How frames are kept until they are moved. MOVED: at SIZE, masks as cv2.INTER_NEAREST shrinks them, up to half a pixel off;
# EXACT: at SIZE; FINE: at twice that, so that no pixel is resampled twice and borders fall where they were drawn.
MOVED, EXACT, FINE = "moved", "exact", "fine"
CLASSES = 4
BATCH = 16
SEED = 20


@dataclass(frozen=True)
class Round:
    """Epochs whose learning rate falls from `rate` to nothing as a cosine. strength, far, strange: see `augment`.

    frames: MOVED, EXACT or FINE. counts: the share of the network after this round in the mean that is shipped, relative to the
    others'.
    begins: the rounds (numbers from 0) whose mean weights this one starts from; none: it goes on from where the last ended.
    balanced: reduced, mildly reduced and preserved ejection fractions are drawn alike, however few patients have them.
    """

    epochs: int
    rate: float
    strength: float
    far: float
    strange: float
    frames: str = FINE
    counts: float = 0.0
    begins: tuple[int, ...] = ()
    balanced: bool = False


# The early rounds of the first network are as they were when the shipped file was made.
COURSES = {
    "echo-apical": (
        Round(40, 2e-3, 1.0, 0.0, 0.0, MOVED), Round(18, 8e-4, 0.4, 0.3, 0.0, MOVED), Round(8, 5e-4, 0.3, 0.2, 0.0, EXACT),
        Round(9, 6e-4, 0.4, 0.1, 0.1, counts=2), Round(6, 6e-4, 0.6, 0.2, 0.5, counts=2),
        Round(12, 5e-4, 0.4, 0.1, 0.25, counts=1, begins=(3, 4), balanced=True),
    ),
    "echo-apical-second": (
        Round(30, 2e-3, 1.0, 0.1, 0.0), Round(12, 1e-3, 0.5, 0.2, 0.0), Round(9, 8e-4, 0.4, 0.2, 0.3, counts=1),
        Round(20, 8e-4, 0.5, 0.15, 0.25, counts=1, begins=(2,), balanced=True),
    ),
}  # fmt: skip
# Overlap is best where a pixel counts as heart from somewhat below an even chance on (about half the overlap that is reached).
STRUCTURE_ODDS = 1.3
OTHERS_SHARE = 0.15  # of a batch: pictures that hold no four-chamber view, to learn to draw nothing there
OTHER_CLIPS = (  # sets whose terms allow training; the clips of other views
    "plax/test1.mp4", "plax/test2.mp4", "plax/pocus1.mp4", "plax/pocus2.mp4", "plax/pocus3.mp4", "plax/pocus4.mp4",
    "plax/litfl1.mp4", "echo_views/clip_takotsubo_psax-1.mp4", "echo_views/clip_cardiac-tamponade_ivc.mp4",
    "echo_views/clip_cardiac-tamponade_subcostal.mp4", "echo_views/clip_cardiac-tamponade_posterior.mp4",
)  # fmt: skip
OTHER_STILLS = ("acdc/images/*ED_0[35].jpg", "cmr_localizers/images/*")
FRAMES_PER_CLIP = 24
STILLS_PER_SET = 60


@dataclass(frozen=True)
class Frames:
    """images: (N, SIZE, SIZE) uint8; masks: the same, class numbers; validates: (N,) bool, by patient.

    whole: (N,) bool, all structures are drawn in the mask; elsewhere the cavity alone. bands: (N,) int, of the patient's
    ejection fraction: 0 reduced, 1 mildly reduced, 2 preserved.
    """

    images: np.ndarray
    masks: np.ndarray
    validates: np.ndarray
    whole: np.ndarray
    bands: np.ndarray

    def of(self, chosen: np.ndarray) -> Frames:
        return Frames(*(each[chosen] for each in vars(self).values()))

    def and_also(self, more: Frames) -> Frames:
        """These and more."""
        pairs = zip(vars(self).values(), vars(more).values(), strict=True)
        return Frames(*(np.concatenate(pair) for pair in pairs))


def read_camus(folder: Path, moved: bool = False, side: int = SIZE) -> Frames:
    """Every frame of the CAMUS layout, letterboxed to `side`; masks `moved` as MOVED tells."""
    images, masks, validates, names = [], [], [], []
    volumes: dict[str, dict[str, float]] = {}
    with (folder / "index.csv").open() as file:
        for row in csv.DictReader(file):
            image, mask = read_pair(folder, row["file"])
            images.append(letterbox(image, cv2.INTER_AREA, side))
            masks.append(letterbox(mask, cv2.INTER_NEAREST if moved else cv2.INTER_NEAREST_EXACT, side))
            validates.append(row["split"] == "valid")
            names.append(row["patient"])
            cavity = discs(mask)
            volumes.setdefault(row["patient"], {})[row["phase"]] = cavity.volume if cavity else math.nan
    bands = {name: band_of(100 * (1 - of["ES"] / of["ED"])) for name, of in volumes.items()}
    return Frames(
        np.stack(images),
        np.stack(masks),
        np.array(validates),
        np.ones(len(images), bool),
        np.array([bands[name] for name in names]),
    )


def band_of(ejection_fraction: float) -> int:
    """0 reduced (40 % or less), 1 mildly reduced (below 50 %), 2 preserved."""
    return int(ejection_fraction > REDUCED) + int(ejection_fraction >= PRESERVED)


def balanced(bands: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) places in `bands`, mixed: every band that is there as often as every other (give or take one).

    Within a band each place comes as often as every other (give or take one).
    """
    present = np.unique(bands)
    shares = [len(part) for part in np.array_split(np.arange(count), len(present))]
    drawn = []
    for band, share in zip(present, shares, strict=True):
        own = np.flatnonzero(bands == band)
        rounds = [rng.permutation(own) for _ in range(math.ceil(share / len(own)))]
        drawn.append(np.concatenate(rounds)[:share])
    return rng.permutation(np.concatenate(drawn))


def read_dynamic(folder: Path, side: int = SIZE) -> Frames:
    """The traced frames of EchoNet-Dynamic's layout that train or validate; those of its test split are left alone."""
    images, masks, validates, bands = [], [], [], []
    for traced in echo_dynamic.traced_frames(folder):
        if traced.split in ("TRAIN", "VAL"):
            images.append(letterbox(traced.image, cv2.INTER_LINEAR, side))
            masks.append(letterbox(traced.mask, cv2.INTER_NEAREST_EXACT, side))
            validates.append(traced.split == "VAL")
            bands.append(band_of(traced.ejection_fraction))
    whole = np.zeros(len(images), bool)
    return Frames(np.stack(images), np.stack(masks), np.array(validates), whole, np.array(bands))


def read_pair(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A frame and its mask, (H, W) uint8 each. Raises FileNotFoundError if either is missing."""
    image = cv2.imread(str((folder / "images" / name).with_suffix(".jpg")), cv2.IMREAD_GRAYSCALE)
    mask = cv2.imread(str(folder / "masks" / name), cv2.IMREAD_UNCHANGED)
    if image is None or mask is None:
        raise FileNotFoundError(f"{folder}: {name} of index.csv is missing.")
    return image, mask.astype(np.uint8)


def read_others(data: Path, side: int = SIZE) -> np.ndarray:
    """(N, side, side) uint8 pictures of other views and organs; clips that DIR lacks are left out, and said so."""
    pictures: list[np.ndarray] = []
    for name in OTHER_CLIPS:
        video, frames = cv2.VideoCapture(str(data / name)), []
        while (read := video.read())[0]:
            frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
        if not frames:
            print(f"without {name}: not in the data folder", flush=True)
        chosen = np.linspace(0, len(frames) - 1, min(FRAMES_PER_CLIP, len(frames))).astype(int)
        pictures += [letterbox(frames[k], cv2.INTER_AREA, side) for k in chosen]
    for pattern in OTHER_STILLS:
        found = sorted(data.glob(pattern))
        for k in np.linspace(0, len(found) - 1, min(STILLS_PER_SET, len(found))).astype(int):
            still = cv2.imread(str(found[k]), cv2.IMREAD_GRAYSCALE)
            if still is not None:
                pictures.append(letterbox(still, cv2.INTER_AREA, side))
    return np.stack(pictures)


def letterbox(picture: np.ndarray, interpolation: int, side: int = SIZE) -> np.ndarray:
    """The picture with its longer side at `side` px, centred on black."""
    height, width = picture.shape
    scale = side / max(height, width)
    small = cv2.resize(
        picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=interpolation
    )
    square = np.zeros((side, side), picture.dtype)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def pace(course: Sequence[Round], epoch: float) -> tuple[Round, float]:
    """The round at a time within the course, and its learning rate there."""
    for at in course:
        if epoch < at.epochs:
            return at, at.rate * 0.5 * (1 + math.cos(math.pi * epoch / at.epochs))
        epoch -= at.epochs
    return course[-1], 0.0


def loss_of(logits: Tensor, mask: Tensor, whole: Tensor) -> Tensor:
    """Cross-entropy plus one minus soft Dice, mean over the structures; where the mask is not whole, of the cavity alone.

    logits: (B, CLASSES, H, W). mask: (B, H, W) class numbers. whole: (B,) bool.
    """
    share = whole.float().mean()
    loss = logits.new_zeros(())
    if whole.any():
        loss = loss + share * _loss(logits[whole], mask[whole])
    if not whole.all():
        others = torch.cat([logits[~whole, :1], logits[~whole, 2:]], 1).logsumexp(1)
        cavity = torch.stack([others, logits[~whole, 1]], 1)
        loss = loss + (1 - share) * _loss(cavity, (mask[~whole] == 1).long())
    return loss


def _loss(logits: Tensor, mask: Tensor) -> Tensor:
    share = logits.softmax(1)
    truth = functional.one_hot(mask, logits.shape[1]).permute(0, 3, 1, 2).float()
    both, all_ = (share * truth).sum((0, 2, 3)), (share + truth).sum((0, 2, 3))
    return functional.cross_entropy(logits, mask) + 1 - (2 * both[1:] / all_[1:].clamp_min(1)).mean()


@torch.no_grad()
def dice(network: nn.Module, frames: Frames) -> np.ndarray:
    """(3,) mean Dice of LV cavity, myocardium, left atrium over the frames."""
    network.eval()
    scores = []
    for at in range(0, len(frames.images), 32):
        x = torch.from_numpy(frames.images[at : at + 32, None].astype(np.float32) / 255)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = network(x.contiguous(memory_format=torch.channels_last)).argmax(1).numpy()
        truth = frames.masks[at : at + 32]
        for p, t in zip(predicted, truth, strict=True):
            scores.append(
                [2 * ((p == k) & (t == k)).sum() / max(((p == k).sum() + (t == k).sum()), 1) for k in (1, 2, 3)]
            )
    return np.mean(scores, 0)


@dataclass(frozen=True)
class Pictures:
    """What a round learns from: training frames, and (N, S, S) uint8 pictures of other views, of the same side."""

    frames: Frames
    others: np.ndarray


def train(
    course: Sequence[Round], kinds: Mapping[str, Pictures], validation: Frames, runs: Path, threads: int
) -> nn.Module:
    """The network after all rounds (moving average of its weights); checkpoints after every epoch.

    kinds: the pictures by the name that rounds ask for. validation: at SIZE.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    network = UNet(1, CLASSES).to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-3)
    steps = len(kinds[course[-1].frames].frames.images) // BATCH
    ends = list(accumulate(at.epochs for at in course))
    firsts = [0, *ends[:-1]]
    newest, start = runs / "newest.pt", 0
    runs.mkdir(parents=True, exist_ok=True)
    if newest.is_file():
        state = torch.load(newest, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        start = state["epoch"] + 1
    for epoch in range(start, ends[-1]):
        rng = np.random.default_rng([SEED, epoch])
        now, _ = pace(course, epoch)
        training, others = kinds[now.frames].frames, kinds[now.frames].others
        strengths = (now.strength, now.far, now.strange)
        if now.begins and epoch in firsts:
            average.load_state_dict(_mean({runs / f"round{k}.pt": 1 for k in now.begins}))
            network.load_state_dict(average.module.state_dict())
        network.train()
        total = 0.0
        for k, chosen in enumerate(np.array_split(_order(training, now, steps * BATCH, rng), steps)):
            _, rate = pace(course, epoch + k / steps)
            rate *= min(1, (epoch * steps + k + 1) / 200)
            for group in optimiser.param_groups:
                group["lr"] = max(rate, 1e-5)
            pairs = [augment(training.images[i], training.masks[i], rng, *strengths, SIZE) for i in chosen]
            foreign = others[rng.integers(len(others), size=round(BATCH * OTHERS_SHARE))]
            pairs += [
                augment(picture[:, :: rng.choice([1, -1])], 0 * picture, rng, strange=now.strange, side=SIZE)
                for picture in foreign
            ]
            x = torch.from_numpy(np.stack([p[0] for p in pairs])[:, None]).contiguous(memory_format=torch.channels_last)
            mask = torch.from_numpy(np.stack([p[1] for p in pairs]).astype(np.int64))
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(x)
            whole = torch.from_numpy(np.concatenate([training.whole[chosen], np.ones(len(foreign), bool)]))
            loss = loss_of(logits.float(), mask, whole)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            average.update_parameters(network)
            total += float(loss.detach())
        state = {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "epoch": epoch,
        }
        torch.save(state, newest)
        if epoch + 1 in ends:
            torch.save(average.state_dict(), runs / f"round{ends.index(epoch + 1)}.pt")
        lv, myocardium, atrium = dice(average.module, validation)
        print(
            f"epoch {epoch} loss {total / steps:.4f} dice lv {lv:.4f} myocardium {myocardium:.4f} atrium {atrium:.4f}",
            flush=True,
        )
    average.load_state_dict(_mean({runs / f"round{k}.pt": at.counts for k, at in enumerate(course) if at.counts}))
    return average.module


def _order(frames: Frames, now: Round, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) the frames of one epoch, in their order."""
    return balanced(frames.bands, count, rng) if now.balanced else rng.permutation(len(frames.images))[:count]


def _mean(shares: Mapping[Path, float]) -> dict[str, Tensor]:
    """The mean of weights after several rounds: one is best on its own hospital, one on strange machines (Wortsman 2022).

    shares: of each file, relative to the others'.
    """
    states = [torch.load(file, weights_only=True) for file in shares]
    part = torch.tensor(list(shares.values()), dtype=torch.float32) / sum(shares.values())
    return {
        k: torch.tensordot(part, torch.stack([s[k].float() for s in states]), 1).to(states[0][k].dtype)
        for k in states[0]
    }


def trained(name: str, data: Path, runs: Path, threads: int) -> nn.Module:
    """The network of one of COURSES after all its rounds; an interrupted or finished run in `runs` is taken up.

    Frames of EchoNet-Dynamic's layout, where DIR holds one, teach the cavity beside those of CAMUS.
    """
    course = COURSES[name]
    kinds = {kind: _pictures(data, kind) for kind in dict.fromkeys(at.frames for at in course)}
    validation = read_camus(data / "camus_a4c")
    return readier(train(course, kinds, validation.of(validation.validates), runs, threads).eval())


def readier(network: nn.Module) -> nn.Module:
    """The network, every structure's odds against the background times STRUCTURE_ODDS."""
    with torch.no_grad():
        network.get_parameter("head.bias")[0] -= math.log(STRUCTURE_ODDS)
    return network


def _pictures(data: Path, kind: str) -> Pictures:
    side = 2 * SIZE if kind == FINE else SIZE
    frames = read_camus(data / "camus_a4c", kind == MOVED, side)
    dynamic = echo_dynamic.find(data)
    if dynamic is not None:
        frames = frames.and_also(read_dynamic(dynamic, side))
    return Pictures(frames.of(~frames.validates), read_others(data, side))
