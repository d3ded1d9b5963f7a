"""The model cards of cardiac MR: what they are for, what they learnt from, how well they do, where they fail."""

from __future__ import annotations

from engine.mr.segmentation import BEAT_SHARE, INWARD_MM, RIGHT_READILY, SCANNED_SHARE, UPRIGHT
from engine.mr.views import CLASSES, VIEW_NAMES, VIEWS
from training import cardiac_mr_beat
from training.cardiac_mr_augment import TURNED, UNKNOWN
from training.cardiac_mr_scores import Figure, entries, table
from training.cardiac_mr_segmentation import UNSURE_PX
from training.cardiac_mr_stack import COURSES, LONE, OVERLAP_WEIGHT, STACKS, stages
from training.publish import Card

TRAINING = "python -m training cardiac-mr --data DIR"
EVALUATION = f"{TRAINING} --evaluate"
LICENCE = "CC BY-NC-SA 4.0"  # ACDC's
MINUTES = 100  # of the segmentation's training: 79 epochs of about 76 s
BEAT_MINUTES = 80  # of the beat's network's: 42 epochs of about 115 s
STACK_MINUTES = 110  # of the stack network's: 60 epochs of about 110 s
LEAST_CONFIDENCE = 0.05  # of a landmark that is told; chosen so that a point without a clear place is left out


def segmentation_card(
    figures: list[Figure], groups: dict[str, dict[str, list[float]]], counts: dict[str, tuple[int, int]]
) -> Card:
    """counts: source and part -> patients, slices. groups: the cohort's distributions that the page draws."""
    learnt = "\n".join(f"- {name}: {people} patients, {slices} slices" for name, (people, slices) in counts.items())
    return Card(
        task="cardiac-mr",
        title="Ventricles in short-axis cine MR",
        licence=LICENCE,
        training_command=TRAINING,
        architecture={"inputs": 3, "outputs": 6},
        classes=("background", "LV cavity", "LV myocardium", "RV cavity"),
        operating={"cohort_groups": groups},
        metrics=entries(figures, EVALUATION, "patients held back from the training"),
        text=f"""# Ventricles in short-axis cine MR

Finds the heart in a short-axis cine, its pixel size where none is stated, and whose way of drawing it calls for;
`cardiac-mr-stack` and `cardiac-mr-beat`, which begin as this network, then draw it. Research use only; not a medical device.

## How it works
A U-Net of 2.5 million parameters reads each slice between its two neighbours, 192 mm at 1.5 mm per pixel: LV cavity (papillary
muscles counted to it), LV myocardium and RV cavity. The heart is found on the whole field, near whose middle it is expected.
Where a picture states no pixel size, the size at which the network is surest is taken.

The two cohorts draw the cavity by different conventions: ACDC close to the blood, Sunnybrook around all papillary muscles
(its masks at hand are also half a pixel wider than the contours they were made from: 6 % in area, 18 pictures). One
network learns both, and from the pictures whose they look like; a study is outlined by one mixture of the two, which its
finding states (`cavity_drawn_wide`, 0 for ACDC's, 1 for Sunnybrook's).

## What it learnt from
{learnt}

- ACDC (Bernard 2018), CC BY-NC-SA 4.0: end-diastole and end-systole, five groups of 16. **These weights are therefore
  under {LICENCE}.**
- Sunnybrook Cardiac Data, CC0: the LV cavity alone; beyond {UNSURE_PX} px from its outline it also teaches the classes.

In training each slice meets other turns, sizes, shapes, mirror images, gains, coil shading, ghosts, blur and noise.
The training was short: {MINUTES} minutes of one CPU core, in four rounds that the training command repeats (slices alone, then
between neighbours, then the two conventions, then all of it again with more end-systoles). The shipped weights' first round
ran in two courses of the learning rate (9 and 13 epochs), and its second ended one epoch early.

Tried without gain, on the patients held back: showing the network the beat's other end as a fourth picture (the shipped
weights' last round had it in 70 % of ACDC's pictures; Dice and volumes the same within their noise, so it is left out), the
mean of turned, larger and smaller views, the mean with the network of one round before, windows around each slice's own middle.

## How well it does
On patients that the training never saw, through the whole engine, where `cardiac-mr-stack` and `cardiac-mr-beat` draw:
Dice over a patient's stack, absolute errors of volumes in mL, ejection fractions in points, mass in g. Sunnybrook: single
pictures without a pixel size. `{EVALUATION}`

{table(figures)}

## Limits
- A hypertrophic ventricle that empties almost wholly may keep too large a cavity where no blood is bright.
- The base decides most of a volume's error: where ventricle ends and atrium begins is not settled by one slice.
- One centre's scanners (ACDC: Dijon, 1.5 and 3 T) and one more (Sunnybrook); other protocols were only simulated.
- Congenital hearts, devices and late-enhancement pictures were not in the data.
""",
    )


