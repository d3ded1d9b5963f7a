"""`python -m training echo-ef --data DIR`: the networks of `echo-ef`, their measured error, their cards.

Runs `echo-apical`, `echo-apical-second` (segmentation) and `echo-ef-view` first where they are not finished. They are then
judged as the app uses them, on the validation patients: overlap on the picture's own pixels, and the ejection fraction of
each patient by discs against that of the reference masks. The error that the app states, and the temperature of its
confidence, are fitted on every second of these patients; whether they hold is counted on the others. Plots (Dice, scatter,
Bland-Altman, ROC) go to the run's folder.
Where DIR holds EchoNet-Dynamic's layout, its videos of the TEST split are measured too.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from engine.echo.letterbox import Letterbox
from engine.echo.recording import read_opening
from engine.echo.segmentation import FEW
from engine.echo_ef import task
from engine.echo_ef.anatomy import tidy
from engine.echo_ef.ejection_fraction import MeasuredError, estimate
from engine.echo_ef.volumes import discs
from engine.errors import RefusedStudy
from engine.models import LoadedModel, ModelStore
from engine.progress import silent
from engine.registry import TASKS
from engine.study import read_path
from engine.videos import PixelSize, Video
from engine.weights import Weight
from training import echo_dynamic, echo_plots, echo_segmentation, echo_view
from training.echo_confidence import AROUND_PX, Pixels, gap, near_heart, temperature
from training.echo_plax_data import shrunk_mask
from training.publish import Card, publish

COMMAND = "python -m training echo-ef --data DIR"
STRUCTURES = ("LV cavity", "myocardium", "left atrium")
EDGES = (40.0, 50.0)  # % of the estimate: bands of the stated error


@dataclass(frozen=True)
class Patient:
    """dice: (2 phases, 3 structures); ef: estimated, reference, %, NaN where a phase was refused. pixels: of each phase taken."""

    dice: np.ndarray
    ef: tuple[float, float]
    pixels: tuple[Pixels, ...] = ()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m training echo-ef", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="camus_a4c, clips of other views, EchoNet-Dynamic's layout"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args(argv)
    torch.set_num_threads(asked.threads)
    drawing = {
        name: echo_segmentation.trained(name, asked.data, asked.runs / name, asked.threads) for name in task.NETWORKS
    }
    view = echo_view.trained(asked.data, asked.runs / "echo-ef-view")
    shipped = tuple(as_shipped(name, network) for name, network in drawing.items())
    patients = measure(asked.data / "camus_a4c", shipped)
    error = fitted([p.ef for p in patients[::2]])
    card = segmentation_card(patients, error)
    print(card.text)
    dice, ef = np.array([p.dice.mean(0) for p in patients]), np.array([p.ef for p in patients])
    echo_plots.write(asked.runs / "echo-apical" / "plots", dice, STRUCTURES, ef, error)
    first, second = task.NETWORKS
    print(publish(first, drawing[first].state_dict(), card))
    print(publish(second, drawing[second].state_dict(), second_card(card)))
    print(publish("echo-ef-view", view.network.state_dict(), view_card(view)))
    dynamic = echo_dynamic.find(asked.data)
    if dynamic is not None:
        print(measure_videos(dynamic, shipped, error, asked.runs / "echo-apical" / "plots-videos"))
    return 0


def measure_videos(folder: Path, models: Sequence[LoadedModel], error: MeasuredError, plots: Path) -> str:
    """How far the app's EF of each TEST video of EchoNet-Dynamic's layout lies from the listed one; writes the plots."""
    store = ModelStore("cpu")
    for model in models:
        store = store.with_model(model)
    listed = [video for video in echo_dynamic.read_list(folder) if video.split == "TEST"]
    pairs = np.array([(_video_ef(video.path, store), video.ejection_fraction) for video in listed]).reshape(-1, 2)
    traced = [t for t in echo_dynamic.traced_frames(folder) if t.split == "TEST"]
    dice = np.array([_cavity_dice(frame, models) for frame in traced]).reshape(-1, 1)
    known = np.isfinite(pairs).all(1)
    if known.sum() < 3:
        return f"EchoNet-Dynamic's TEST split: {known.sum()} of {len(listed)} videos with an EF, too few to measure."
    echo_plots.write(plots, dice, STRUCTURES[:1], pairs, error)
    off = np.abs(pairs[known, 0] - pairs[known, 1])
    low, high = interval(off)
    bands = ", ".join(
        f"{name} {off[chosen].mean():.1f} (n {chosen.sum()})"
        for name, chosen in _bands(pairs[known, 1])
        if chosen.any()
    )
    return (
        f"EchoNet-Dynamic's TEST split: EF error {off.mean():.1f} points ({low:.1f} to {high:.1f}, n {known.sum()}; {bands}), "
        f"without an EF {(~known).sum()}; Dice of the cavity {dice.mean():.3f} in {len(dice)} traced frames."
    )


def _video_ef(path: Path, store: ModelStore) -> float:
    """EF in % as the app states it, NaN where it refuses or finds no beat."""
    found = TASKS["echo-ef"].analyse(read_path(path), None, store).finding.measurement("lv_ejection_fraction")
    return found.value if found else float("nan")


def _cavity_dice(frame: echo_dynamic.Traced, models: Sequence[LoadedModel]) -> float:
    looked = _looked(frame.image, models)
    if looked is None:
        return 0.0
    shares, box = looked
    return _dice(tidy(box.enlarge(shares, frame.image.shape)) == 1, frame.mask == 1)


def as_shipped(name: str, network: torch.nn.Module) -> LoadedModel:
    """The network with its weights rounded as the shipped file holds them."""
    entry = Weight(name, "echo-ef", "", "", "", "", COMMAND)
    return LoadedModel(entry, network.half().float().eval().requires_grad_(False), "cpu")


def measure(folder: Path, models: Sequence[LoadedModel]) -> list[Patient]:
    """Every validation patient of the CAMUS layout, read as the app reads a frame."""
    with (folder / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "valid"]
    found = []
    for name in sorted({row["patient"] for row in rows}):
        dice, volumes = np.zeros((2, 3)), np.full((2, 2), np.nan)
        pixels = []
        for k, phase in enumerate(("ED", "ES")):
            file_name = next(r["file"] for r in rows if (r["patient"], r["phase"]) == (name, phase))
            image, reference = echo_segmentation.read_pair(folder, file_name)
            looked = _looked(image, models)
            if looked is not None:
                shares, box = looked
                pixels.append(near_heart(shares, shrunk_mask(reference, box)))
                predicted = tidy(box.enlarge(shares, image.shape))
                dice[k] = [_dice(predicted == c, reference == c) for c in (1, 2, 3)]
                volumes[k] = [_volume(predicted), _volume(reference)]
        found.append(Patient(dice, (_ef(volumes[:, 0]), _ef(volumes[:, 1])), tuple(pixels)))
    return found


def _looked(image: np.ndarray, models: Sequence[LoadedModel]) -> tuple[np.ndarray, Letterbox] | None:
    """(4, S, S) probabilities and where the networks looked; None where no sector is found."""
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    video = Video(image.shape[1], image.shape[0], None, PixelSize(), True, lambda: iter([picture]))
    try:
        opening, _ = read_opening(video)
    except RefusedStudy:
        return None
    _, box = task.look(opening, models)
    return task.draw(box.shrink(opening.grey[0])[None], models, silent)[0], box


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / max(1, int(a.sum() + b.sum()))


def _volume(mask: np.ndarray) -> float:
    found = discs(mask)
    return found.volume if found else float("nan")


def _ef(volumes: np.ndarray) -> float:
    return 100 * (1 - float(volumes[1]) / float(volumes[0]))


def fitted(pairs: list[tuple[float, float]]) -> MeasuredError:
    """Bias and deviation per band of the estimate; a band's deviation is at least that of all bands together.

    A bias within two standard errors of nothing is taken for nothing: few patients stand behind each band.
    """
    known = np.array([pair for pair in pairs if np.isfinite(pair).all()])
    off = known[:, 0] - known[:, 1]
    pooled = float(off.std(ddof=1))
    band = np.digitize(known[:, 0], EDGES)
    bias, deviation = [], []
    for k in range(3):
        own = off[band == k]
        weight = len(own) / (len(own) + 10)  # few patients in a band: mostly what all of them say
        mean = weight * float(own.mean()) + (1 - weight) * float(off.mean()) if len(own) else float(off.mean())
        bias.append(mean if abs(mean) > 2 * pooled / np.sqrt(max(len(own), 1)) else 0.0)
        deviation.append(max(pooled, float(own.std(ddof=1))) if len(own) > 2 else pooled)
    return MeasuredError(EDGES, (bias[0], bias[1], bias[2]), (deviation[0], deviation[1], deviation[2]))


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over patients."""
    from scipy.stats import bootstrap

    found = bootstrap((values,), np.mean, n_resamples=2000, rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


def segmentation_card(patients: list[Patient], error: MeasuredError) -> Card:
    """The card of `echo-apical` with what was measured of both networks on the validation patients."""
    dice = np.array([p.dice.mean(0) for p in patients])
    ef = np.array([p.ef for p in patients])
    off = np.abs(ef[:, 0] - ef[:, 1])
    known = np.isfinite(off)
    metrics = {
        f"dice_{name.replace(' ', '_').lower()}": _metric(dice[:, k], "validation patients (ED and ES)")
        for k, name in enumerate(STRUCTURES)
    }
    metrics["ef_mae"] = _metric(off[known], "validation patients, against discs on the reference masks")
    held = ef[1::2][known[1::2]]
    inside = [_covers(estimated, reference, error) for estimated, reference in held]
    bands = "\n".join(_band(name, off[known & chosen]) for name, chosen in _bands(ef[:, 1]))
    rows = "\n".join(
        f"| {k} | {m['value']:.3f} | {m['low']:.3f} to {m['high']:.3f} | {m['n']} |" for k, m in metrics.items()
    )
    fit, counted = ([pixels for p in half for pixels in p.pixels] for half in (patients[::2], patients[1::2]))
    warmth = temperature(fit)
    text = SEGMENTATION_TEXT.format(
        rows=rows, bands=bands, inside=sum(inside), held=len(inside), missed=int((~known).sum()), command=COMMAND,
        few=FEW, odds=echo_segmentation.STRUCTURE_ODDS,
        temperature=warmth, around=AROUND_PX, before=100 * gap(counted, 1.0), after=100 * gap(counted, warmth),
        bias=", ".join(f"{b:+.1f}" for b in error.bias), deviation=", ".join(f"{d:.1f}" for d in error.deviation),
    )  # fmt: skip
    return Card(
        task="echo-ef", title="Structures of an apical view", licence="CC BY-NC-SA 4.0", training_command=COMMAND,
        text=text, architecture={"inputs": 1, "outputs": 4}, classes=("background", "lv_cavity", "lv_myocardium", "left_atrium"),
        operating={"edges": error.edges, "bias": error.bias, "deviation": error.deviation, "temperature": warmth},
        metrics=metrics,
    )  # fmt: skip


def second_card(first: Card) -> Card:
    """The card of `echo-apical-second`, which is never asked alone: what is measured of both stands on the first's."""
    return replace(
        first, title="Structures of an apical view, second network", text=SECOND_TEXT, operating={}, metrics={}
    )


def _metric(values: np.ndarray, on: str) -> dict[str, object]:
    low, high = interval(values)
    value = float(values.mean())
    return {
        "value": round(value, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(values),
        "on": on,
        "command": COMMAND,
    }


def _covers(estimated: float, reference: float, error: MeasuredError) -> bool:
    low, high = estimate(np.array([estimated]), error).interval
    return low <= reference <= high


def _bands(reference: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [
        ("40 % or less", reference <= EDGES[0]),
        ("41 to 49 %", (reference > EDGES[0]) & (reference < EDGES[1])),
        ("50 % or more", reference >= EDGES[1]),
    ]


def _band(name: str, off: np.ndarray) -> str:
    if len(off) < 3:
        return f"| {name} | too few to say | | {len(off)} |"
    low, high = interval(off)
    return f"| {name} | {off.mean():.1f} | {low:.1f} to {high:.1f} | {len(off)} |"


def view_card(view: echo_view.Trained) -> Card:
    """The card of `echo-ef-view`."""
    rows = "\n".join(f"| {name} | {taken:.3f} | {n} |" for name, taken, n in view.taken)
    return Card(
        task="echo-ef", title="Four-chamber view or not", licence="CC BY-NC-SA 4.0", training_command=COMMAND,
        text=VIEW_TEXT.format(rows=rows, command=COMMAND, threshold=view.threshold), classes=("four_chamber",),
        operating={"threshold": view.threshold},
        metrics={
            f"taken_{name.replace(' ', '_')}": {"value": round(taken, 4), "low": None, "high": None, "n": n, "command": COMMAND,
            "on": "pictures of validation patients" if k < 3 else "frames of the training clips of other views"}
            for k, (name, taken, n) in enumerate(view.taken)
        },
    )  # fmt: skip


SEGMENTATION_TEXT = """# echo-apical: the left ventricle in an apical view

Research use, not a medical device. Draws LV cavity, LV myocardium and left atrium in frames of an apical four-chamber view;
volumes and ejection fraction are measured on what it draws (discs, single plane). No video network is shipped: none was
trained, for want of videos that may be learnt from (replayed motion of CAMUS's two frames per patient was not tried).

**Networks**: two U-Nets of 2.5 million parameters each on 128 x 128 px, grey: this one and `echo-apical-second`. A single
frame gets the mean of both over five looks (as it is, turned by 5 degrees either way, 8 % larger and smaller). In a recording
each frame is averaged with its neighbours; up to {few} frames are drawn by both, the frames of longer ones in turn, so that
both count the same. Where they do not agree, the mean is unsure: that is how other views and poor windows are noticed.

**Trained on** CAMUS (Leclerc 2019, doi:10.1109/TMI.2019.2900516; annotated by cardiologists), the end-diastolic and
end-systolic four-chamber frames of 400 patients: **CC BY-NC-SA 4.0, hence these weights are for non-commercial use under
the same licence**. Frames of other views and organs (LITFL clips, CC BY-NC-SA 4.0 as far as known; TaotePOCUS, MIT;
ACDC, CC BY-NC-SA 4.0; Sunnybrook, CC0) teach it to draw nothing there; black blood, other brightness of the walls and fluid
around the heart are put into a part of the pictures. In the last round of both networks reduced, mildly reduced and preserved
ejection fractions are drawn alike, though 79, 98 and 223 of the 400 patients have them. What is shipped is a mean of the
weights before that round and after it: of this network four parts and one (with more, hearts that swing in fluid were drawn
less surely), of the second half and half. Before it, this network was the mean of a round on its own hospital's pictures and one
on strange hearts. Early rounds were run with earlier settings: this one's with masks up to half a pixel off, one from the
third round's outcome on frames shrunk before they were moved; the second's first 22 epochs on such frames too. In the shipped
files every structure's odds against the background are {odds:g} times what was learnt, which overlaps best.

**Measured** on the 50 validation patients, on the picture's own pixels, with 95 % bootstrap intervals over patients; EF in
points against discs on the reference masks; {missed} patients without an EF:

| figure | value | 95 % | patients |
| --- | --- | --- | --- |
{rows}

These patients were never trained on, but which mean of weights stands was chosen with their figures and public clips of other
machines in sight (the weights after the last round alone: cavity 0.943, EF 5.6 points), the odds on every second of them, and
the five looks because both halves gained by them (0.1 points of EF). Other patients may score a little lower.

| EF of the reference | mean absolute error, points | 95 % | patients |
| --- | --- | --- | --- |
{bands}

**The stated error of an EF** was fitted on every second validation patient (estimates up to 40, 40 to 50, above 50 %: bias
{bias}; deviation {deviation} points); the 95 % interval held the reference in {inside} of the other {held}.

**The confidence per pixel** is shown as if logits were divided by {temperature:.2f}, fitted on the same patients: on the hearts
of the others and {around} px around them, confidence and accuracy then differ by {after:.1f} points on average ({before:.1f} as
the networks say it). Between end-diastole and end-systole it was not measured.

**Limits**: one hospital and one maker's machines in the training data; end-diastole and end-systole only, the frames between
are drawn without having been learnt; foreshortened views give too small volumes; contrast agents, children, and grossly
abnormal hearts were hardly in the data. No sex or age was at hand, so no performance by group can be given.

**Again**: `{command}`
"""

SECOND_TEXT = f"""# echo-apical-second: the other opinion on where the left heart's walls are

Research use, not a medical device. A U-Net as `echo-apical`, trained on the same pictures under the same licence (CAMUS,
CC BY-NC-SA 4.0: **non-commercial**) on its own from the start. It is
never asked alone: the figures of both together, the data and the limits stand on the card of `echo-apical`.

**Again**: `{COMMAND}`
"""

VIEW_TEXT = """# echo-ef-view: an apical four-chamber view, or anything else

Research use, not a medical device. A small convolutional network looks at frames laid upright by their left ventricle.

**Trained on** CAMUS four-chamber frames of 400 patients (CC BY-NC-SA 4.0, hence this weight: non-commercial, the same
licence) and, as other views, clips of LITFL (CC BY-NC-SA 4.0 as far as known), TaotePOCUS (MIT) and stills of ACDC
(CC BY-NC-SA 4.0) and Sunnybrook (CC0). **No real two- or three-chamber view was at hand**: views without a right heart were
made by joining the lateral halves of two patients.

**Measured** (share taken for four chambers at logit {threshold:.2f}, which takes 97 of 100 validation pictures):

| pictures | share taken | n |
| --- | --- | --- |
{rows}

**Limits**: real two- and three-chamber views may pass more often than the made ones; the last row's clips were trained on.

**Again**: `{command}`
"""
