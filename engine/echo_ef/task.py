"""Task `echo-ef`, top to bottom: intake, sector, segmentation, is it the view, volumes, beats, ejection fraction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine import stated
from engine.analysis import Analysis
from engine.echo.depth_scale import DepthScale, printed_scale
from engine.echo.letterbox import Letterbox
from engine.echo.mask_file import mask_npz
from engine.echo.overlay import Structure, display_frames, jpeg, webm, whole_frame
from engine.echo.recording import Opening, best_box, inside, read_opening, squares_of
from engine.echo.sector import Sector
from engine.echo.segmentation import agreed, in_turn, looked_again, steadied
from engine.echo_ef import echonet, peers
from engine.echo_ef.anatomy import tidy
from engine.echo_ef.beats import Beat, find_beats, heart_rate
from engine.echo_ef.confidence import calibrated
from engine.echo_ef.ejection_fraction import Estimate, MeasuredError, estimate, labels
from engine.echo_ef.evidence import EchoEfEvidence
from engine.echo_ef.view import four_chamber_logit, upright
from engine.echo_ef.volumes import ATRIUM, CAVITY, MYOCARDIUM, Discs, discs
from engine.errors import RefusedStudy
from engine.finding import Measurement, Quality
from engine.models import LoadedModel, ModelStore
from engine.progress import Progress, part, silent
from engine.registry import Answer
from engine.study import Study
from engine.videos import PixelSize, Video, read_video, stated_mm_per_px

SIDE = 128  # px of the square that the network sees
STRUCTURES = (
    Structure(CAVITY, "lv_cavity", "Left ventricle", (255, 99, 71)),
    Structure(MYOCARDIUM, "lv_myocardium", "Myocardium", (60, 200, 120), dashed=True),
    Structure(ATRIUM, "left_atrium", "Left atrium", (80, 150, 255)),
)
LEAST_PX = (160, 110, 60)  # of cavity, myocardium and atrium in the square: less is no apical view of a heart
# Mean probability of the drawn structures, as the networks say it, that is called sure; with less, nothing is measured. Where
# the two networks do not agree it is low. On the frames of validation patients it is 0.92 and more.
SURE = 0.88
# The same of the surer half of a recording's frames: a heart that swings in fluid is drawn well in some of them alone. A single
# frame has to reach SURE itself.
SURE_VIEW = 0.85
NETWORKS = ("echo-apical", "echo-apical-second")
SEARCH_BELOW = 0.8  # below it a closer look is tried: the heart may be small in the sector
EDGE_PX = 4  # of the heart on the edge of a closer look: more, and it is cut
FRAMES_FORGIVEN = 8  # one of so many frames may be badly drawn, e.g. where the probe was lifted
VIEW_FRAMES = 8
NORMAL_EF = (52.0, 74.0)  # %: men 52 to 72, women 54 to 74
NORMAL_EF_SOURCE = "Lang 2015, ASE/EACVI: men 52 to 72 %, women 54 to 74 %"
PEERS_AGREE = 10.0  # points of EF: a user's network further off than this is pointed out
OPTIONS = {
    "mm_per_px": "mm per pixel of the video, where the file states none (from two depth marks)",
    "echonet_segmentation": "SHA-256 of your own EchoNet-Dynamic segmentation network, once its file was given",
    "echonet_video": "SHA-256 of your own EchoNet-Dynamic video network, once its file was given",
    "clips": "what your video network looks at: one clip, all clips, or one per beat (one, all, beats)",
}
WRONG_VIEW = (
    "Expected an apical four-chamber view, this does not look like one (both ventricles and both atria, apex up); "
    "choose that loop, without Doppler, M-mode or measurements drawn on it."
)
NOT_MEASURED = (
    "The walls can be told in part of the frames alone (a poor window, or a heart that swings in fluid): structures are drawn, "
    "no ejection fraction is stated."
)
WALLS_UNCLEAR = (
    "Expected an apical four-chamber view whose left ventricle and atrium can be told; this may be another view, or one with a "
    "poor window or fluid around the heart. Choose a clearer loop: no number is stated on walls that are guessed."
)


@dataclass(frozen=True)
class EchoEfOptions:
    """mm_per_px: of the recording's own pixels; None: as the file states. peers: the user's own networks to ask as well."""

    mm_per_px: float | None = None
    peers: peers.Asked = field(default_factory=peers.Asked)


@dataclass(frozen=True)
class Drawn:
    """The recording as the networks saw it and what they drew there. clear: in enough of its frames to measure it."""

    squares: np.ndarray
    shares: np.ndarray
    box: Letterbox
    clear: bool = True

    @property
    def masks(self) -> np.ndarray:
        """(T, SIDE, SIDE) uint8."""
        return np.stack([tidy(shares.argmax(0).astype(np.uint8)) for shares in self.shares])


def options(fields: Mapping[str, str]) -> EchoEfOptions:
    """The reader's options from text, by the names of OPTIONS. Raises EngineError for another name or value."""
    stated.known(fields, OPTIONS)
    asked = EchoEfOptions()
    for name, text in fields.items():
        if name == "mm_per_px":
            asked = replace(asked, mm_per_px=stated_mm_per_px(text))
        elif name == "clips":
            asked = replace(asked, peers=replace(asked.peers, clips=stated.one_of(name, text, echonet.CLIPS)))
        else:
            lent = {name.removeprefix("echonet_"): stated.sha256(name, text)}
            asked = replace(asked, peers=replace(asked.peers, **lent))
    return asked