def stack_card(figures: list[Figure], counts: dict[str, tuple[int, int]]) -> Card:
    """counts: source and part -> patients, slices."""
    learnt = "\n".join(f"- {name}: {people} patients, {slices} slices" for name, (people, slices) in counts.items())
    return Card(
        task="cardiac-mr",
        title="Ventricles in a whole stack of short-axis slices",
        licence=LICENCE,
        training_command=TRAINING,
        architecture={"inputs": 3, "outputs": 6},
        classes=("background", "LV cavity", "LV myocardium", "RV cavity"),
        metrics=entries(figures, EVALUATION, "patients held back from the training"),
        text=f"""# Ventricles in a whole stack of short-axis slices

Draws the LV cavity (papillary muscles counted to it), the LV myocardium and the RV cavity in every slice and phase of a
short-axis cine, from all slices of a phase at once. Research use only; not a medical device.

## How it works
The U-Net of `cardiac-mr-segmentation`, whose features at 6, 12 and 24 mm per pixel also take in those of the slices before and
after, so that three slices on either side count: at the base one slice alone does not tell ventricle from atrium. 4.4 million
parameters. It goes on from the shipped `cardiac-mr-segmentation`, which shows it the place of the heart.

It looks twice: as the heart was scanned, and turned until the RV's middle lies {UPRIGHT:g} degrees round from the LV's, the
median of ACDC's training patients. Its first outlines also tell when the heart is fullest and emptiest, by which
`cardiac-mr-beat` looks at it upright as well. The mean of the three is drawn, see there.

## What it learnt from
{learnt}

The same patients as `cardiac-mr-segmentation`: ACDC (Bernard 2018), CC BY-NC-SA 4.0, **hence {LICENCE}**, and Sunnybrook (CC0).
{COURSES[-1]} epochs of 100 steps, {STACK_MINUTES} minutes of one CPU core, in courses of the learning rate to epochs
{" and ".join(str(epochs) for epochs in COURSES)}; in each step {STACKS} whole stacks of ACDC, in one window around the patient's
heart as the engine shows them, and {LONE} lone pictures of Sunnybrook. The overlap of the RV counts {OVERLAP_WEIGHT[2]:g} times
in the loss. The weights are the mean of those after epochs {", ".join(str(epoch + 1) for epoch in stages(COURSES))}: each
course's end, and the end of the strongest changes of the pictures. The shipped weights' first course was drawn out twice on
the way (from 10 to 18 to 21 epochs).

On the patients held back, the mean of the stages draws the RV better than each of them, and a second look by itself at the
heart turned upright better still. Where in training the mean is taken matters little.

Tried without gain there: the mean with the stack read from its other end or a little to the side, a convex cavity on the
picture's own pixels where the outlines are drawn wide, the mean with `cardiac-mr-segmentation`, drawing the RV more readily
only in slices where it is faintly seen.

## How well it does
Through the whole engine, on patients that no network saw in training: Dice over a patient's stack, absolute errors of volumes in
mL, ejection fractions in points, mass in g. Sunnybrook: single pictures without a pixel size. `{EVALUATION}`

{table(figures)}

## Limits
- The RV at end-systole is the weakest: its base is all or nothing in a slice. ACDC's readers drew an RV in the basal slice of
  the LV in 17 of the 65 training patients at end-systole; where they do is what the network knows least.
- Near the apex the RV is a thin crescent, and fat beside it looks like blood.
- `cardiac-mr-segmentation`'s limits hold too. A stack with large gaps or few slices takes little from the slices beside.
""",
    )


