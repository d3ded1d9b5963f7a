"""Trains the page network (weight `ecg-page`) on pages of our own renderer: `python -m training ecg-page --data DIR`.

Pages show real signals of the training split; validation pages show those of the validation split (other patients). Pages are
rendered once into a pool of crops under runs/, so that training on one CPU thread does not wait for them; both the pool and
the training go on where they were stopped.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from engine import devices
from engine.ecg.leads import RATE_HZ
from engine.ecg.segmentation import FINE, LAYERS, SHORTEST_LONGEST_PX, PageNet, folded
from training.ecg_page import PageStyle, RenderedPage, at_500_hz, flatten, random_style, render
from training.ecg_page_style import SEPARATORS
from training.ecg_simulator import random_profile, simulate, twelve_leads
from training.publish import Card, publish

SIZE = 384  # px of a crop in the pool
SEEN = 256  # px of what the network sees of it at once
PER_PAGE = 8  # crops of one page
PER_SHARD = 50  # pages
SEED = 20260
RECTIFIED_SHARE = 0.2  # of the pages, seen as the geometry code flattens them: 8 px per mm
SIMULATED_SHARE = 0.1  # of the signals
BORDER_SHARE = 0.6  # of the pages with columns: QRS complexes fall on the borders, where separators stand
BORDER_MS = 80.0  # how far from the border
WRINKLED_SHARE = 0.5  # of those pages, if photographed: strongly crumpled
RARE = ("lead_name", "other_text", "pulse", "separator")  # layers that half of the crops are drawn about
LAYER_WEIGHTS = {"trace": 3.0, "grid": 0.7, "lead_name": 3.0, "other_text": 2.0, "pulse": 3.0, "separator": 3.0}
POSITIVE_WEIGHTS = {"trace": 2.0, "grid": 1.0, "lead_name": 6.0, "other_text": 3.0, "pulse": 6.0, "separator": 6.0}
CROSSING, STEEP = (
    4.0,
    1.5,
)  # what the curve's pixels beside other print, and at upright strokes, count beyond the others
DICE_WEIGHTS = {"trace": 0.5, "grid": 0.2, "lead_name": 0.3, "other_text": 0.2, "pulse": 0.3, "separator": 0.3}


@dataclass(frozen=True)
class Plan:
    """One training: pages in the pool, steps, crops a step, peak learning rate."""

    pages: int
    steps: int
    batch: int
    rate: float


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training ecg-page", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with index12.csv and signals_NN.npz (see the card)"
    )
    parser.add_argument("--out", type=Path, default=Path("weights"))
    parser.add_argument("--runs", type=Path, default=Path("runs/ecg-page"), help="pool of crops, checkpoint and log")
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--publish-only", action="store_true", help="publish what the last checkpoint holds")
    parser.add_argument("--mean-with", type=Path, help="publish the mean of the weights with this earlier checkpoint's")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    plan = Plan(args.pages, args.steps, args.batch, args.rate)
    args.runs.mkdir(parents=True, exist_ok=True)
    valid = build_pool(args.data, args.runs / "valid", "valid", 30)
    if not args.publish_only:
        pool = build_pool(args.data, args.runs / "pool", "train", plan.pages)
        train(pool, valid, args.runs, plan)
    state = torch.load(args.runs / "checkpoint.pt", weights_only=True)
    network = PageNet(normalised=True)
    if args.mean_with:
        state["average"] = mean_of(state["average"], torch.load(args.mean_with, weights_only=True)["average"])
    network.load_state_dict(state["average"])
    shipped = folded(network.eval())
    figures = dice(shipped.half().float(), valid)
    print(json.dumps(figures))
    card = _card(figures, shipped, int(state["step"]), plan, valid, averaged=args.mean_with is not None)
    publish("ecg-page", shipped.state_dict(), card, args.out)
    return 0


# --- signals and pages -----------------------------------------------------------------------------------------------


def load_signals(data: Path, split: str) -> np.ndarray:
    """(n, 8, 2500) float32 mV at 250 Hz (I, II, V1..V6) of the records of one split (`train` or `valid`)."""
    with (data / "index12.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    chosen = []
    for shard in sorted({row["shard"] for row in rows}):
        delta = np.load(data / f"signals_{int(shard):02d}.npz")["delta"]
        places = [int(row["shard_row"]) for row in rows if row["shard"] == shard]
        eight = np.cumsum(delta[places], axis=-1, dtype=np.int32) * np.float32(0.005)  # steps of 5 uV
        chosen.append(eight)
    return np.concatenate(chosen)


def page_crops(eight: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """PER_PAGE crops (SIZE, SIZE, 3 + 6) uint8 of one random page: the picture, then the masks in the order of LAYERS."""
    signal = (
        simulate(random_profile(rng), 10, rng)
        if rng.random() < SIMULATED_SHARE
        else at_500_hz(twelve_leads(eight), 250)
    )
    style = random_style(rng)
    crowded = len(style.rows()[0]) > 1 and rng.random() < BORDER_SHARE
    if crowded:
        style, signal = _crowded(style, rng), qrs_on_borders(signal, style.seconds / len(style.rows()[0]), rng)
    rectified = style.camera is not None and rng.random() < RECTIFIED_SHARE / 0.8
    if rectified:
        style = replace(style, px_per_mm=float(rng.uniform(7, 9)))
    page = render(signal, style, rng)
    picture = _rectified(page, rng) if rectified else _as_worked_on(page, rng)
    return [_crop(picture, rng, ("separator",) if crowded and k % 2 else RARE) for k in range(PER_PAGE)]


def qrs_on_borders(signal_mv: np.ndarray, column_s: float, rng: np.random.Generator) -> np.ndarray:
    """(12, N) mV at 500 Hz turned round in time, so that the steepest place near a border between columns falls on it.

    column_s: width of a column. It falls within BORDER_MS of the border; the record's end follows on its beginning.
    """
    column = round(column_s * RATE_HZ)
    border = column * int(rng.integers(1, max(2, signal_mv.shape[1] // column)))
    steep = np.abs(np.diff(signal_mv, axis=1)).sum(axis=0)[border - column // 2 : border + column // 2]
    away = border - column // 2 + int(steep.argmax()) - border
    return np.roll(signal_mv, round(float(rng.uniform(-1, 1)) * BORDER_MS / 1000 * RATE_HZ) - away, axis=1)


def _crowded(style: PageStyle, rng: np.random.Generator) -> PageStyle:
    """The style with separators, mostly ticks as thick as bars, and names beside them; photos of it often wrinkled."""
    camera = style.camera
    if camera is not None and rng.random() < WRINKLED_SHARE:
        camera = replace(camera, crumple=float(rng.uniform(0.5, 1.0)))
    return replace(
        style,
        blank=False,
        separator=str(rng.choice(SEPARATORS[1:], p=[0.7, 0.1, 0.1, 0.1])),
        separator_width=float(rng.uniform(0.8, 5.0)),
        label_place=str(rng.choice([style.label_place, "under"])),
        camera=camera,
    )


def _rectified(page: RenderedPage, rng: np.random.Generator) -> np.ndarray:
    masks = [page.paper.masks[layer] for layer in LAYERS]
    return np.dstack([flatten(page, float(rng.normal(0, 0.3))), *masks])


def _as_worked_on(page: RenderedPage, rng: np.random.Generator) -> np.ndarray:
    """Picture and masks; small pictures mostly enlarged, as `segment` enlarges them."""
    stack = np.dstack([page.image, *(page.masks[layer] for layer in LAYERS)])
    longest = max(stack.shape[:2])
    if longest < SHORTEST_LONGEST_PX and rng.random() < 0.7:
        scale = SHORTEST_LONGEST_PX / longest
        picture = cv2.resize(stack[..., :3], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        masks = [cv2.resize(stack[..., k], picture.shape[1::-1], interpolation=cv2.INTER_LINEAR) for k in range(3, 9)]
        stack = np.dstack([picture, *masks])
    return stack


def _crop(stack: np.ndarray, rng: np.random.Generator, layers: tuple[str, ...] = RARE) -> np.ndarray:
    """A crop: a third about some ink of rare layers, a third about a curve that meets such ink, where the page has them.

    The others lie anywhere, the picture's rim as often as its middle. The edge repeats beyond the picture.
    """
    height, width = stack.shape[:2]
    middle = rng.uniform([0, 0], [height, width])
    rare = [layer for layer in layers if stack[..., 3 + LAYERS.index(layer)].any()]
    about = rng.random()
    if rare and about < 0.67:
        ink = stack[..., 3 + LAYERS.index(str(rng.choice(rare)))] > 127
        places = np.argwhere(ink & (stack[..., 3 + LAYERS.index("trace")] > 0 if about < 0.33 else True))
        if len(places):
            middle = places[rng.integers(len(places))] + rng.uniform(-SEEN / 3, SEEN / 3, 2)
    y, x = (int(np.clip(m - SIZE / 2, 0, max(0, n - SIZE))) for m, n in zip(middle, (height, width), strict=True))
    crop = stack[y : y + SIZE, x : x + SIZE]
    short = [SIZE - n for n in crop.shape[:2]]
    return np.pad(crop, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge") if any(short) else crop


def build_pool(data: Path, folder: Path, split: str, pages: int) -> list[Path]:
    """Shards of crops, (n, SIZE, SIZE, 9) uint8 each, made unless they are there; the same seed makes the same shard."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = [folder / f"{k:03d}.npy" for k in range(-(-pages // PER_SHARD))]
    missing = [shard for shard in shards if not shard.is_file()]
    signals = load_signals(data, split) if missing else np.empty(0)
    for shard in missing:
        rng = np.random.default_rng([SEED, int(shard.stem), split == "valid"])
        count = min(PER_SHARD, pages)
        crops = [crop for k in rng.integers(0, len(signals), count) for crop in page_crops(signals[k], rng)]
        part = shard.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, np.stack(crops))
        part.rename(shard)
        print(f"pool {split}: {shard.name}", flush=True)
    return shards


