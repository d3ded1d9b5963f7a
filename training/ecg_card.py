"""The model card of the ECG classifier: what it is for, what it learnt from, how well it does, where it fails."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.ecg.classifier import EcgClassifier, Operating
from engine.ecg.leads import CLASS_NAMES, CLASSES
from engine.ecg.measured import FEATURES
from training.ecg_records import EcgRecords
from training.ecg_scores import Figures
from training.publish import Card

LICENCE = "CC BY-SA 4.0"
VIEW_NAMES = {"full": "all 12 leads for 10 s", "printed": "as a 3x4 page with rhythm strip prints them"}


def card(
    model: EcgClassifier,
    operating: Operating,
    figures: Figures,
    of_choice: Figures,
    records: EcgRecords,
    training: str,
    evaluation: str,
) -> Card:
    """The manifest entry and the text. figures: on the held-out split; of_choice: where the operating points were chosen.

    training, evaluation: the commands that make the weight and that print the figures.
    """
    members = len(model.encoders)
    return Card(
        task="ecg",
        title="Nine rhythm, conduction and ST classes of a 12-lead ECG",
        licence=LICENCE,
        training_command=training,
        text=_text(members, operating, figures, of_choice, records, training, evaluation),
        architecture={"members": members},
        classes=CLASSES,
        operating={name: [_plain(v) for v in values] for name, values in vars(operating).items()},
        metrics=_metrics(figures, evaluation),
    )


def _plain(value: object) -> bool | float:
    return bool(value) if isinstance(value, (bool, np.bool_)) else round(float(value), 5)  # type: ignore[arg-type]


def _metrics(figures: Figures, command: str) -> dict[str, dict[str, object]]:
    """name -> value, low, high, n, on, command, as the manifest keeps them."""
    found: dict[str, dict[str, object]] = {}
    for view, classes in figures.items():
        for name in ("macro", *CLASSES):
            values = classes[name]
            found[f"{view}_f1_{name}"] = {
                "value": _rounded(values["f1"]), "low": _rounded(values["f1_low"]), "high": _rounded(values["f1_high"]),
                "n": values["n"], "positives": values.get("positives"),
                "on": f"validation patients, {VIEW_NAMES[view]}", "command": command,
            }  # fmt: skip
        found[f"{view}_ece"] = {
            "value": _rounded(classes["macro"]["ece"]), "low": None, "high": None, "n": classes["macro"]["n"],
            "on": f"validation patients, {VIEW_NAMES[view]}", "command": command,
        }  # fmt: skip
    return found


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _text(
    members: int,
    operating: Operating,
    figures: Figures,
    of_choice: Figures,
    records: EcgRecords,
    training: str,
    evaluation: str,
) -> str:
    held, train = records.take(np.flatnonzero(records.split == "valid")), np.flatnonzero(records.split == "train")
    sources = ", ".join(f"{name} {count}" for name, count in Counter(records.source[train].tolist()).most_common())
    weak = ", ".join(code for code, fine in zip(CLASSES, operating.validated, strict=True) if not fine) or "none"
    return f"""# ECG classifier: nine classes of a 12-lead ECG

Research use, not a medical device.

## What it is for
A second opinion on a resting 12-lead ECG of an adult, for a reader who looks at the ECG as well. Not for ruling out a
disease, not for monitoring, not for deciding on a treatment.

## What it does
Nine classes, each by itself (several may hold): {", ".join(f"{c} ({CLASS_NAMES[c].lower()})" for c in CLASSES)}.
Input: 12 leads in mV, any of which may be missing or printed for a few seconds only; 2.5 s or more. Longer records are
read in windows of 10 s. Each answer is a calibrated probability, a threshold, an abstention zone around it
(`uncertain`), and whether enough cases stood behind the class's operating point (`validated`; not validated: {weak}).

It is made of two parts that are added, class by class:
- {members} small network{"s" * (members > 1)} (100 Hz, 40 Hz low-pass): the same encoder for every lead, then a mean over
  the leads that are given at a time, then the time course. `lead_features` is the layer before any two leads meet.
- {len(FEATURES)} numbers measured on the beats (rate, RR, PR, QRS, QT, axis, ST levels, QRS shapes), each with a piecewise
  linear curve of its own per class, most of them flat.

## What it learnt from
{len(train)} records of {len(np.unique(records.patient[train]))} people: {sources}.
- PTB-XL (Wagner 2020), Chapman/Ningbo and CPSC-Extra (PhysioNet/CinC Challenges 2020, 2021): CC BY 4.0
- PTB Diagnostic ECG Database: ODC-By 1.0
- Brugada-HUCA (PhysioNet 1.0.0): CC BY-SA 4.0; **these weights are therefore under {LICENCE}**