def lend(checkpoint: bytes, store: ModelStore) -> dict[str, str]:
    """Takes in one of EchoNet-Dynamic's checkpoints (a `.pt` file) and returns the option that asks for its opinion.

    Raises WeightError if the file is neither of the two.
    """
    kind, network = echonet.load(checkpoint)
    sha256 = hashlib.sha256(checkpoint).hexdigest()
    store.lend(kind, sha256, network)
    return {kind.replace("-", "_"): sha256}


def answer(study: Study, asked: EchoEfOptions | None, store: ModelStore, progress: Progress) -> Answer:
    """The second opinion on one recording; of a single frame, the masks alone.

    Raises:
        UnreadableInput: if the study is no video, DICOM or picture that can be decoded.
        RefusedStudy: if it shows no apical four-chamber view.
    """
    asked = asked or EchoEfOptions()
    video = read_video(study)
    if asked.mm_per_px:
        video = replace(video, pixel_size=PixelSize(asked.mm_per_px, asked.mm_per_px, ""))
    ours, theirs = (0.3, 0.8) if asked.peers else (0.6, 0.6)
    drawn, looks, sector = _draw(video, store, part(progress, 0.0, ours))
    volumes, axes = _volumes(drawn, video.pixel_size)
    beats = () if video.still or not drawn.clear else find_beats(volumes, video.frame_rate_hz)
    operating = store.get("echo-apical").weight.operating
    error, temperature = MeasuredError.of(operating), float(operating["temperature"])
    other = np.array([_area_length_ef(axes[b.ed_frame], axes[b.es_frame]) for b in beats])
    said = None
    if asked.peers:
        said = peers.ask(video, drawn.box, drawn.masks, beats, asked.peers, store, part(progress, ours, theirs))
    found = over_beats(beats, other, error, said) if beats else None
    printed = printed_scale(video)
    files, plain, overlaid = _files(video, drawn, sector, part(progress, theirs, 1.0))
    evidence = EchoEfEvidence(
        drawn.squares,
        drawn.shares,
        temperature,
        volumes,
        drawn.box,
        video.frame_rate_hz,
        video.pixel_size,
        beats,
        other,
        error,
        found,
        plain,
        overlaid,
        said,
        printed,
        whole_frame(next(video.frames())),
    )
    return Answer(
        labels(found) if found else (),
        _measurements(beats, found, volumes, video.pixel_size, video.frame_rate_hz) + _peers_measured(said),
        _quality(drawn, temperature, looks, beats, axes) + _peers_agree(found, said),
        files | {"beats": ("beats.csv", _beats_csv(beats))},
        _details(video, drawn, beats, found, volumes) | _proposed(printed),
        evidence,
    )


def with_beats(analysis: Analysis, chosen: Sequence[int]) -> Analysis:
    """The same answer over some of its beats (numbers from 0) alone, as the reader lets them count."""
    evidence: EchoEfEvidence = analysis.evidence
    beats = [evidence.beats[k] for k in chosen]
    said = evidence.peers
    found = over_beats(beats, evidence.area_length_ef[list(chosen)], evidence.error, said, chosen)
    stated = _measurements(tuple(beats), found, evidence.volumes, evidence.pixel_size, evidence.frame_rate_hz, chosen)
    stated += _peers_measured(said, chosen)
    details = analysis.finding.details | {"beats_that_count": [k + 1 for k in chosen]}
    details |= _spread(found, tuple(beats))
    return replace(
        analysis, finding=replace(analysis.finding, labels=labels(found), measurements=stated, details=details)
    )