def batches(pool: list[Path], batch: int, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless (batch, 3, SEEN, SEEN) pictures 0..1 and (batch, 6, SEEN, SEEN) masks 0..1, changed in light and orientation."""
    shards = [np.load(path, mmap_mode="r") for path in pool]
    places = [(s, k) for s, shard in enumerate(shards) for k in range(len(shard))]
    while True:
        order = rng.permutation(len(places))
        for first in range(0, len(order) - batch + 1, batch):
            crops = np.stack(
                [_varied(np.asarray(shards[s][k]), rng) for s, k in (places[i] for i in order[first : first + batch])]
            )
            tensor = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
            picture = tensor[:, :3].contiguous(memory_format=torch.channels_last)
            yield picture, tensor[:, 3:].contiguous()


def _varied(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the crop in another light: gain and offset per colour, order of colours, seldom grey, seldom turned."""
    y, x = rng.integers(0, SIZE - SEEN + 1, 2)
    crop = crop[y : y + SEEN, x : x + SEEN]
    picture = crop[..., :3].astype(np.float32)
    if rng.random() < 0.2:
        picture = picture[..., rng.permutation(3)]
    if rng.random() < 0.6:
        tones = np.arange(256, dtype=np.float32)
        curves = [
            255 * (tones / 255 * rng.uniform(0.75, 1.15)) ** rng.uniform(0.8, 1.25) + rng.uniform(-12, 12)
            for _ in range(3)
        ]
        table = np.clip(np.stack(curves, axis=-1), 0, 255).astype(np.uint8)[None]
        picture = cv2.LUT(picture.astype(np.uint8), table).astype(np.float32)
    if rng.random() < 0.1:
        picture = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    whole = np.concatenate([picture.astype(np.uint8), crop[..., 3:]], axis=-1)
    turn = rng.random()
    if turn < 0.06:
        whole = np.rot90(whole, int(rng.choice([1, 3])))
    elif turn < 0.12:
        whole = whole[::-1, ::-1]
    return np.ascontiguousarray(whole)


# --- training --------------------------------------------------------------------------------------------------------


def loss_of(fine: torch.Tensor, coarse: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Weighted cross entropy to the coverage of every layer, and soft Dice, which keeps the rare layers from being left out.

    A coarse layer covers a half-resolution pixel as far as it covers the fullest of its four: strokes are thin.
    """
    hard = 1 + _hard_places(masks)
    half = functional.max_pool2d(masks[:, len(FINE) :], 2)
    total = fine.new_zeros(())
    for k, layer in enumerate(LAYERS):
        logits = fine[:, k] if k < len(FINE) else coarse[:, k - len(FINE)]
        target = masks[:, k] if k < len(FINE) else half[:, k - len(FINE)]
        weight = fine.new_tensor(POSITIVE_WEIGHTS[layer])
        heavier = hard if layer == "trace" else None
        entropy = functional.binary_cross_entropy_with_logits(logits, target, heavier, pos_weight=weight)
        said = logits.sigmoid()
        overlap = (2 * (said * target).sum() + 10) / ((said**2).sum() + (target**2).sum() + 10)
        total = total + LAYER_WEIGHTS[layer] * entropy + DICE_WEIGHTS[layer] * (1 - overlap)
    return total


def _hard_places(masks: torch.Tensor) -> torch.Tensor:
    """(N, H, W) extra weight of the trace: where a curve meets names, text, pulses or separators, and at its upright strokes."""
    trace = masks[:, :1]
    other = masks[:, len(FINE) :].amax(dim=1, keepdim=True)
    meets = functional.max_pool2d(other, 9, 1, 4) * functional.max_pool2d(trace, 7, 1, 3)
    upright = functional.max_pool2d(-functional.max_pool2d(-trace, (9, 1), 1, (4, 0)), 7, 1, 3)
    return (CROSSING * meets + STEEP * upright)[:, 0]


def train(pool: list[Path], valid: list[Path], runs: Path, plan: Plan) -> None:
    """Trains to plan.steps, from the checkpoint if there is one; appends to log.jsonl."""
    torch.manual_seed(SEED)
    network = PageNet(normalised=True).to(memory_format=torch.channels_last)
    average = PageNet(normalised=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-3)
    path, step = runs / "checkpoint.pt", 0
    average.load_state_dict(network.state_dict())
    if path.is_file():
        state = torch.load(path, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step = int(state["step"])
    network.train()
    source = batches(pool, plan.batch, np.random.default_rng([SEED, 7, step]))
    began, losses = time.time(), []
    while step < plan.steps:
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, plan)
        picture, masks = next(source)
        with devices.autocast("cpu"):
            fine, coarse = network(picture)
        loss = loss_of(fine.float(), coarse.float(), masks)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        step += 1
        _follow(average, network, min(0.995, step / (step + 10)))
        losses.append(loss.item())
        if step % 100 == 0 or step == plan.steps:
            note = {"step": step, "loss": round(float(np.mean(losses)), 4), "seconds": round(time.time() - began)}
            if step % 400 == 0 or step == plan.steps:
                note |= dice(average.eval(), valid)
            _log(runs / "log.jsonl", note)
            losses = []
            state = {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
            }
            torch.save(state | {"step": step}, path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)


def mean_of(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The mean of two states of one training, which lies between what both have learnt; counters as in the first."""
    return {k: (v + other[k]) / 2 if v.dtype.is_floating_point else v for k, v in one.items()}


def _rate(step: int, plan: Plan) -> float:
    """Warm-up over 100 steps, then half a cosine down to a fiftieth."""
    share = min(1.0, step / max(1, plan.steps))
    return plan.rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, keep: float) -> None:
    for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if slow.dtype.is_floating_point:
            slow.mul_(keep).add_(fast, alpha=1 - keep)
        else:
            slow.copy_(fast)


@torch.no_grad()
def dice(network: nn.Module, valid: list[Path]) -> dict[str, float]:
    """Dice per layer over all crops of the validation pages, both map and mask cut at one half."""
    hits, sums = np.zeros(len(LAYERS)), np.zeros(len(LAYERS))
    for path in valid:
        for crop in np.load(path, mmap_mode="r"):
            picture = torch.from_numpy(crop[..., :3].copy()).permute(2, 0, 1)[None].float() / 255
            fine, coarse = network(picture.contiguous(memory_format=torch.channels_last))
            masks = torch.from_numpy(crop[..., 3:].copy()).permute(2, 0, 1)[None].float() / 255
            half = functional.max_pool2d(masks[:, len(FINE) :], 2)
            maps, truths = [*fine[0], *coarse[0]], [*masks[0, : len(FINE)], *half[0]]
            for k, (logits, truth) in enumerate(zip(maps, truths, strict=True)):
                said, true = logits > 0, truth > 0.5
                hits[k] += 2 * float((said & true).sum())
                sums[k] += float(said.sum() + true.sum())
    return {f"dice_{layer}": round(float(h / max(s, 1)), 4) for layer, h, s in zip(LAYERS, hits, sums, strict=True)}


def _log(path: Path, note: dict[str, float]) -> None:
    line = json.dumps(note)
    print(line, flush=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _card(
    figures: dict[str, float], network: PageNet, steps: int, plan: Plan, valid: list[Path], averaged: bool
) -> Card:
    crops = sum(len(np.load(path, mmap_mode="r")) for path in valid)
    command = f"python -m training ecg-page --data DIR --pages {plan.pages} --steps {steps}"
    command += f" --batch {plan.batch} --rate {plan.rate:g}" + averaged * " --mean-with EARLIER_CHECKPOINT"
    on = "crops of rendered pages, signals of validation patients"
    metrics = {name: {"value": value, "n": crops, "on": on, "command": command} for name, value in figures.items()}
    text = CARD.format(
        rows="\n".join(f"| {layer} | {figures[f'dice_{layer}']:.3f} |" for layer in LAYERS),
        crops=crops,
        command=command,
        pages=plan.pages,
        layers=", ".join(LAYERS),
        millions=f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f}",
    )
    return Card(
        task="ecg",
        title="Pixels of an ECG page",
        licence="CC BY-SA 4.0",
        training_command=command,
        text=text,
        classes=LAYERS,
        metrics=metrics,
    )


CARD = """# ecg-page: what each pixel of an ECG page is

A U-Net of {millions} million parameters (`engine/ecg/segmentation.py`) gives six maps of a photo, scan or screenshot of an ECG:
{layers}.

**Trained on** {pages} pages (eight crops of 384 px each) drawn by our own renderer (`training/ecg_page.py`) at random layout,
grid, ink, camera and light. The curves on them are real signals of the training patients of the sets named below (a tenth: our
own simulation). No real picture of a page was used.

**Signals**: PTB-XL (Wagner 2020) and PhysioNet/CinC Challenge 2020 and 2021 sets (CC BY 4.0), PTB Diagnostic (ODC-By 1.0),
Brugada-HUCA (PhysioNet, CC BY-SA 4.0); hence the licence CC BY-SA 4.0 of the weight.

**Measured** on {crops} crops of rendered pages with signals of validation patients (Dice, both cut at 0.5; lines are one to
four pixels wide, so that half a pixel already costs a good deal):

| layer | Dice |
| --- | --- |
{rows}

**Limits**: hand drawing over the curve may be taken for the curve; grids without colour whose lines are as dark as the curve,
and pages below 2.5 px per mm, are read less surely. Layers other than `trace` and `grid` have half the picture's resolution.

Research use, not a medical device.

**Again**: `{command}`
"""
