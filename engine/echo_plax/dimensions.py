"""Sizes over time: a curve of each, the beats that the cavity's curve shows, and the sizes at end-diastole and end-systole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.echo.contractions import Contraction, find_contractions, heart_rate, smooth
from engine.echo_plax.calipers import NAMES, Calipers
from engine.echo_plax.reference import mass_g, reference_range, relative_wall_thickness
from engine.finding import Measurement

MEDIAN_FRAMES = 5  # of the running median that takes single bad frames out of a curve
AROUND = 2  # frames to either side of end-diastole or end-systole that may stand in, or hold the largest atrium
CSV_HEAD = "frame,lvid,ivs,lvpw,la,aorta,unit,mm_per_px"
FRAME_NAMES = {  # of a single frame, whose phase is not known
    "lvid": "LV internal diameter in this frame",
    "ivs": "Septal thickness in this frame",
    "lvpw": "Posterior wall thickness in this frame",
    "la": "Left atrial diameter in this frame",
    "aorta": "Aortic root in this frame",
}


@dataclass(frozen=True)
class Dimensions:
    """curves: size -> (T,) in `unit`, without jitter; NaN where the frame does not show it. unit: mm or px.

    calipers: what was read in each frame, each length in `unit`, before the curves were smoothed.
    mm_per_px: of a pixel (the geometric mean of its sides), None where unknown.
    """

    curves: dict[str, np.ndarray]
    calipers: tuple[Calipers, ...]
    beats: tuple[Contraction, ...]
    unit: str
    mm_per_px: float | None
    frame_rate_hz: float | None

    def csv(self) -> bytes:
        """`dimensions.csv` of the contract: a row per frame, empty where a size is not shown."""
        scale = f"{self.mm_per_px:.6g}" if self.mm_per_px else ""
        rows = [CSV_HEAD]
        for frame in range(len(self.calipers)):
            sizes = (f"{v:.2f}" if np.isfinite(v) else "" for v in (self.curves[name][frame] for name in NAMES))
            rows.append(",".join([str(frame), *sizes, self.unit, scale]))
        return ("\n".join(rows) + "\n").encode()


def over_time(calipers: Sequence[Calipers], mm_per_px: float | None, frame_rate_hz: float | None) -> Dimensions:
    """The curves and beats of a recording's callipers; one frame has no beat."""
    curves = {name: steady(read(calipers, name), frame_rate_hz) for name in NAMES}
    beats = find_contractions(curves["lvid"], frame_rate_hz) if len(calipers) > 1 else ()
    return Dimensions(curves, tuple(calipers), beats, "mm" if mm_per_px else "px", mm_per_px, frame_rate_hz)


def read(calipers: Sequence[Calipers], name: str) -> np.ndarray:
    """(T,) lengths of one size as read, NaN where there is none."""
    found = (getattr(frame, name) for frame in calipers)
    return np.array([line.length if line else np.nan for line in found])


def steady(sizes: np.ndarray, frame_rate_hz: float | None) -> np.ndarray:
    """(T,) a running median, then smoothed; what was NaN stays NaN."""
    known = np.isfinite(sizes)
    if known.sum() < MEDIAN_FRAMES:
        return sizes
    half = MEDIAN_FRAMES // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(sizes[known], half, mode="edge"), MEDIAN_FRAMES)
    found = np.full(len(sizes), np.nan)
    found[known] = np.median(around, axis=1)
    return np.where(known, smooth(found, frame_rate_hz), np.nan)


def measurements(dimensions: Dimensions, sex: str = "") -> tuple[Measurement, ...]:
    """What the beats allow, medians over them: sizes, fractional shortening, wall thickness and, in mm, mass.

    Of a single frame its sizes alone: they have no phase, and so no range. Of a recording without a beat nothing.
    """
    if len(dimensions.calipers) == 1:
        return _one_frame(dimensions)
    beats = dimensions.beats
    if not beats:
        return ()
    ed, es = [b.ed_frame for b in beats], [b.es_frame for b in beats]
    curves = dimensions.curves
    sizes = {
        "lvid_d": ("LV internal diameter, end-diastole", _at(curves["lvid"], ed), ed),
        "lvid_s": ("LV internal diameter, end-systole", _at(curves["lvid"], es), es),
        "ivs_d": ("Septal thickness, end-diastole", _at(curves["ivs"], ed), ed),
        "lvpw_d": ("Posterior wall thickness, end-diastole", _at(curves["lvpw"], ed), ed),
        "la_diameter": ("Left atrial diameter, end-systole", _largest(curves["la"], es), es),
        "aortic_root": ("Aortic root (sinuses), end-diastole", _at(curves["aorta"], ed), ed),
    }
    found = []
    for code, (name, value, frames) in sizes.items():
        if np.isfinite(value):
            found.append(_stated(code, name, value, dimensions.unit, sex, {"frames": frames}))
    falls = [beat.fall_percent for beat in beats]
    found.append(
        _stated(
            "fractional_shortening", "Fractional shortening", float(np.median(falls)), "%", sex,
            {"beats": len(beats), "per_beat": [round(fall, 1) for fall in falls]},
        )
    )  # fmt: skip
    found += _derived({code: value for code, (_, value, _) in sizes.items()}, dimensions.unit, sex)
    rate = heart_rate(es, dimensions.frame_rate_hz)
    if rate is not None:
        found.append(Measurement("heart_rate", "Heart rate", round(rate), "/min", 60, 100, source="adult at rest"))
    return tuple(found)


def _one_frame(dimensions: Dimensions) -> tuple[Measurement, ...]:
    values = {name: curve[0] for name, curve in dimensions.curves.items()}
    return tuple(
        Measurement(name, FRAME_NAMES[name], round(float(value), 1), dimensions.unit)
        for name, value in values.items()
        if np.isfinite(value)
    )


def _derived(sizes: dict[str, float], unit: str, sex: str) -> list[Measurement]:
    lvid, ivs, lvpw = (sizes[code] for code in ("lvid_d", "ivs_d", "lvpw_d"))
    found = []
    if np.isfinite(lvpw):
        thickness = relative_wall_thickness(lvid, lvpw)
        found.append(_stated("relative_wall_thickness", "Relative wall thickness", thickness, "1", sex, {}))
    if unit == "mm" and np.isfinite(lvpw) and np.isfinite(ivs):
        found.append(_stated("lv_mass", "LV mass (cube formula)", mass_g(ivs, lvid, lvpw), "g", sex, {}))
    return found


def _stated(code: str, name: str, value: float, unit: str, sex: str, where: dict[str, object]) -> Measurement:
    low, high, source = reference_range(code, sex, unit)
    digits = 2 if unit == "1" else 0 if unit == "g" else 1
    return Measurement(code, name, round(float(value), digits), unit, low, high, where, source)


def _at(curve: np.ndarray, frames: list[int]) -> float:
    """The median over beats of a curve at its frame, or at the nearest of AROUND frames that has a value."""
    return _median([_near(curve, frame) for frame in frames])


def _near(curve: np.ndarray, frame: int) -> float:
    for step in range(AROUND + 1):
        for at in (frame - step, frame + step):
            if 0 <= at < len(curve) and np.isfinite(curve[at]):
                return float(curve[at])
    return float("nan")


def _largest(curve: np.ndarray, frames: list[int]) -> float:
    """The median over beats of the largest value around the frame."""
    around = [curve[max(0, frame - AROUND) : frame + AROUND + 1] for frame in frames]
    return _median([float(np.nanmax(part)) if np.isfinite(part).any() else float("nan") for part in around])


def _median(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