Labels are the cardiologists' or the source's own statements (PTB-XL: about 7 in 10 validated by a human); ST elevation was
measured at J and J + 60 ms by the universal definition and its shape read by eye, not by a cardiologist. Statements that
leave a class open are unknown, not absent. Records whose mV had been rescaled teach rhythm and conduction, not ST.
In training each record meets other machines' filters, electrode places, gains, wander, noise, page layouts and lost
pieces. **Inferior and lateral ST elevation had no real case**: regional injury currents were added to real beats
(anterior, septal, lateral, inferior, with reciprocal depression), and small ones below the limits as negatives.

## How well it does
On {len(held)} records of {len(np.unique(held.patient))} people that no network, curve, calibration or threshold has seen
(PTB-XL fold 8 and a sixth of Brugada-HUCA). F1 at the shipped thresholds; 95 % bootstrap intervals over people.
An interval without width means that no mistake was made on these few cases, not that none can be made.
The calibration error (ECE) has ten bins. Again: `{evaluation}`.

{tables(figures)}

Where the operating points were chosen (training patients, each judged by a network that had not seen them; hospitals
other than PTB-XL and Brugada-HUCA by a network that had seen nothing of the hospital; here the thresholds are not
independent): macro-F1 {of_choice["full"]["macro"]["f1"]:.3f} in full, {of_choice["printed"]["macro"]["f1"]:.3f} as printed.

{_sources(of_choice)}

## Limits
- ST elevation: 22 training records of V1 to V4, none an infarction; inferior and lateral are simulated only. The held-out
  cases come from the same hospital as the training cases. Do not use it to rule out an infarction.
- Premature beats, first-degree block and ST depression are the weak classes; their intervals above are wide.
- Almost all records are of adults at rest at one German institute (PTB-XL). Children, pacemakers, flutter, higher-degree
  block and exercise tests were hardly or not at all in the data.
- The measured numbers are as good as the tracing: on a poor photo the networks carry the answer.

## Made with
`{training}` (resumable, seed fixed, one thread; pictures of reliability and ROC in the run folder).
`{evaluation}` prints the tables above again from the shipped weight, without training.
"""


def tables(figures: Figures) -> str:
    """Markdown: every class in full and as printed, and every group."""
    return "\n\n".join([_table(figures, "full"), _table(figures, "printed"), _groups(figures)])


def _table(figures: Figures, view: str) -> str:
    lines = [
        f"**{VIEW_NAMES[view][0].upper()}{VIEW_NAMES[view][1:]}**",
        "",
        "| class | n | positives | F1 | 95 % | sensitivity | specificity | AUROC | AUPRC | ECE |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in CLASSES:
        v = figures[view][name]
        lines.append(
            f"| {name} | {v['n']} | {v['positives']} | {v['f1']:.2f} | {v['f1_low']:.2f} to {v['f1_high']:.2f} | "
            f"{v['sensitivity']:.2f} | {v['specificity']:.2f} | {v['auroc']:.3f} | {v['auprc']:.2f} | {v['ece']:.3f} |"
        )
    m = figures[view]["macro"]
    lines.append(
        f"| macro ({m['classes']}) | {m['n']} | | {m['f1']:.3f} | {m['f1_low']:.3f} to {m['f1_high']:.3f} | | | "
        f"{m['auroc']:.3f} | {m['auprc']:.2f} | {m['ece']:.3f} |"
    )
    return "\n".join(lines)


def _groups(figures: Figures) -> str:
    """Macro-F1 by sex, age and source, over the classes that the group has five positives of."""
    lines = ["| group | n | classes | macro-F1 in full | as printed |", "| --- | --- | --- | --- | --- |"]
    for name, v in figures["full"].items():
        if " " in name and v["classes"]:
            lines.append(
                f"| {name} | {v['n']} | {v['classes']} | {v['f1']:.2f} | {figures['printed'][name]['f1']:.2f} |"
            )
    return "\n".join(lines)


def _sources(of_choice: Figures) -> str:
    lines = ["| source, out of fold | n | classes | macro-F1 in full | as printed |", "| --- | --- | --- | --- | --- |"]
    for name, v in of_choice["full"].items():
        if name.startswith("source ") and v["classes"]:
            lines.append(
                f"| {name.removeprefix('source ')} | {v['n']} | {v['classes']} | {v['f1']:.2f} | "
                f"{of_choice['printed'][name]['f1']:.2f} |"
            )
    return "\n".join(lines)
