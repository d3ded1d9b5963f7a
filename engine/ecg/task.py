"""Task `ecg`, top to bottom: intake, digitisation, the check by physics, beats and measurements, classes, criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from engine import stated
from engine.ecg.digitisation import Digitisation, DigitiseOptions
from engine.ecg.signal import EcgSignal
from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.finding import Label, Quality
from engine.models import ModelStore
from engine.progress import Progress, part
from engine.registry import Answer
from engine.study import Study

MIN_LEADS = 6  # fewer cannot tell one region or conduction defect from another
EINTHOVEN_ACCEPTABLE = 0.25  # residual of II = I + III, as a share of lead II's size
TRACE_UNSURE, TRACE_UNUSABLE = 0.6, 0.45  # mean confidence of the traced ink; pages that are read have 0.54 or more
SPEEDS_MM_S = (25.0, 50.0)
GAINS_MM_MV = (5.0, 10.0, 20.0)
OPTIONS = {  # name -> what the reader may state
    "speed_mm_s": "paper speed: 25 or 50",
    "gain_mm_mv": "gain: 5, 10 or 20",
    "layout": "how the leads are printed, e.g. 3x4+1",
    "page": "of a PDF or a multi-page TIFF, from 0",
    "corners": "of the printed area on the picture: eight numbers x,y in px, clockwise from the top left",
}


def options(fields: Mapping[str, str]) -> DigitiseOptions:
    """The reader's corrections from text, by the names of OPTIONS. Raises EngineError for another name or value."""
    from engine.ecg.layout import LAYOUTS

    stated.known(fields, OPTIONS)
    read: dict[str, Any] = {
        "speed_mm_s": lambda name, text: stated.one_number_of(name, text, SPEEDS_MM_S),
        "gain_mm_mv": lambda name, text: stated.one_number_of(name, text, GAINS_MM_MV),
        "layout": lambda name, text: stated.one_of(name, text, LAYOUTS),
        "page": stated.whole_number,
        "corners": _corners,
    }
    return DigitiseOptions(**{name: read[name](name, text) for name, text in fields.items()})


def answer(study: Study, asked: DigitiseOptions | None, store: ModelStore, progress: Progress) -> Answer:
    """The second opinion on one ECG.

    Raises:
        UnreadableInput: if the study is neither a picture nor a stored signal.
        RefusedStudy: if it is no readable ECG of six leads or more.
    """
    photo, digitised, signal = _signal(study, asked or DigitiseOptions(), store, part(progress, 0.0, 0.7))
    _check_leads(signal)
    quality = _quality(signal, digitised)
    progress(0.75, "Measuring beats and intervals")
    return _read(photo, digitised, signal, quality, store, part(progress, 0.75, 1.0))


def _signal(
    study: Study, asked: DigitiseOptions, store: ModelStore, progress: Progress
) -> tuple[np.ndarray | None, Digitisation | None, EcgSignal]:
    """The photo and its digitisation where the study is a picture, and the signal in either case."""
    from engine.ecg import read_signal
    from engine.pictures import is_picture, read_picture

    if read_signal.is_signal(study):
        progress(0.1, "Reading the stored signal")
        return None, None, read_signal.read_signal(study)
    if len(study.parts) != 1 or not is_picture(study.parts[0]):
        raise UnreadableInput(
            "Expected one photo, scan or PDF of an ECG, or a WFDB, DICOM or CSV record; "
            f"what came ({len(study.parts)} file{'s' * (len(study.parts) > 1)}) is none of them. Choose another file."
        )
    from engine.ecg.digitise import digitise

    progress(0.02, "Opening the picture")
    photo = read_picture(study.parts[0], asked.page)
    digitised = digitise(photo, asked, store.get("ecg-page"), progress)
    return photo, digitised, digitised.signal


def _check_leads(signal: EcgSignal) -> None:
    given = signal.given()
    if len(given) < MIN_LEADS:
        raise RefusedStudy(
            "too_few_leads",
            f"Expected at least {MIN_LEADS} leads, found {len(given)} ({', '.join(given) or 'none'}); show the whole page.",
        )


