"""The model cards of the spark networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.sparks.readers import KINDS
from training.publish import Card

if TYPE_CHECKING:
    from training.sparks_weights import Judge

LICENCE = "MIT"
AGAIN = """
What is measured is found with today's search; the readers may have learnt from an earlier one.
"""
Figures = dict[str, dict[str, Any]]


def events_card(
    judge: Judge, figures: Figures, n: tuple[int, int], tried: dict[str, Any] | None, again: bool, command: str
) -> Card:
    """n: recordings of the training and of the choice of the threshold. again: the reader learnt from an earlier search.

    tried: what a network for the outlines reached: its recordings of training, level of probability and figures.
    """
    members, features = len(judge.reader.members), judge.reader.features
    text = f"""# sparks-events: is this candidate a calcium spark?

{members} small networks (two hidden layers of 32; their probabilities are averaged) that read {features} numbers of each
candidate event in frames over time (response of the matched filters, likelihood of a spark of any published size, fitted
amplitude, width, rise, decay, what lies before, after and around it, the amplitude of the recording's clear events, F0 there)
and say noise, spark, or part of a slower release (puff, wave). Candidates and numbers: `engine/sparks/candidates.py`,
`engine/sparks/features.py`, `engine/sparks/likelihood.py`. Line scans are read by `sparks-lines`.

**Trained on** candidates of {n[0]} recordings of our own simulator
(`training/sparks_simulator.py`, kinetics as published: Cheng & Lederer 2008, doi:10.1152/physrev.00030.2007); temperature
and threshold chosen on {n[1]} others. No real recording was used.

**Measured** on recordings of the same simulator that were neither trained on nor used to choose (event F1, 95 % interval
over recordings; one threshold for all conditions). `snrN`: a spark's peak stands N deviations of single-frame noise above
F0, `snr05` half a one, `snr05_coarse` the same with pixels of 0.3 um, which leave a spark the least light; `mixed`: all
amplitudes, puffs, waves, drift. The matched filter alone stands beside it.

| condition | recordings | reader | matched filter |
| --- | --- | --- | --- |
{_event_rows(figures)}

In recordings without a spark it claims {figures["empty_extra"]["value"]:.2f} on average (n = {figures["empty_extra"]["n"]}).
{AGAIN if again else ""}
**Limits**: other cells, dyes and microscopes than simulated are unmeasured. Below half a deviation nothing is promised. Pixels
are those of the fitted shape, not of a segmenting network.
{_outlines(tried) if tried else ""}
Research use, not a medical device.

**Again**: `{command}`
"""
    return _judge_card("Whether a candidate event is a calcium spark", text, judge, figures, command)


def lines_card(judge: Judge, figures: Figures, n: tuple[int, int], again: bool, command: str) -> Card:
    """n: recordings of the training and of the choice of the threshold. again: as in `events_card`."""
    text = f"""# sparks-lines: is this candidate in a line scan a calcium spark?

A small network (two hidden layers of 32) that reads {judge.reader.features} numbers of each candidate event, those that a
single line tells too, and says noise, spark, or part of a slower release. Candidates and numbers: `engine/sparks/candidates.py`,
`engine/sparks/features.py`.

**Trained on** candidates of {n[0]} recordings of our own simulator, frames over time and line scans together
(`training/sparks_simulator.py`); temperature chosen on other frames over time, the threshold on {n[1]} other line scans.
No real line scan was used.

**Measured** on line scans of the same simulator that were neither trained on nor used to choose (event F1, 95 % interval over
scans). The matched filter alone, at its one best threshold for frames over time, stands beside it.

| condition | scans | reader | matched filter |
| --- | --- | --- | --- |
{_event_rows(figures)}
{AGAIN if again else ""}
**Limits**: other cells, dyes and microscopes than simulated are unmeasured; the finding's label says `validated: false`.

Research use, not a medical device.

**Again**: `{command}`
"""
    return _judge_card("Whether a candidate event of a line scan is a calcium spark", text, judge, figures, command)


def _judge_card(title: str, text: str, judge: Judge, figures: Figures, command: str) -> Card:
    return Card(
        task="calcium-sparks",
        title=title,
        licence=LICENCE,
        training_command=command,
        text=text,
        architecture={"features": judge.reader.features, "members": len(judge.reader.members)},
        classes=KINDS,
        operating={"temperature": round(judge.temperature, 4), "threshold": round(judge.threshold, 4)},
        metrics=dict(figures),
    )


def frames_card(operating: dict[str, float], figures: Figures, n: tuple[int, int], again: bool, command: str) -> Card:
    text = f"""# sparks-frames: which frames hold a calcium spark?

Convolutions over time describe every frame; gated attention (Ilse 2018, arXiv:1802.04712) weighs the frames into one answer
for the recording. The weights are shown as the explanation and checked by removing frames. What it sees of a frame: the
strongest matched-filter responses, how far they reach, the cell's mean light, the best candidate event
(`engine/sparks/features.py`).

**Trained on** pieces of the same {n[0]} simulated recordings as `sparks-events`; calibrated on {n[1]} others.

**Measured** on simulated recordings of neither kind:

| what | value (95 % interval) | n |
| --- | --- | --- |
{_rows(figures)}
{AGAIN if again else ""}
**Limits**: as `sparks-events`.

Research use, not a medical device.

**Again**: `{command}`
"""
    return Card(
        task="calcium-sparks",
        title="Which frames of a recording hold a calcium spark",
        licence=LICENCE,
        training_command=command,
        text=text,
        classes=("SPARKS_PRESENT",),
        operating=dict(operating),
        metrics=dict(figures),
    )


def _event_rows(figures: Figures) -> str:
    names = [name.removesuffix("_f1") for name in figures if name.endswith("_f1") and "matched" not in name]
    return "\n".join(
        f"| `{c}` | {figures[f'{c}_f1']['n']} | {_value(figures[f'{c}_f1'])} | {_value(figures[f'{c}_matched_filter_f1'])} |"
        for c in names
    )


def _outlines(tried: dict[str, Any]) -> str:
    return f"""
**Tried for the outlines**: a 2-D U-Net over clips of 28 frames around each spark (its channels: the frames' light, the fitted
shape, the neighbours' light), which adds to the logit of the fitted shape; trained on the sparks of {tried["recordings"]}
recordings, pixels marked from a probability of {tried["level"]:.2f} on. IoU of a recording's spark pixels, missed and false
sparks with them, mean over unseen recordings. It is not shipped: it does not better the fitted shape in every condition.

| condition | recordings | U-Net | fitted shape |
| --- | --- | --- | --- |
{_pixel_rows(tried["figures"])}
"""


def _pixel_rows(figures: Figures) -> str:
    names = [name.removesuffix("_fit_iou") for name in figures if name.endswith("_fit_iou")]
    return "\n".join(
        f"| `{c}` | {figures[f'{c}_iou']['n']} | {_value(figures[f'{c}_iou'])} | {_value(figures[f'{c}_fit_iou'])} |"
        for c in names
    )


def _rows(figures: Figures) -> str:
    names = {"frame_auroc": "AUROC over frames", "recording_right": "recordings told right"}
    return "\n".join(f"| {names[k]} | {_value(v)} | {v['n']} |" for k, v in figures.items())


def _value(figure: dict[str, Any]) -> str:
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"
