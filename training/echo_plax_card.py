"""The card of `echo-plax`: what it was trained on, who drew that, what was measured on left-out clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.echo_plax.calipers import NAMES as LINES
from training.echo_plax_scores import NAMES, ClipScore
from training.echo_plax_view import Rule, Seen
from training.publish import Card

CLASSES = ("background", "left_ventricle", "septum", "left_atrium", "right_ventricle", "outer_wall", "aorta")


@dataclass(frozen=True)
class Part:
    """What a training reaches without one of its parts: mean overlap on clips that it did not learn from."""

    without: str
    mean_iou: float
    iou_lv: float
    clips: int


@dataclass(frozen=True)
class Measured:
    """left_out: every trainable clip, drawn by the network that it was left out of. apart: clips that only measure.

    temperature: what the logits were divided by. views: clips and stills with whether they were taken, the first by rules
    fitted without them, the second by the shipped network and rule.
    """

    left_out: Sequence[ClipScore]
    apart: Sequence[ClipScore]
    rule: Rule
    operating: dict[str, float]  # what is set, not fitted
    own: float  # share of each picture's own statistics (`engine.own_statistics`)
    temperature: float
    calibration: float  # mean gap of confidence and accuracy on left-out clips
    views_left_out: Sequence[tuple[Seen, bool]]
    views_apart: Sequence[tuple[Seen, bool]]
    courses: Sequence[tuple[str, Sequence[ClipScore]]] = ()  # what before -> the same clips as left_out, drawn so
    curve: tuple[float, int] | None = None  # r of the ventricle's size with a peer's printed curve, and its frames
    parts: Sequence[Part] = ()


def card(found: Measured, command: str) -> Card:
    """Text, metrics and operating points."""
    scores = [*found.left_out, *found.apart]
    metrics = {"mean_iou": _metric([s.mean_iou for s in scores], command)}
    for k, name in enumerate(NAMES):
        values = [means[k] for means in map(_means, scores) if np.isfinite(means[k])]
        if values:
            metrics[f"iou_{name}"] = _metric(values, command)
    for k, name in enumerate(LINES):
        errors = [score.size_errors[:, k] for score in scores if np.isfinite(score.size_errors[:, k]).any()]
        if errors:
            metrics[f"median_error_{name}"] = _median(errors, command)
    views = {
        "view_taken": [taken for one, taken in [*found.views_left_out, *found.views_apart] if one.long_axis],
        "others_refused": [
            not taken for one, taken in [*found.views_left_out, *found.views_apart] if not one.long_axis
        ],
    }
    metrics |= {name: _metric([float(v) for v in values], command) for name, values in views.items() if values}
    if found.curve is not None:
        metrics["printed_curve_r"] = _correlation(*found.curve, command)
    text = TEXT.format(
        rows="\n".join(_row(name, metric) for name, metric in metrics.items()),
        clips="\n".join(_clip_row(s, "left out") for s in found.left_out)
        + "\n"
        + "\n".join(_clip_row(s, "never trained on") for s in found.apart),
        own=100 * found.own, temperature=found.temperature,
        calibration=100 * found.calibration, least=found.operating["least_confidence"],
        wrong=", ".join(f"{one.name} ({'taken' if taken else 'refused'})" for one, taken in
                        [*found.views_left_out, *found.views_apart] if taken != one.long_axis) or "none",
        courses=_courses(found), parts=_parts(found.parts), command=command,
    )  # fmt: skip
    return Card(
        task="echo-plax", title="Six structures of a parasternal long axis", licence="CC BY-NC-SA 4.0",
        training_command=command, text=text, architecture={"inputs": 1, "outputs": 7, "own": found.own},
        classes=CLASSES,
        operating={
            **found.operating, "view_weights": found.rule.weights, "view_bias": found.rule.bias,
            "view_threshold": found.rule.threshold,
        },
        metrics=metrics,
    )  # fmt: skip


def _metric(values: Sequence[float], command: str) -> dict[str, object]:
    """Mean over clips with a 95 % bootstrap interval over them."""
    known = np.array(values)
    draws = np.random.default_rng(0).choice(known, (2000, len(known))).mean(1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return {
        "value": round(float(known.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": len(known),
        "on": "clips (views: and stills) not trained on", "command": command,
    }  # fmt: skip


def _median(clips: Sequence[np.ndarray], command: str) -> dict[str, object]:
    """Median relative error over all frames with a 95 % bootstrap interval over clips."""
    rng = np.random.default_rng(0)
    draws = [
        np.nanmedian(np.concatenate([clips[k] for k in rng.integers(len(clips), size=len(clips))])) for _ in range(2000)
    ]
    low, high = np.quantile(draws, (0.025, 0.975))
    return {
        "value": round(float(np.nanmedian(np.concatenate(clips))), 4), "low": round(float(low), 4), "high": round(float(high), 4),
        "n": len(clips), "on": "traced frames of clips not trained on, relative", "command": command,
    }  # fmt: skip


def _correlation(r: float, frames: int, command: str) -> dict[str, object]:
    """r of one recording, with the interval that Fisher's transformation gives over its frames (which are no patients)."""
    spread = 1.96 / np.sqrt(frames - 3)
    low, high = np.tanh(np.arctanh(r) + np.array([-spread, spread]))
    return {
        "value": round(r, 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": frames,
        "on": "frames of one recording not trained on, its printed curve", "command": command,
    }  # fmt: skip


def _courses(found: Measured) -> str:
    """The left-out clips as the courses draw them, and as what is measured does."""
    if not found.courses:
        return ""
    rows = []
    for name, scores in (*found.courses, ("the same with a picture's own statistics, as shipped", found.left_out)):
        values = [
            float(np.mean([s.mean_iou for s in scores])),
            *(_known_mean(v) for v in zip(*map(_means, scores), strict=True)),
        ]
        cells = " | ".join("-" if np.isnan(v) else f"{v:.3f}" for v in values)
        rows.append(f"| {name} | {len(scores)} | {cells} |")
    return COURSES.format(rows="\n".join(rows))


def _parts(parts: Sequence[Part]) -> str:
    if not parts:
        return ""
    rows = [f"| {part.without} | {part.clips} | {part.mean_iou:.3f} | {part.iou_lv:.3f} |" for part in parts]
    return PARTS.format(rows="\n".join(rows))


def _row(name: str, metric: dict[str, object]) -> str:
    return f"| {name} | {metric['value']:.3f} | {metric['low']:.3f} to {metric['high']:.3f} | {metric['n']} |"


def _clip_row(score: ClipScore, how: str) -> str:
    cells = " | ".join("-" if np.isnan(v) else f"{v:.2f}" for v in _means(score))
    return f"| {score.clip} | {how} | {len(score.numbers)} | {score.mean_iou:.2f} | {cells} |"


def _means(score: ClipScore) -> list[float]:
    return [_known_mean(column) for column in score.iou.T]


def _known_mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


COURSES = """
**What the courses bring**, left-out clips alone (mean over clips):

| drawn by | clips | mean IoU | LV | septum | LA | RV | outer wall | aorta |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}
"""
PARTS = """
**What each part brings**: first courses on the clips of one fold, each without one part, on the clips left out of that
fold and the two that are never trained on (`python -m training echo-plax-parts`). Differences below about 0.02 are within what
another order of the same pictures changes.

| without | clips | mean IoU | LV |
| --- | --- | --- | --- |
{rows}
"""
TEXT = """# echo-plax: six structures of a parasternal long axis

Research use, not a medical device. Draws left ventricle, septum, left atrium, right ventricle, outer (posterior) wall and
aorta in frames of a parasternal long axis; sizes are measured on what it draws, and whether a recording shows that view is
judged by it. What is drawn of the ventricle across the septum's axis, beyond the septum's apical end, is taken away.

**No clinician labelled the training data.** Two or three frames of each clip were traced by eye, and five more of hand-held
clips, four of them with the mitral valve open; the masks of 69 neighbouring frames were carried over from the first by optical
flow (`python -m training echo-plax-carry`) and looked at one by one. In the second course a fifth of the clips' frames were
drawn by the network itself, where it was sure.

**Network**: U-Net of 2.5 million parameters on 160 x 160 px, grey; it starts as `echo-apical`. The sector is shown a little
lighter than the black around it, so that a black chamber at its edge has a border. It learns twice: the second course goes on
from the first, bends walls and chambers, and changes the brightness of each tissue by itself. The mean of the weights after
either course is what draws: each is better on other clips. When it draws, batch norm's learnt means and variances are mixed
with the picture's own, which count {own:.0f} %: another machine's pictures are met halfway. Whether the view is seen at all is
judged with learnt statistics alone: with a picture's own, hearts were found in cardiac MR too.

**Trained on**
- seven clips of seven patients: test1 and test2 of echo-plax-segmentation ("public domain" by its README), pocus1 to pocus4 of
  TaotePOCUS (MIT), litfl1 of LITFL (CC BY-NC-SA 4.0 as the copy at hand states, not confirmed);
- simulated long axes with known borders (this project's own simulator);
- apical frames of CAMUS (Leclerc 2019; CC BY-NC-SA 4.0), mirrored and laid on their side, labels of its cardiologists where
  they say the same thing;
- pictures on which nothing is to be drawn: LITFL clips of other views, CAMUS, ACDC (CC BY-NC-SA 4.0), Sunnybrook (CC0) and the
  cardiac MR stills, M-mode made of the clips, simulated short axes, long axes turned as apical views show them.

CAMUS, ACDC and LITFL make these weights **non-commercial, CC BY-NC-SA 4.0**.

**Measured** against frames traced by eye, as the app draws them, with 95 % bootstrap intervals over clips: each trainable clip
by a network that it was left out of (three folds with shorter trainings than the shipped network's), and two clips and the
stills of other views that no network learnt from by the shipped one. Errors of sizes are relative to the traced callipers
(1 is 100 %).

| figure | value | 95 % | n |
| --- | --- | --- | --- |
{rows}

| clip | how | frames | mean IoU | LV | septum | LA | RV | outer wall | aorta |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{clips}

{courses}{parts}
Views, clips and stills that were answered wrongly: {wrong}.

**Confidence**: logits are divided by {temperature:.2f}, fitted on the left-out clips, where confidence and accuracy then differ
by {calibration:.1f} points on average (fitted and counted on the same clips). A structure whose mean probability is below
{least:.2f} counts as absent.

**Tried**, on the folds' networks after the first course (nine clips, mean IoU 0.699 with the near field kept in the sector):
the lightened sector without any further training 0.707 to 0.709 for blacks of 6 to 24 grey levels (kept, at 16); the mean
over two or three scales or turns 0.707 to 0.710; larger squares than it learnt on, 192 and 224 px, 0.651 and 0.583;
probabilities smoothed by 0.7 to 3 px 0.693 to 0.699; five frames instead of three 0.700; the background made likelier or
less likely 0.697 to 0.699; the mean of four networks on the two clips that none of them knew 0.773 (each alone 0.735 to
0.774). With both courses: bays of the cavity in the outer wall (chordae, papillary muscles) given to the cavity, no more
than 0.001; structures drawn on to the sector's edge where they come near it, 0.655 to 0.677 of 0.683 on four clips; other
shares of the two courses in the mean, 0.709 to 0.713. Earlier: a moving average over the whole run (slower to learn than one
over its second half); looking closer at parts of the sector, chosen by confidence (it found long axes in other views). None
of these is kept but the first.

Looked at again on nine clips drawn by the folds' networks and the shipped one (0.711, ventricle 0.767): the ventricle kept on
its side of the septum's axis 0.713 and 0.777 (kept: of the tracings' ventricles 1 % or less lies across it); convex chambers
0.707 to 0.711; prongs of the outer wall taken away 0.712. With the first and the last of these (0.714): another scale (0.85
to 1.16) or turn (8 degrees) in turn with the plain picture over the frames 0.711 to 0.715; both courses' networks in turn
0.714 to 0.715; five frames instead of three 0.715 and nine 0.717, both with larger errors of sizes. With the first fold's
three clips (0.717): a second course once more by another chance, alone or in the mean of the weights, 0.704 to 0.720. A
second course that changes neither walls nor tissues, on these three, 0.694, in the mean with the first 0.716: it too costs
the right ventricle. A fold's network gone on for 200 steps with its other left-out clips, on the one clip left (pocus4):
0.608 of 0.682, the right ventricle 0.39 of 0.78.

Looked at a third time (0.713 to begin with, ventricle 0.777; of what is wrong of the ventricle 45 % lies at the outer wall, at
papillary muscles and chordae, which the tracings themselves treat both ways, 40 % at the septum and beyond its apical end):
batch norm's statistics mixed with those of 16 frames of the recording, 25, 33, 50 and 75 %, 0.716, 0.717, 0.719, 0.716; with
each frame's own, 33 and 50 %, 0.722 and 0.718 (0.721 on single frames; 33 % is kept). Brighter and darker pictures, alone
or in the mean, 0.711 to 0.714; blacks of 24 to 56 grey levels 0.713 to 0.699. New trainings: a second network from another
chance on mixed styles (MixStyle), 900 steps, and 0.696 on the seven left-out clips with its own statistics, 0.705 in the mean
with the other, which has 0.705 alone; a third course with its own statistics and blacks of 4 to 48 from both courses' mean
on, five clips, 0.700 to 0.710, in the mean of the weights 0.710 to 0.713 of 0.717.

**Limits**: nine patients stand behind these figures, most of them adults with a plain picture; the tracings themselves are
uncertain by several pixels where the picture is (haze, drop-out). Hand-held recordings are drawn worse than others. A short
axis through the aortic valve may be taken for a long one. No sex, age or machine group is large enough to be told apart.
Paediatric hearts, prostheses, effusions and mirrored displays were not in the data.

**Again**: `{command}`
"""
