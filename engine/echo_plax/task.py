"""Task `echo-plax`, top to bottom: intake, sector, is it the view, the six structures, their sizes over time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine import stated
from engine.echo.depth_scale import DepthScale, printed_scale
from engine.echo.overlay import whole_frame
from engine.echo.recording import Opening, read_opening, squares_of
from engine.echo_plax import seed_network
from engine.echo_plax.dimensions import Dimensions, measurements, over_time
from engine.echo_plax.drawing import STRUCTURES, DrawnRecording, draw_recording
from engine.echo_plax.evidence import EchoPlaxEvidence
from engine.echo_plax.pencil import Pencil
from engine.echo_plax.segmentation import WEIGHT, floor, least, lifted, look, looked_at, seen_square
from engine.echo_plax.view import CODE, View, judge
from engine.errors import RefusedStudy
from engine.finding import Quality
from engine.models import ModelStore
from engine.progress import Progress, part
from engine.registry import Answer
from engine.study import Study
from engine.videos import PixelSize, Video, read_video, stated_mm_per_px

EXPERIMENTAL = True  # measured on nine patients, and no clinician traced what it learnt from or is measured against
VIEW_FRAMES = 8
SURE = 0.8  # mean probability of the drawn structures that is called sure
SEEN = 0.5  # share of the frames that a structure has to be in to be called seen
OPTIONS = {
    "mm_per_px": "mm per pixel of the video, where the file states none (from two depth marks)",
    "sex": "F or M, for the reference ranges",
    "own_network": "SHA-256 of your own U-Net (Keras .h5) to draw with instead of ours, once its file was given",
}


@dataclass(frozen=True)
class EchoPlaxOptions:
    """mm_per_px: of the recording's own pixels; None: as the file states. own_network: SHA-256 of a lent network's file."""

    mm_per_px: float | None = None
    sex: str = ""
    own_network: str = ""


def options(fields: Mapping[str, str]) -> EchoPlaxOptions:
    """The reader's options from text, by the names of OPTIONS. Raises EngineError for another name or value."""
    stated.known(fields, OPTIONS)
    asked = EchoPlaxOptions()
    for name, text in fields.items():
        if name == "mm_per_px":
            asked = replace(asked, mm_per_px=stated_mm_per_px(text))
        elif name == "sex":
            asked = replace(asked, sex=stated.one_of(name, text, stated.SEXES))
        else:
            asked = replace(asked, own_network=stated.sha256(name, text))
    return asked


def lend(checkpoint: bytes, store: ModelStore) -> dict[str, str]:
    """Takes in the user's own U-Net (the bytes of its `.h5`) and returns the option that has it draw.

    Raises WeightError if the file is no such network.
    """
    network = seed_network.load(checkpoint)
    sha256 = hashlib.sha256(checkpoint).hexdigest()
    store.lend(seed_network.KIND, sha256, network)
    return {"own_network": sha256}


def answer(study: Study, asked: EchoPlaxOptions | None, store: ModelStore, progress: Progress) -> Answer:
    """The second opinion on one recording; of a single frame, its structures and sizes alone.

    Raises:
        UnreadableInput: if the study is no video, DICOM or picture that can be decoded.
        RefusedStudy: if it shows no parasternal long axis.
    """
    asked = asked or EchoPlaxOptions()
    video = read_video(study)
    if asked.mm_per_px:
        video = replace(video, pixel_size=PixelSize(asked.mm_per_px, asked.mm_per_px, ""))
    opening, squares, pencil, view = _looked_at(video, asked, store, part(progress, 0.0, 0.3))
    spacing, mm_per_px = _spacing(video.pixel_size)
    made = draw_recording(video, pencil, squares, opening.sector, spacing, part(progress, 0.3, 1.0))
    dimensions = over_time(made.calipers, mm_per_px, video.frame_rate_hz)
    evidence = EchoPlaxEvidence(
        pencil,
        squares,
        made.confidence,
        dimensions,
        (video.height, video.width),
        video.frame_rate_hz,
        video.pixel_size,
        len(squares) == 1,
        made.plain,
        made.drawn,
        printed_scale(video),
        whole_frame(next(video.frames())),
    )
    return Answer(
        (),
        measurements(dimensions, asked.sex),
        _quality(view, made, dimensions),
        {
            "mask": ("mask.npz", made.mask),
            "dimensions": ("dimensions.csv", dimensions.csv()),
            "overlay": ("overlay.webm", made.overlay),
        },
        _details(video, made, dimensions, asked, evidence.printed),
        evidence,
    )


