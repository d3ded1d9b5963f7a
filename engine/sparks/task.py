"""Calcium sparks: where and when does this confocal sequence spark? Reads top to bottom as the pipeline.

intake (read_sequence) -> is it a recording (plausible) -> rest, noise, search, fit and judgement (detect) -> sparks with
their sizes (events) -> frames by attention (frame_reading) -> measurements and files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine import stated
from engine.finding import Label, Measurement, Quality
from engine.models import LoadedModel, ModelStore
from engine.progress import Progress, part
from engine.registry import Answer
from engine.sparks import artefacts, own_networks
from engine.sparks.agreement import agreement
from engine.sparks.detect import Detection, detect
from engine.sparks.events import Spark, too_faint, too_long
from engine.sparks.evidence import SparksEvidence
from engine.sparks.fit import marked_pixels
from engine.sparks.frame_reading import FrameReading, read_frames
from engine.sparks.plausible import check_recording
from engine.sparks.read_sequence import read_sequence
from engine.sparks.recording import Recording
from engine.study import Study

EVENTS, LINES, FRAMES = "sparks-events", "sparks-lines", "sparks-frames"
PER_SPARK = (
    ("amplitude", "Amplitude (dF/F0)", "1"),
    ("fwhm_um", "Full width at half maximum", "um"),
    ("fdhm_ms", "Full duration at half maximum", "ms"),
    ("time_to_peak_ms", "Time to peak", "ms"),
    ("tau_ms", "Decay constant", "ms"),
    ("mass_um3", "Mass", "um3"),
)
SAME_SITE_UM = 1.0


@dataclass(frozen=True)
class SparksOptions:
    """um_per_px, ms_per_frame (per line in a line scan), background (counts without light): None: as the file states.

    own: the user's own networks that answer in place of ours.
    """

    um_per_px: float | None = None
    ms_per_frame: float | None = None
    background: float | None = None
    own: own_networks.Asked = field(default_factory=own_networks.Asked)


LIMITS = {"um_per_px": (0.005, 10.0), "ms_per_frame": (0.05, 2000.0), "background": (0.0, 65535.0)}
OPTIONS = {  # name -> what the reader may state
    "um_per_px": "micrometres per pixel, 0.005 to 10",
    "ms_per_frame": "milliseconds per frame (per line of a line scan), 0.05 to 2000",
    "background": "counts without light",
    "deepcardio_frames": "SHA-256 of your own InceptionV3 for frames, once its file was given",
    "deepcardio_pixels": "SHA-256 of your own U-Net for pixels, once its file was given",
}


def options(fields: Mapping[str, str]) -> SparksOptions:
    """Options from text; an empty field is none. Raises EngineError for unknown names and values out of range."""
    stated.known(fields, OPTIONS)
    given = {name: text for name, text in fields.items() if text.strip()}
    values = {name: stated.number(name, text, *LIMITS[name]) for name, text in given.items() if name in LIMITS}
    lent = {
        name.removeprefix("deepcardio_"): stated.sha256(name, text)
        for name, text in given.items()
        if name not in LIMITS
    }
    return SparksOptions(**values, own=own_networks.Asked(**lent))


def lend(checkpoint: bytes, store: ModelStore) -> dict[str, str]:
    """Takes in a Keras file of one of the two networks that Deepcardio uses and returns the option that asks for it.

    Raises WeightError if the file is neither of them.
    """
    return own_networks.lend(checkpoint, store)


def answer(study: Study, options: SparksOptions | None, store: ModelStore, progress: Progress) -> Answer:
    """Answers one study.

    Raises:
        UnreadableInput, RefusedStudy: as `read_sequence` and `check_recording`.
    """
    options = options or SparksOptions()
    progress(0.0, "reading the recording")
    recording = read_sequence(study, options.um_per_px, options.ms_per_frame)
    newness = check_recording(recording)
    events, frames = store.get(LINES if recording.line_scan else EVENTS), store.get(FRAMES)
    own = options.own
    detection = detect(recording, events, options.background, part(progress, 0.05, 0.5 if own.pixels else 0.85))
    threshold = float(events.weight.operating["threshold"])
    if own.pixels:
        theirs = store.lent(own_networks.PIXELS, own.pixels)
        detection = own_networks.judged_by(theirs, recording, detection, part(progress, 0.5, 0.85))
        threshold = own_networks.THRESHOLD
    sparks = name_sparks(recording, detection, threshold)
    progress(0.85, "reading the frames")
    reading = read_frames(frames, detection.frames, detection.grid, recording.shape[0])
    operating = float(frames.weight.operating["threshold"])
    if own.frames:
        reading = _read_by(store.lent(own_networks.FRAMES, own.frames), recording, reading, part(progress, 0.85, 0.9))
        operating = own_networks.THRESHOLD
    label = Label(
        "SPARKS_PRESENT",
        "The recording holds calcium sparks",
        reading.probability,
        operating,
        reading.probability >= operating,
        uncertain=bool(reading.probability >= operating) != bool(sparks),
        validated=not (recording.line_scan or own.frames or own.pixels),
    )
    progress(0.9, "writing the tables")
    return Answer(
        (label,),
        tuple(_measurements(recording, detection, sparks)),
        tuple(_quality(recording, detection, newness)),
        {
            "sparks": ("sparks.csv", artefacts.sparks_csv(sparks)),
            "releases": ("releases.csv", artefacts.releases_csv(detection.slow)),
            "frames": ("frames.csv", artefacts.frames_csv(reading.frame_probability, reading.attention)),
            "mask": ("mask.npz", artefacts.mask_npz(recording, sparks)),
        },
        _details(recording, detection, sparks, own),
        SparksEvidence(recording, detection, sparks, reading.attention, reading.frame_probability, reading.probability),
    )


def _read_by(model: LoadedModel, recording: Recording, ours: FrameReading, progress: Progress) -> FrameReading:
    """The user's frame network in place of ours; the attention stays ours, which theirs has none of.

    The recording holds sparks as surely as its surest frame.
    """
    said = own_networks.frame_probabilities(model, recording, progress)
    return FrameReading(said, ours.attention, float(said.max()))


def name_sparks(recording: Recording, detection: Detection, threshold: float) -> tuple[Spark, ...]:
    """The candidates whose probability reaches the threshold, in order of time, that have a pixel in the recording.

    What is fainter than any spark is none; nor is, where the interval is stated, what lasts longer.
    """
    um, ms = detection.grid.um / detection.grid.bin_px, detection.grid.ms / detection.grid.bin_frames
    out: list[Spark] = []
    for judged in sorted(detection.judged, key=lambda j: j.candidate.fit.peak_ms):
        fit = judged.candidate.fit
        if judged.spark < threshold or too_faint(fit) or (recording.ms_per_frame is not None and too_long(fit)):
            continue
        marked = marked_pixels(fit, um, ms, recording.shape, recording.line_scan)
        if marked is None:
            continue
        (frames, _, _), light = marked
        filled = np.flatnonzero((light > 0).any((1, 2)))
        out.append(
            Spark(
                len(out) + 1,
                fit,
                judged.spark,
                float(np.clip(fit.x_um / um, 0, recording.shape[2] - 1)),
                float(np.clip(fit.y_um / um, 0, recording.shape[1] - 1)),
                int(frames.start + filled[0]),
                float(np.clip(fit.peak_ms / ms, 0, recording.shape[0] - 1)),
                int(frames.start + filled[-1]),
                int((light > 0).sum((1, 2)).max()),
                recording.um_per_px,
                recording.ms_per_frame,
                um,
                ms,
            )
        )
    return tuple(out)


def _measurements(recording: Recording, detection: Detection, sparks: Sequence[Spark]) -> list[Measurement]:
    found = [Measurement("spark_count", "Sparks", float(len(sparks)), "{sparks}")]
    if recording.ms_per_frame and recording.um_per_px:
        seconds = recording.shape[0] * recording.ms_per_frame / 1000
        um = detection.grid.bin_px * recording.um_per_px
        if recording.line_scan:
            size, unit, name = detection.cell.sum() * um / 100, "10*-2/um/s", "Spark frequency per 100 µm of line"
        else:
            size, unit, name = (
                detection.cell.sum() * um * um / 1000,
                "10*-3/um2/s",
                "Spark frequency per 1000 µm² of cell",
            )
        found.append(Measurement("spark_frequency", name, float(len(sparks) / max(size * seconds, 1e-9)), unit))
        if (delay := _median_delay_ms(sparks)) is not None:
            found.append(Measurement("inter_spark_delay", "Median delay between sparks of one site", delay, "ms"))
    for code, name, unit in PER_SPARK:
        values = [v for s in sparks if (v := getattr(s, code)) is not None]
        if values:
            low, middle, high = np.percentile(values, (25, 50, 75))
            where = {"quartiles": [float(low), float(high)], "sparks": len(values)}
            found.append(
                Measurement(f"median_{code}", f"Median {name[0].lower()}{name[1:]}", float(middle), unit, where=where)
            )
    for spark in sparks:
        where = {"spark": spark.number, "frame": round(spark.t_peak), "x": round(spark.x, 1), "y": round(spark.y, 1)}
        for code, name, unit in PER_SPARK:
            if (value := getattr(spark, code)) is not None:
                found.append(
                    Measurement(
                        code.removesuffix("_um").removesuffix("_ms").removesuffix("_um3"),
                        name,
                        float(value),
                        unit,
                        where=where,
                    )
                )
    return found


def _median_delay_ms(sparks: Sequence[Spark]) -> float | None:
    """Median time between successive sparks whose centres lie within SAME_SITE_UM; None without a repeated site."""
    delays = []
    for i, spark in enumerate(sparks):
        near = [
            s.fit.peak_ms - spark.fit.peak_ms
            for s in sparks[i + 1 :]
            if np.hypot(s.fit.x_um - spark.fit.x_um, s.fit.y_um - spark.fit.y_um) <= SAME_SITE_UM
        ]
        delays += [min(near)] if near else []
    return float(np.median(delays)) if delays else None


def _quality(recording: Recording, detection: Detection, newness: float) -> list[Quality]:
    return [
        Quality("frame_noise", newness, True, "Share of the change between frames that is noise"),
        Quality("sample_noise", detection.noise, detection.noise < 1.0, "Noise of a working sample relative to F0"),
        Quality("bleaching", 1 - detection.bleaching, abs(1 - detection.bleaching) < 0.4, "F0 lost by the end"),
        Quality("drift", detection.drift_um, detection.drift_um < 2.0, "Largest drift within a window", "um"),
        Quality("background", detection.background, detection.background > 0, "Counts without light, taken off F0"),
        Quality(
            "pixel_size_known",
            float(recording.um_per_px is not None),
            recording.um_per_px is not None,
            "Pixel size stated",
        ),
        Quality(
            "interval_known",
            float(recording.ms_per_frame is not None),
            recording.ms_per_frame is not None,
            "Frame interval stated",
        ),
        Quality(
            "missing_frames",
            float(len(recording.missing_frames)),
            not recording.missing_frames,
            "Numbers missing from the sequence",
        ),
    ]


def _details(
    recording: Recording, detection: Detection, sparks: Sequence[Spark], own: own_networks.Asked
) -> dict[str, object]:
    kinds = [s.kind for s in detection.slow]
    agreed = agreement(recording.annotations, sparks)
    return {
        "frames": recording.shape[0],
        "height": recording.shape[1],
        "width": recording.shape[2],
        "line_scan": recording.line_scan,
        "um_per_px": recording.um_per_px,
        "ms_per_frame": recording.ms_per_frame,
        "puffs": kinds.count("puff"),
        "waves": kinds.count("wave"),
        "notes": list(recording.notes),
        "annotations": [vars(a) | {"found_as": n} for a, n in zip(recording.annotations, agreed.found_as, strict=True)],
        "unmarked_sparks": list(agreed.unmarked) if recording.annotations else [],
        "own_networks": [name for name, asked in (("frames", own.frames), ("pixels", own.pixels)) if asked],
    }
