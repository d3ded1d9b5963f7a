"""The card of `echo-plax`: what it was trained on, who drew that, what was measured on left-out clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.echo_plax.calipers import NAMES as LINES
from engine.echo_plax.motion import REACH
from training.echo_plax_scores import NAMES, ClipScore
from training.echo_plax_view import Rule, Seen
from training.publish import Card

CLASSES = ("background", "left_ventricle", "septum", "left_atrium", "right_ventricle", "outer_wall", "aorta")


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
        own=100 * found.own, frames=2 * REACH + 1, temperature=found.temperature,
        calibration=100 * found.calibration, least=found.operating["least_confidence"],
        wrong=", ".join(f"{one.name} ({'taken' if taken else 'refused'})" for one, taken in
                        [*found.views_left_out, *found.views_apart] if taken != one.long_axis) or "none",
        courses=_courses(found), frame_iou=_over_frames(scores)[0], frame_lv=_over_frames(scores)[1], command=command,
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
    """The left-out clips as each step on the way to what is shipped draws them, and as that does."""
    if not found.courses:
        return ""
    rows = []
    for name, scores in (
        *found.courses,
        ("the same with neighbouring frames along the motion, as shipped", found.left_out),
    ):
        values = [
            float(np.mean([s.mean_iou for s in scores])),
            *(_known_mean(v) for v in zip(*map(_means, scores), strict=True)),
        ]
        cells = " | ".join("-" if np.isnan(v) else f"{v:.3f}" for v in values)
        rows.append(f"| {name} | {len(scores)} | {cells} |")
    return COURSES.format(rows="\n".join(rows))


def _row(name: str, metric: dict[str, object]) -> str:
    return f"| {name} | {metric['value']:.3f} | {metric['low']:.3f} to {metric['high']:.3f} | {metric['n']} |"


def _clip_row(score: ClipScore, how: str) -> str:
    cells = " | ".join("-" if np.isnan(v) else f"{v:.2f}" for v in _means(score))
    return f"| {score.clip} | {how} | {len(score.numbers)} | {score.mean_iou:.2f} | {cells} |"


def _over_frames(scores: Sequence[ClipScore]) -> tuple[float, float]:
    """Mean IoU over the structures, and that of the ventricle, where every traced frame weighs the same."""
    structures = [_known_mean(column) for column in np.concatenate([score.iou for score in scores]).T]
    return _known_mean(structures), structures[0]


def _means(score: ClipScore) -> list[float]:
    return [_known_mean(column) for column in score.iou.T]


def _known_mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


COURSES = """
**What each step brings**, left-out clips alone (mean over clips), all but the last on single frames:

| drawn by | clips | mean IoU | LV | septum | LA | RV | outer wall | aorta |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}
"""
TEXT = """# echo-plax: six structures of a parasternal long axis

Research use, not a medical device. Draws left ventricle, septum, left atrium, right ventricle, outer (posterior) wall and
aorta in frames of a parasternal long axis; sizes are measured on what it draws, and whether a recording shows that view is
judged by it.

**No clinician labelled the training data.** Two or three frames of each clip were traced by eye, and five more of hand-held
clips, four of them with the mitral valve open; the masks of 69 neighbouring frames were carried over from the first by optical
flow (`python -m training echo-plax-carry`) and looked at one by one. In the second course a fifth of the clips' frames were
drawn by the network itself, where it was sure.

**Network**: U-Net of 2.5 million parameters on 160 x 160 px, grey; it starts as `echo-apical` and learns twice. The second
course goes on from the first, bends walls and chambers, changes the brightness of each tissue by itself, and sees the sector a
little lighter than the black around it, so that a black chamber at its edge has a border. The mean of the weights after either
course is what draws: each is better on other clips.

**Drawing**: batch norm's learnt means and variances are mixed with the picture's own, which count {own:.0f} %, so that another
machine's pictures are met halfway; whether the view is seen at all is judged with learnt statistics alone, since with a
picture's own hearts were found in cardiac MR. Probabilities are averaged over {frames} frames, each laid on the next by
optical flow: what drops out of one is seen in others, and walls that move stay sharp. Of each structure its largest piece is
kept; what is drawn of the ventricle across the septum's axis, beyond the septum's apical end, is taken away.

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
stills of other views that no network learnt from by the shipped one. Overlaps are means over a clip's traced frames, then over
clips; counted over all traced frames alike, mean IoU is {frame_iou:.3f} and that of the ventricle {frame_lv:.3f}. Sizes are those
of the curves over time, which `dimensions.csv` holds; their errors are relative to the traced callipers (1 is 100 %), the median
over all traced frames.

| figure | value | 95 % | n |
| --- | --- | --- | --- |
{rows}

| clip | how | frames | mean IoU | LV | septum | LA | RV | outer wall | aorta |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{clips}

{courses}
Views, clips and stills that were answered wrongly: {wrong}.

**Confidence**: logits are divided by {temperature:.2f}, fitted on the left-out clips, where confidence and accuracy then differ
by {calibration:.1f} points on average (fitted and counted on the same clips). A structure whose mean probability is below
{least:.2f} counts as absent.

**Tried and left out**, each looked at once on the folds' networks as they then were; what any of it gained over what
was kept instead is within chance with nine patients:
- other pictures: larger squares (much worse), brighter and darker ones, lighter or darker blacks in the sector, scales
  (0.85 to 1.16) and turns (8 degrees), alone, in the mean, or another one for each frame;
- other statistics: of 16 frames of the recording instead of the picture's own, or a larger share of them;
- other means: of either course's probabilities, in turn over the frames, or in other shares of the weights; a second course once
  more from another chance;
- other frames: means over more neighbours without following the motion (larger errors of sizes);
- other rules: probabilities smoothed, the background, the ventricle or the outer wall made likelier or less likely, chambers
  made convex or drawn on to the sector's edge, bays of the cavity in the outer wall given to the cavity, prongs of the outer wall
  taken away;
- other trainings: a moving average over all steps, mixed styles, a third course, a second one without altered hearts (it too
  costs the right ventricle), learning with a picture's own statistics from the start, which was worse on all three clips of
  the first fold, and a second network that learnt from examples in another order (its probabilities averaged with the first's,
  drawing every other frame, or the mean of both networks' weights, which was much worse);
- a closer look at parts of the sector, chosen by confidence: it found long axes in other views.

What is wrong of the ventricle lies at the outer wall (papillary muscles and chordae, which the tracings themselves treat both
ways) and at the septum and beyond its apical end, in about equal shares.

**Limits**: nine patients stand behind these figures, most of them adults with a plain picture; the tracings themselves are
uncertain by several pixels where the picture is (haze, drop-out). Hand-held recordings are drawn worse than others. A short
axis through the aortic valve may be taken for a long one. No sex, age or machine group is large enough to be told apart.
Paediatric hearts, prostheses, effusions and mirrored displays were not in the data.

**Again**: `{command}`
"""