def _looked_at(
    video: Video, asked: EchoPlaxOptions, store: ModelStore, progress: Progress
) -> tuple[Opening, np.ndarray, Pencil, View]:
    """The opening, all frames as the network sees them, what draws, and the view. Refuses before all is read, if it can."""
    model = store.get(WEIGHT)
    opening, frames = read_opening(video)
    progress(0.05, "Looking for the heart")
    first = look(opening, model)
    _demanded(judge(first, model))
    grey = squares_of(frames, opening.sector, first.box, part(progress, 0.2, 0.8))
    squares = lifted(grey, seen_square(opening.sector, first.box), floor(model))
    spread = np.unique(np.linspace(0, len(squares) - 1, VIEW_FRAMES).round().astype(int))
    view = _demanded(judge(looked_at(squares[spread], first.box, model), model))
    if not asked.own_network:
        return opening, squares, Pencil(model, first.box, least(model)), view
    own = store.lent(seed_network.KIND, asked.own_network)
    place = seed_network.Squashed()
    whole = seed_network.squares_of(video.frames(), place, part(progress, 0.8, 1.0))
    return opening, whole, Pencil(own, place, least(model), own=True), view


def _demanded(view: View) -> View:
    if not view.accepted:
        raise RefusedStudy(CODE, view.reason)
    return view


def _spacing(size: PixelSize) -> tuple[tuple[float, float], float | None]:
    """mm per pixel in x and y with their geometric mean; without a pixel size (1, 1) and None."""
    if size.x_mm is None or size.y_mm is None:
        return (1.0, 1.0), None
    return (size.x_mm, size.y_mm), float(np.sqrt(size.x_mm * size.y_mm))


def _quality(view: View, made: DrawnRecording, dimensions: Dimensions) -> tuple[Quality, ...]:
    drawn = made.confidence[made.confidence > 0]
    sure = float(drawn.mean()) if len(drawn) else 0.0
    found = [
        Quality("view_probability", round(view.probability, 4), view.accepted, "Looks like a parasternal long axis (0 to 1)"),
        Quality("segmentation_confidence", round(sure, 4), sure >= SURE, "Mean probability of what is drawn (0 to 1)"),
    ]  # fmt: skip
    if len(made.calipers) > 1:
        beats = len(dimensions.beats)
        found.append(Quality("whole_beats", float(beats), beats > 0, "Whole beats in the recording"))
    for structure, share in zip(STRUCTURES, (made.confidence > 0).mean(0), strict=True):
        name = f"Frames that show the {structure.name.lower()}"
        found.append(Quality(f"seen_{structure.code}", round(100 * float(share), 1), share >= SEEN, name, "%"))
    measured = float(np.isfinite(dimensions.curves["lvid"]).mean())
    name = "Frames in which the ventricle was measured"
    found.append(Quality("frames_measured", round(100 * measured, 1), measured >= SEEN, name, "%"))
    return tuple(found)


def _details(
    video: Video, made: DrawnRecording, dimensions: Dimensions, asked: EchoPlaxOptions, printed: DepthScale | None
) -> dict[str, Any]:
    notes = []
    if len(made.calipers) == 1:
        notes.append("A single frame has no end-systole: its sizes are stated without a phase.")
    elif not dimensions.beats:
        notes.append("No whole beat was found, so no end-diastolic or end-systolic size is stated.")
    if not video.pixel_size.known:
        notes.append(f"{video.pixel_size.reason} Sizes are in pixels; ratios hold all the same.")
    sure = [float(values[values > 0].mean()) if (values > 0).any() else 0.0 for values in made.confidence.T]
    return {
        "experimental": EXPERIMENTAL,
        "frame_rate_hz": video.frame_rate_hz,
        "frame_size": [video.height, video.width],
        "mm_per_px": [video.pixel_size.x_mm, video.pixel_size.y_mm],
        "pixel_size_note": video.pixel_size.reason,
        "mm_per_px_proposed": None if printed is None else round(printed.mm_per_px, 5),
        "confidence": {s.code: round(value, 3) for s, value in zip(STRUCTURES, sure, strict=True)},
        "beats": [[beat.ed_frame, beat.es_frame] for beat in dimensions.beats],
        "drawn_by": "own network" if asked.own_network else WEIGHT,
        "notes": notes,
    }