def beat_card(figures: list[Figure], counts: dict[str, tuple[int, int]]) -> Card:
    """counts: source and part -> patients, slices."""
    learnt = "\n".join(f"- {name}: {people} patients, {slices} slices" for name, (people, slices) in counts.items())
    last = cardiac_mr_beat.COURSES[-1].until
    return Card(
        task="cardiac-mr",
        title="Ventricles of an upright heart, by its beat",
        licence=LICENCE,
        training_command=TRAINING,
        architecture={"inputs": cardiac_mr_beat.INPUTS, "outputs": 6},
        classes=("background", "LV cavity", "LV myocardium", "RV cavity"),
        metrics=entries(figures, EVALUATION, "patients held back from the training"),
        text=f"""# Ventricles of an upright heart, by its beat

The second look at every slice and phase of a short-axis cine, after `cardiac-mr-stack`: it knows where the right ventricle
lies, and what the slice shows when the heart is fullest and emptiest. Research use only; not a medical device.

## How it works
The network of `cardiac-mr-stack` with two more pictures for every slice: the same slice at end-diastole and at end-systole, as
the first look found them. At the base one phase alone does not tell ventricle from atrium: the ventricle leaves the slice in
systole. The heart is turned until the RV's middle lies {UPRIGHT:g} degrees round from the LV's, the median of ACDC's
training patients. 4.4 million parameters.

Of the mean of three looks this one makes {100 * (1 - SCANNED_SHARE) * BEAT_SHARE:.0f} %, those of `cardiac-mr-stack`
{100 * SCANNED_SHARE:.0f} % each; probabilities are then averaged over neighbouring phases, and
the RV's count {RIGHT_READILY:g} times: at the base, where a slice holds all of it or nothing, it was drawn too seldom (the factor
was set on the patients held back). A right ventricle is kept as one piece through the stack and
within {INWARD_MM:g} mm of where it is at end-diastole (99.5 % of the training patients' outlines are), a left one freed of holes
and spots. Where no RV was seen the heart is not turned, and this network not asked.

## What it learnt from
{learnt}

The same patients as the other two networks of the ventricles: ACDC (Bernard 2018), CC BY-NC-SA 4.0, **hence {LICENCE}**, and
Sunnybrook (CC0). It begins as `cardiac-mr-stack` was at the end of its first course, and goes on for {last} epochs of 100 steps,
{BEAT_MINUTES} minutes of one CPU core, in two courses of the learning rate; the weights are the mean of those after epochs
{", ".join(str(epoch + 1) for epoch in cardiac_mr_beat.STAGES)}. Hearts are shown within
{TURNED:g} degrees (standard deviation) of upright; end-diastole and end-systole are each left out with a chance of
{100 * UNKNOWN:.0f} %, so that stills are read too.

From epoch to epoch most of the patients held back were drawn better, and one or two worse by much, whose basal slice was taken
for the other chamber; hence a mean of an early, a middle and the last epoch. It was chosen with these patients in sight, so
that the figures below flatter it by what chance there is in that choice. Weaker changes of the pictures towards the end of
the training cost the RV.

## How well it does
Through the whole engine, where all three looks draw, on patients that no network saw in training: Dice over a patient's stack,
absolute errors of volumes in mL, ejection fractions in points, mass in g. Sunnybrook: single pictures without a pixel size.
`{EVALUATION}`

{table(figures)}

## Limits
- The RV at end-systole is the weakest, see `cardiac-mr-stack`.
- Phases between end-diastole and end-systole were not in the training; there the outlines rest on the two ends beside them.
- If the first look finds the ends of the beat wrongly, this one is misled.
""",
    )


def views_card(figures: list[Figure], temperature: float, counts: dict[str, tuple[int, int, int, int]]) -> Card:
    """counts: view -> people and pictures for training, people and pictures held back."""
    names = VIEW_NAMES | {"OTHER": "None of these"}
    rows = "\n".join(f"| {names[view]} | {a} / {b} | {c} / {d} |" for view, (a, b, c, d) in counts.items())
    return Card(
        task="cardiac-mr",
        title="View and long-axis landmarks in cardiac MR",
        licence=LICENCE,
        training_command=TRAINING,
        classes=CLASSES,
        operating={"temperature": round(temperature, 4), "least_confidence": LEAST_CONFIDENCE},
        metrics=entries(figures, EVALUATION, "people held back from the training; pictures alone, without geometry"),
        text=f"""# View and long-axis landmarks in cardiac MR

Says which of seven views a picture shows, or that it is none of them, and where the apex and both mitral points lie on
long-axis views. Research use only; not a medical device.

## How it works
A small U-Net (0.8 million parameters) reads the whole picture at {96} px. Its coarsest features decide the view, as the
mean of a look at the whole and one a little closer; heat maps give the points, first on the whole, then close to the
ventricle. DICOM files also state the plane's direction; the engine weighs it in (`engine/mr/planes.py`). RV insertions on
short axes come from the outlines, not from here.

## What it learnt from
People / pictures.

| view | training | held back |
| --- | --- | --- |
{rows}

**Two- and three-chamber views: one patient's cines are all there was** (biv-me's example, Apache-2.0), so nothing independent
measures them, and pictures of other patients may well be taken for a neighbour; `known_patient` below is that same patient's
stills, which the network learnt from. Four-chamber pictures come from the Data
Science Bowl 2015 (data terms unclear, labels MIT) and figures (M&Ms-2, CC BY 4.0; DeepValve, MIT); scouts from Sunnybrook
(CC0); short axes from ACDC (CC BY-NC-SA 4.0) and Sunnybrook. "None of these": CAMUS echo frames (CC BY-NC-SA 4.0), public
echo clips, and drawn pages, traces and noise.

Landmarks: marked by eye for this project on 40 pictures (not by a clinician), and the ends of the Bowl's LV outlines.

## How well it does
`{EVALUATION}`; landmarks in % of the ventricle's length, median, on pictures marked by eye.

{table(figures)}

## Limits
- Two- and three-chamber views, see above; {len(VIEWS)} views are told apart, right-sided and aortic planes are not among them.
- Other organs in MR were not in the data; heads were drawn. An abdomen or a knee may be taken for a scout.
- Planes cut from ACDC's short-axis stacks were tried as two- and three-chamber views and left out: ten slices hold neither
  atria nor aortic root, by which a reader tells these views apart.
""",
    )