def _quality(signal: EcgSignal, digitised: Digitisation | None) -> tuple[Quality, ...]:
    """What speaks for and against the reading. Raises RefusedStudy where it cannot be trusted."""
    from engine.ecg.physics import lead_laws

    laws = lead_laws(signal.samples_mv)
    if laws.contradictory:
        raise RefusedStudy(
            "leads_contradict",
            "The limb leads do not fit one heart (lead II is not I + III), so the reading cannot be trusted; "
            "check the layout, or photograph the page flat, from above and in even light.",
        )
    entries = [
        Quality(code, round(value, 4), value < EINTHOVEN_ACCEPTABLE, name)
        for code, value, name in (
            ("einthoven_residual", laws.einthoven, "How far lead II is from I + III (0: kept exactly)"),
            ("goldberger_residual", laws.goldberger, "How far aVR + aVL + aVF is from 0 (0: kept exactly)"),
        )
        if np.isfinite(value)
    ]
    entries.append(
        Quality("leads_given", float(len(signal.given())), len(signal.given()) == 12, "Leads that were read")
    )
    if digitised:
        sure = trace_confidence(signal)
        entries.append(
            Quality(
                "trace_confidence", round(sure, 4), sure > TRACE_UNSURE, "Mean confidence of the traced ink (0 to 1)"
            )
        )
        entries.append(
            Quality("grid_found", float(digitised.grid_found), digitised.grid_found, "Grid of the paper found")
        )
    return tuple(entries)


def trace_confidence(signal: EcgSignal) -> float:
    """Mean confidence of the ink that was taken for curves, 0..1. Raises RefusedStudy where it is hardly there."""
    read = np.isfinite(signal.samples_mv)
    sure = float(signal.confidence[read].mean()) if read.any() else 0.0
    if sure < TRACE_UNUSABLE:
        raise RefusedStudy(
            "no_trace",
            "Expected clear ECG curves; what was found is too unsure to be read. "
            "Show the whole page, from above, in even light and at full resolution.",
        )
    return sure


def _read(
    photo: np.ndarray | None,
    digitised: Digitisation | None,
    signal: EcgSignal,
    quality: tuple[Quality, ...],
    store: ModelStore,
    progress: Progress,
) -> Answer:
    from engine.ecg import classifier
    from engine.ecg.criteria import criteria, verdict
    from engine.ecg.delineate import delineate
    from engine.ecg.evidence import EcgEvidence
    from engine.ecg.measure import measure

    beats = delineate(signal)
    measurements = measure(signal, beats)
    progress(0.4, "Asking the network")
    model = store.get("ecg-classifier")
    measured = classifier.measured_logits(beats, model)
    labels = classifier.classify(signal, measured, model)
    progress(0.9, "Checking the textbook criteria")
    checked = criteria(signal, beats, measurements)
    verdicts = {label.code: verdict(label.code, checked) for label in labels}
    details: dict[str, Any] = {
        "criteria": [asdict(c) for c in checked],
        "criteria_verdicts": verdicts,
        "disagreements": [label.code for label in labels if _disagree(label, verdicts[label.code])],
    }
    if digitised:
        details |= {
            "layout": digitised.layout,
            "layout_from": digitised.layout_from,
            "calibration": asdict(digitised.calibration),
            "notes": list(digitised.notes),
            "printed_by_the_machine": digitised.printed,
        }
    evidence = EcgEvidence(
        signal,
        photo,
        digitised,
        beats,
        checked,
        np.array([label.probability for label in labels], np.float32),
        measured,
    )
    return Answer(tuple(labels), measurements, quality, {"signal": ("signal.csv", signal.to_csv())}, details, evidence)


def _disagree(label: Label, verdict: str) -> bool:
    return not label.uncertain and (label.positive, verdict) in ((True, "not met"), (False, "met"))


def _corners(name: str, text: str) -> np.ndarray:
    try:
        numbers = np.array([float(n) for n in text.split(",")])
    except ValueError:
        numbers = np.zeros(0)
    if numbers.size != 8 or not np.isfinite(numbers).all():
        raise EngineError(f"Expected {name} as eight numbers x,y clockwise from the top left.")
    return numbers.reshape(4, 2)