def _draw(video: Video, store: ModelStore, progress: Progress) -> tuple[Drawn, float, Sector]:
    """What is drawn in every frame, the logit that this is the view, and where the machine recorded.

    Refuses before the whole video is read, if it can.
    """
    models, view = networks(store), store.get("echo-ef-view")
    opening, frames = read_opening(video)
    progress(0.05, "Looking for the heart")
    shares, box = look(opening, models)
    first = np.stack([box.shrink(frame) for frame in opening.few(VIEW_FRAMES)])
    _check_view(Drawn(first, shares, box), view)
    squares = squares_of(frames, opening.sector, box, part(progress, 0.1, 0.4))
    steady = draw(squares, models, part(progress, 0.4, 0.95))
    spread = np.linspace(0, len(squares) - 1, min(VIEW_FRAMES, len(squares))).round().astype(int)
    few = Drawn(squares[spread], agreed(squares[spread], models, part(progress, 0.95, 1.0)), box)
    looks = _check_view(few, view)
    return Drawn(squares, steady, box, clear=_forgiving_sureness(few.shares) >= SURE), looks, opening.sector


def draw(squares: np.ndarray, models: Sequence[LoadedModel], progress: Progress) -> np.ndarray:
    """(T, SIDE, SIDE) uint8 frames of a recording -> (T, 4, SIDE, SIDE) float16 probabilities, steady in time.

    One or two frames alone have the time for several looks instead.
    """
    if len(squares) < 3:
        return looked_again(squares, models, progress)
    return steadied(in_turn(squares, models, progress))


def networks(store: ModelStore) -> tuple[LoadedModel, ...]:
    """The two that draw the left heart: where one is at a loss, the other tells."""
    return tuple(store.get(name) for name in NETWORKS)


def look(opening: Opening, models: Sequence[LoadedModel]) -> tuple[np.ndarray, Letterbox]:
    """(n, 4, SIDE, SIDE) probabilities of a few frames of the opening, and where the network looked."""

    def judged(squares: np.ndarray, closer: bool) -> float:
        shares = agreed(squares, models, silent)
        return _sureness(shares) * (1 - (_cut(shares) if closer else 0.0))

    box = best_box(opening, SIDE, judged, SEARCH_BELOW)
    return agreed(np.stack([box.shrink(frame) for frame in opening.few(VIEW_FRAMES)]), models, silent), box


def _cut(shares: np.ndarray) -> float:
    """Share of the frames whose heart is cut by the square's edge: a closer look must hold all of it."""
    heart = shares.argmax(1) > 0
    edge = heart[:, [0, 1, -2, -1]].any(1).sum(1) + heart[:, :, [0, 1, -2, -1]].any(2).sum(1)
    return float((edge > EDGE_PX).mean())


def _sureness(shares: np.ndarray) -> float:
    """0..1: how surely all three structures are drawn, the mean over the frames."""
    return float(_frame_sureness(shares).mean())


