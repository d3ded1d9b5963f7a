"""Trains `cardiac-mr-segmentation`: LV cavity, LV myocardium and RV cavity in short-axis slices.

    python -m training cardiac-mr-segmentation --data DIR

DIR holds acdc/ and sunnybrook/, each as pictures (patients.csv, slices.csv, images, masks; images, masks of the LV cavity)
or as its makers publish it (patientXXX/Info.cfg and NIfTI; DICOM and contour text files): see cardiac_mr_layouts.py.
Resumable: the checkpoint in --runs is taken up.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.mr.scale import placed, warped
from engine.mr.segmentation import as_outlined
from engine.unet import UNet
from training import checkpoints
from training.cardiac_mr_augment import drawn
from training.cardiac_mr_data import Slice, read_acdc, read_sunnybrook
from training.checkpoints import Learner

CLASSES = (
    4  # as ACDC outlines them; then one output for the cavity as Sunnybrook does, one for whose picture it looks like
)
OUTPUTS = CLASSES + 2
UNSURE_PX = 4  # on either side of a Sunnybrook outline: where ACDC's would run is not known
BATCH = 16
STEPS = 100  # of an epoch
WARM_UP = 200  # steps
AVERAGE = 0.99  # weight of the past in the averaged network, per step
ES_SHARE = 0.6  # of ACDC's pictures in a batch: the smaller outlines are harder
LAST_STRENGTH = 0.5  # of the augmentation at the end of a round
SEED = 6
COHORT_PICTURES = 160  # of each cohort, from which the cohort is learnt
COHORT_RIDGE = 10.0
COHORT_STEEP = 8.0  # log odds per unit of a regression on -1 and 1


@dataclass(frozen=True)
class Round:
    """One course of the learning rate. cavity_only_share: of a batch. neighbours: whether the slices beside are shown.

    full_strength_until: share of the epochs; the augmentation is at LAST_STRENGTH after that.
    """

    epochs: int
    highest_rate: float
    cavity_only_share: float
    neighbours: bool
    full_strength_until: float = 0.8


ROUNDS = (
    Round(22, 2.5e-3, 0.22, neighbours=False),  # each slice by itself
    Round(26, 1.5e-3, 0.35, neighbours=True),  # what they mean to each other
    Round(5, 1.0e-3, 0.3, neighbours=True),  # whose outlines they are
    Round(26, 1.5e-3, 0.25, neighbours=True, full_strength_until=0.65),  # all of it, closer to real pictures at the end
)


def loss_of(outputs: Tensor, mask: Tensor, cavity_only: Tensor) -> Tensor:
    """Cross-entropy plus one minus soft Dice of each source's outlines in its own pictures, and the entropy of the source.

    ACDC's overlap is of the whole batch, as a volume's is of all slices; a lone picture of Sunnybrook counts by itself. What
    lies well inside or outside its outline also teaches the classes. outputs: (B, 6, H, W); mask: (B, H, W) int64;
    cavity_only: (B,) bool, where only "LV cavity or not" is known.
    """
    outputs, known = outputs.float(), ~cavity_only
    share = outputs[:, :CLASSES].softmax(1).clamp(1e-6, 1)
    source = functional.binary_cross_entropy_with_logits(outputs[:, CLASSES + 1].mean((1, 2)), cavity_only.float())
    loss = 0.1 * source
    if known.any():
        entropy = -share[known].gather(1, mask[known][:, None]).log().mean()
        truth = functional.one_hot(mask[known], CLASSES).permute(0, 3, 1, 2).float()
        both, all_ = (share[known] * truth).sum((0, 2, 3)), (share[known] + truth).sum((0, 2, 3))
        loss = loss + known.float().mean() * entropy + 1 - (2 * both[1:] / all_[1:].clamp_min(1)).mean()
    if cavity_only.any():
        inside = (mask[cavity_only] == 1).float()
        logits = outputs[cavity_only, CLASSES]
        wide = logits.sigmoid()
        overlap = (2 * (wide * inside).sum((1, 2)) + 1) / ((wide + inside).sum((1, 2)) + 1)
        sure = _away(inside)
        cavity = share[cavity_only, 1]
        partly = torch.where(inside > 0, cavity, 1 - cavity).clamp_min(1e-6)
        entropy = functional.binary_cross_entropy_with_logits(logits, inside) - (partly.log() * sure).mean()
        loss = loss + cavity_only.float().mean() * (entropy + (1 - overlap).mean())
    return loss


def _away(inside: Tensor) -> Tensor:
    """(B, H, W) of 0 and 1: 1 where a pixel lies more than UNSURE_PX from the border of what is inside."""
    size = 2 * UNSURE_PX + 1
    near = functional.max_pool2d(inside[:, None], size, 1, UNSURE_PX)[:, 0]
    deep = -functional.max_pool2d(-inside[:, None], size, 1, UNSURE_PX)[:, 0]
    return 1 - (near - deep)


@torch.no_grad()
def validation_dice(network: nn.Module, slices: list[Slice]) -> np.ndarray:
    """(4,) Dice over each patient and phase, then the mean: ACDC's LV, myocardium, RV; Sunnybrook's LV.

    The crops are centred on the labels, so this follows the training; what the whole engine reaches is measured apart.
    """
    network.eval()
    sums: dict[tuple[str, str], np.ndarray] = {}
    for at in range(0, len(slices), 32):
        some = slices[at : at + 32]
        matrices = [placed(s.image, (s.mm_per_px,) * 2, s.centre) for s in some]
        x = torch.from_numpy(np.stack([_seen(s, m) for s, m in zip(some, matrices, strict=True)]))
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(x.contiguous(memory_format=torch.channels_last)).float()
        predicted = as_outlined(outputs, outputs[:, CLASSES + 1].mean((1, 2))).argmax(1).numpy()
        for slice_, matrix, p in zip(some, matrices, predicted, strict=True):
            truth = warped(slice_.mask, matrix, labels=True)
            key = (slice_.patient, slice_.phase or str(slice_.number))
            sums.setdefault(key, np.zeros((2, 3)))
            sums[key] += [
                [((p == k) & (truth == k)).sum() for k in (1, 2, 3)],
                [(p == k).sum() + (truth == k).sum() for k in (1, 2, 3)],
            ]
    of = {key: 2 * both / np.maximum(all_, 1) for key, (both, all_) in sums.items()}
    acdc = [v for (_, phase), v in of.items() if phase in ("ED", "ES")]
    sunnybrook = [v[0] for (_, phase), v in of.items() if phase not in ("ED", "ES")]
    return np.array([*np.mean(acdc, 0), np.mean(sunnybrook)])


def _seen(slice_: Slice, matrix: np.ndarray) -> np.ndarray:
    """(3, CROP_PX, CROP_PX) as the engine shows it: a slice of a cine between its neighbours, a lone picture by itself."""
    black = np.zeros_like(slice_.image)
    before, after = (None, None) if slice_.cavity_only else (slice_.before, slice_.after)
    return np.stack([warped(black if i is None else i, matrix) for i in (before, slice_.image, after)])


def rate(round_: Round, done: float) -> float:
    """Learning rate after this share of a round: warm-up, then a cosine."""
    warm = min(1.0, done * round_.epochs * STEPS / WARM_UP)
    return max(1e-5, warm * round_.highest_rate * checkpoints.cosine(done))


def train(slices: list[Slice], runs: Path, threads: int) -> UNet:
    """The trained network (moving average of its weights); checkpoints after every epoch."""
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    full = [s for s in slices if not s.validates and not s.cavity_only]
    share_of = {"ED": 1 - ES_SHARE, "ES": ES_SHARE}
    chance = np.array([share_of[s.phase] for s in full])
    partial = [s for s in slices if not s.validates and s.cavity_only]
    validation = [s for s in slices if s.validates]
    network = UNet(3, OUTPUTS).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    learning = checkpoints.begun(network, optimiser, AVERAGE)
    start = checkpoints.taken_up(learning, runs)
    for epoch, (round_, own) in list(enumerate((r, own) for r in ROUNDS for own in range(r.epochs)))[start:]:
        if own == 0 and epoch > 0:
            if not ROUNDS[ROUNDS.index(round_) - 1].neighbours:
                _unlearn_neighbours(learning.average.module)
            network.load_state_dict(learning.average.module.state_dict())
            optimiser.state.clear()
        rng = np.random.default_rng([SEED, epoch])
        strength = 1.0 if own < round_.full_strength_until * round_.epochs else LAST_STRENGTH
        network.train()
        began, total = time.process_time(), 0.0
        for step in range(STEPS):
            for group in optimiser.param_groups:
                group["lr"] = rate(round_, (own + step / STEPS) / round_.epochs)
            few = rng.binomial(BATCH, round_.cavity_only_share)
            chosen = [full[i] for i in rng.choice(len(full), BATCH - few, p=chance / chance.sum())]
            chosen += [partial[i] for i in rng.integers(len(partial), size=few)]
            pairs = [drawn(slice_, rng, strength, round_.neighbours) for slice_ in chosen]
            total += _step(learning, pairs, [s.cavity_only for s in chosen])
        checkpoints.keep(learning, epoch, runs)
        scores = " ".join(f"{v:.4f}" for v in validation_dice(learning.average.module, validation))
        seconds = time.process_time() - began
        print(
            f"epoch {epoch} loss {total / STEPS:.4f} dice lv myo rv sunnybrook {scores} cpu {seconds:.0f} s", flush=True
        )
    learnt: UNet = learning.average.module  # type: ignore[assignment]
    learn_cohort(learnt, full, partial)
    return learnt


@torch.no_grad()
def learn_cohort(network: UNet, one: list[Slice], other: list[Slice]) -> None:
    """Sets the last output so that its mean over a picture tells the cohorts apart: a ridge of the picture's mean features.

    The gradient's own way there is too slow. Pictures are changed at half strength, with or without neighbours alike.
    """
    network.eval()
    rng = np.random.default_rng(SEED)
    kept: list[Tensor] = []
    hook = network.head.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0].float().mean((2, 3))))
    for cohort in (one, other):
        chosen = [cohort[i] for i in rng.integers(len(cohort), size=COHORT_PICTURES)]
        pairs = [drawn(slice_, rng, 0.5, bool(rng.random() < 0.5)) for slice_ in chosen]
        for x in torch.from_numpy(np.stack([images for images, _ in pairs])).split(BATCH):
            with torch.autocast("cpu", torch.bfloat16):
                network(x.contiguous(memory_format=torch.channels_last))
    hook.remove()
    features = torch.cat(kept)
    middle, spread = features.mean(0), features.std(0).clamp_min(1e-4)
    x = (features - middle) / spread
    y = torch.cat([-torch.ones(COHORT_PICTURES), torch.ones(COHORT_PICTURES)])
    weight = torch.linalg.solve(x.T @ x + COHORT_RIDGE * torch.eye(x.shape[1]), x.T @ y) * COHORT_STEEP / spread
    network.head.weight[CLASSES + 1] = weight[:, None, None]
    assert network.head.bias is not None
    network.head.bias[CLASSES + 1] = -(weight @ middle)


@torch.no_grad()
def _unlearn_neighbours(network: nn.Module) -> None:
    """What a first round without neighbours left in their weights is chance: a later round begins without it."""
    first = network.get_submodule("stem.0").get_parameter("weight")
    first[:, [0, 2]] = 0


def _step(
    learning: Learner,
    pairs: list[tuple[np.ndarray, np.ndarray]],
    cavity_only: list[bool],
) -> float:
    x = torch.from_numpy(np.stack([images for images, _ in pairs]))
    mask = torch.from_numpy(np.stack([mask for _, mask in pairs]).astype(np.int64))
    with torch.autocast("cpu", torch.bfloat16):
        logits = learning.network(x.contiguous(memory_format=torch.channels_last))
    loss = loss_of(logits, mask, torch.tensor(cavity_only))
    return checkpoints.step(learning, loss)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training cardiac-mr-segmentation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/cardiac-mr"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    train(read_acdc(asked.data / "acdc") + read_sunnybrook(asked.data / "sunnybrook"), asked.runs, asked.threads)
    return 0