def _forgiving_sureness(shares: np.ndarray) -> float:
    """The same without the worst frames."""
    each = np.sort(_frame_sureness(shares))
    return float(each[len(each) // FRAMES_FORGIVEN :].mean())


def _frame_sureness(shares: np.ndarray) -> np.ndarray:
    """(T,) of each frame; 0 where it lacks a structure."""
    found = []
    for frame in shares.astype(np.float32):
        classes = frame.argmax(0)
        areas = [classes == structure.number for structure in STRUCTURES]
        enough = all(area.sum() >= least for area, least in zip(areas, LEAST_PX, strict=True))
        found.append(float(np.mean([frame[k + 1][area].mean() for k, area in enumerate(areas)])) if enough else 0.0)
    return np.array(found)


def _check_view(drawn: Drawn, view: LoadedModel) -> float:
    """The view's logit over the surer half of the frames. Raises RefusedStudy where they don't look like the view.

    The others say nothing: what is drawn wrongly there lays the picture upright by a wrong axis.
    """
    half = (len(drawn.squares) + 1) // 2
    sure = _frame_sureness(drawn.shares)
    axes = [discs(mask) for mask in drawn.masks]
    known = [k for k in np.argsort(-sure, kind="stable") if axes[k] is not None][:half]
    if len(known) < half:
        raise RefusedStudy("not_four_chamber", WRONG_VIEW)
    logit = four_chamber_logit([upright(drawn.squares[k], axes[k].apex, axes[k].mitral) for k in known], view)
    if logit < view.weight.operating["threshold"]:
        raise RefusedStudy("not_four_chamber", WRONG_VIEW)
    if sure[known].mean() < (SURE if len(sure) == 1 else SURE_VIEW):
        raise RefusedStudy("walls_unclear", WALLS_UNCLEAR)
    return logit


def _proposed(printed: DepthScale | None) -> dict[str, Any]:
    return {} if printed is None else {"mm_per_px_proposed": round(printed.mm_per_px, 5)}


def _volumes(drawn: Drawn, size: PixelSize) -> tuple[np.ndarray, list[Discs | None]]:
    """(T,) volume per frame, mL with a pixel size, and the discs themselves (lengths in mm, or px of the square)."""
    known = size.x_mm is not None and size.y_mm is not None
    spacing = (size.x_mm / drawn.box.scale, size.y_mm / drawn.box.scale) if known else (1.0, 1.0)  # type: ignore[operator]
    axes = [discs(mask, spacing) for mask in drawn.masks]
    unit = 1e-3 if known else 1.0
    return np.array([axis.volume * unit if axis else np.nan for axis in axes]), axes


def over_beats(
    beats: Sequence[Beat],
    area_length_ef: np.ndarray,
    error: MeasuredError,
    said: peers.PeerOpinion | None = None,
    chosen: Sequence[int] | None = None,
) -> Estimate:
    """The estimate over one beat or more; what area-length or the user's networks say otherwise widens its error.

    chosen: the beats' numbers among all (None: all of them).
    """
    per_beat = np.array([beat.ef_percent for beat in beats])
    known = np.isfinite(area_length_ef)
    apart = [float(np.median(np.abs(per_beat - area_length_ef)[known]))] if known.any() else [0.0]
    if said is not None:
        apart += [abs(float(np.median(per_beat)) - ef) for ef in said.estimates(chosen).values()]
    return estimate(per_beat, error, disagreement=max(apart))


def _area_length_ef(ed: Discs | None, es: Discs | None) -> float:
    if ed is None or es is None:
        return float("nan")
    return 100 * (1 - es.area_length_volume / ed.area_length_volume)


def _measurements(
    beats: tuple[Beat, ...],
    found: Estimate | None,
    volumes: np.ndarray,
    size: PixelSize,
    rate_hz: float | None,
    numbers: Sequence[int] | None = None,
) -> tuple[Measurement, ...]:
    if found is None:
        return ()
    low, high = found.interval
    entries = [
        Measurement(
            "lv_ejection_fraction", "LV ejection fraction", round(found.percent, 1), "%", *NORMAL_EF, source=NORMAL_EF_SOURCE,
            where={"beats": len(beats), "interval_95": [round(low, 1), round(high, 1)]},
        )
    ]  # fmt: skip
    entries += [
        Measurement(
            "lv_ejection_fraction", f"LV ejection fraction, beat {k + 1}", round(beat.ef_percent, 1), "%", *NORMAL_EF,
            source=NORMAL_EF_SOURCE,
            where={"beat": k + 1, "ed_frame": beat.ed_frame, "es_frame": beat.es_frame},
        )
        for k, beat in zip(numbers if numbers is not None else range(len(beats)), beats, strict=True)
    ]  # fmt: skip
    if size.known:
        for code, name, frames in (
            ("lv_end_diastolic_volume", "LV end-diastolic volume", [b.ed_frame for b in beats]),
            ("lv_end_systolic_volume", "LV end-systolic volume", [b.es_frame for b in beats]),
        ):
            entries.append(Measurement(code, name, round(float(np.nanmedian(volumes[frames])), 1), "mL"))
    rate = heart_rate(beats, rate_hz)
    if rate is not None:
        entries.append(Measurement("heart_rate", "Heart rate", round(rate), "/min", 60, 100, source="adult at rest"))
    return tuple(entries)


def _peers_measured(said: peers.PeerOpinion | None, chosen: Sequence[int] | None = None) -> tuple[Measurement, ...]:
    """What the user's own networks say, each under a code of its own: their error was not measured here."""
    names = {
        echonet.VIDEO: ("lv_ejection_fraction_video_network", "LV ejection fraction, your video network"),
        echonet.SEGMENTATION: ("lv_ejection_fraction_own_segmentation", "LV ejection fraction, your segmentation"),
    }
    if said is None:
        return ()
    return tuple(
        Measurement(*names[kind], round(ef, 1), "%", *NORMAL_EF, source=NORMAL_EF_SOURCE, where=_seen_by(kind, said))
        for kind, ef in said.estimates(chosen).items()
    )


def _seen_by(kind: str, said: peers.PeerOpinion) -> dict[str, Any]:
    if kind == echonet.SEGMENTATION:
        return {"beats": len(said.beat_ef)}
    return {"clips": len(said.clip_starts), "spread": round(float(np.std(said.clip_ef)), 1)}


def _peers_agree(found: Estimate | None, said: peers.PeerOpinion | None) -> tuple[Quality, ...]:
    if found is None or said is None or not said.estimates():
        return ()
    apart = max(abs(ef - found.percent) for ef in said.estimates().values())
    name = "Your networks against ours"
    return (Quality("own_networks_apart", round(apart, 1), apart <= PEERS_AGREE, name, "%"),)


def _quality(
    drawn: Drawn, temperature: float, looks: float, beats: tuple[Beat, ...], axes: list[Discs | None]
) -> tuple[Quality, ...]:
    some = drawn.shares[:: max(1, len(drawn.shares) // 32)]
    found = [
        Quality(
            "view_probability", round(1 / (1 + float(np.exp(-looks))), 4), True, "Looks like four chambers (0 to 1)"
        ),
        Quality(
            "segmentation_confidence",
            round(_sureness(calibrated(some, temperature)), 4),
            drawn.clear and _sureness(some) > SURE,
            "Mean probability of what is drawn (0 to 1)",
        ),
        Quality("whole_beats", float(len(beats)), bool(beats), "Whole beats in the recording"),
    ]
    absent = float(np.mean([axis is None for axis in axes]))
    found.append(
        Quality("frames_without_ventricle", round(absent, 4), absent < 0.1, "Share of frames without a ventricle")
    )
    if beats:
        lengths = [abs(a.length / b.length - 1) for a, b in _pairs(beats, axes)]
        if lengths:
            change = 100 * float(np.median(lengths))
            found.append(
                Quality("long_axis_change", round(change, 1), change < 30, "Long axis, systole against diastole", "%")
            )
    return tuple(found)


def _pairs(beats: tuple[Beat, ...], axes: list[Discs | None]) -> Iterator[tuple[Discs, Discs]]:
    for beat in beats:
        ed, es = axes[beat.ed_frame], axes[beat.es_frame]
        if ed is not None and es is not None:
            yield es, ed


def _details(
    video: Video, drawn: Drawn, beats: tuple[Beat, ...], found: Estimate | None, volumes: np.ndarray
) -> dict[str, Any]:
    details: dict[str, Any] = {
        "frame_rate_hz": video.frame_rate_hz,
        "frame_size": [video.height, video.width],
        "mm_per_px": [video.pixel_size.x_mm, video.pixel_size.y_mm],
        "pixel_size_note": video.pixel_size.reason,
        "volume_unit": "mL" if video.pixel_size.known else "relative",
        "volume_curve": [None if np.isnan(v) else round(float(v), 2) for v in volumes],
    }
    if found:
        details |= _spread(found, beats)
    else:
        details["notes"] = [
            "A single frame shows no contraction: structures are drawn, no ejection fraction is stated."
            if video.still
            else NOT_MEASURED
            if not drawn.clear
            else "No whole beat was found, so no ejection fraction is stated."
        ]
    return details


def _spread(found: Estimate, beats: tuple[Beat, ...]) -> dict[str, Any]:
    per_beat = [beat.ef_percent for beat in beats]
    return {
        "ef_interval_95": [round(v, 1) for v in found.interval],
        "ef_mean_of_beats": round(float(np.mean(per_beat)), 1),
        "ef_spread_of_beats": round(float(np.std(per_beat)), 1),
    }


def _beats_csv(beats: tuple[Beat, ...]) -> bytes:
    rows = [f"{k + 1},{b.ed_frame},{b.es_frame},{b.ef_percent:.2f}" for k, b in enumerate(beats)]
    return ("\n".join(["beat,ed_frame,es_frame,ef_percent", *rows]) + "\n").encode()


def _files(
    video: Video, drawn: Drawn, sector: Sector, progress: Progress
) -> tuple[dict[str, tuple[str, bytes]], tuple[bytes, ...], tuple[bytes, ...]]:
    """The contract's files, and the plain and drawn frames as JPEG."""
    shape = (len(drawn.squares), video.height, video.width)
    masks = mask_npz(_full_masks(drawn, shape[1:]), shape)
    plain: list[bytes] = []
    overlaid: list[bytes] = []

    def pictures() -> Iterator[np.ndarray]:
        for clean, marked in display_frames(inside(video.frames(), sector), _full_masks(drawn, shape[1:]), STRUCTURES):
            plain.append(jpeg(clean))
            overlaid.append(jpeg(marked))
            yield marked

    overlay = webm(pictures(), video.frame_rate_hz, progress, shape[0])
    return {"mask": ("mask.npz", masks), "overlay": ("overlay.webm", overlay)}, tuple(plain), tuple(overlaid)


def _full_masks(drawn: Drawn, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    for shares in drawn.shares:
        yield tidy(drawn.box.enlarge(shares, shape))
