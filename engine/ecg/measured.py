"""What the measured beats say of each class: the second, additive half of the classifier's answer.

Every number is one that a reader could measure with callipers. `AdditiveEvidence` gives each number its own curve per
class (piecewise linear, most of them flat), and the curves are added up: so each number's share in the answer is known.
"""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from engine.ecg.delineate import Beats, MedianBeat
from engine.ecg.ectopy import expected_rr
from engine.ecg.leads import CLASSES, LEADS, RATE_HZ
from engine.ecg.measure import mean_rr_s, qrs_axis_deg, rr_cv_percent, st_elevation_limit_mv, st_level
from engine.ecg.qrs_shape import qrs_shape

MS = 1000 / RATE_HZ
CONTIGUOUS = (("aVL", "I"), ("II", "aVF"), ("aVF", "III"), *pairwise(("V1", "V2", "V3", "V4", "V5", "V6")))
ST_AFTER_J_S = (0.0, 0.06, 0.08)
SHAPE_LEADS = ("I", "aVL", "II", "V1", "V2", "V5", "V6")  # where bundle branch blocks show

RHYTHM = (
    "heart_rate", "rr_cv", "rr_spread", "rr_step", "rr_quartiles", "earliest", "second_earliest", "latest",
    "earliest_usual_shape", "beats", "other_shapes", "supraventricular", "ventricular", "widest_other_shape", "p_share",
)  # fmt: skip
INTERVALS = (
    "pr",
    "pr_spread",
    "p_peak",
    "p_width",
    "p_height",
    "p_height_II",
    "qrs",
    "qt",
    "qtc",
    "qt_before_p",
    "axis",
)
ST_PAIRS = ("st_raised_j", "st_raised_late", "st_lowered", "st_lowered_late", "st_lowered_leads")
FEATURES = (
    *RHYTHM,
    *INTERVALS,
    *ST_PAIRS,
    *(f"st_{round(1000 * after)}_{lead}" for after in ST_AFTER_J_S for lead in LEADS),
    *(f"t_{lead}" for lead in LEADS),
    *(f"{what}_{lead}" for what in ("r", "s") for lead in LEADS),
    *(f"{what}_{lead}" for what in ("r_peak", "half_width", "late_r", "wide_s", "q") for lead in SHAPE_LEADS),
)


def measured(beats: Beats) -> np.ndarray:
    """(F,) float32 in the order of FEATURES, NaN for what cannot be measured on this record.

    Times in ms, heights in mV; RR numbers are shares of the median RR. `st_raised_*`: mV over the limit of the universal
    definition in the contiguous pair of leads that exceeds it most; `st_lowered*`: mV of the lowest contiguous pair.
    """
    found: dict[str, float] = {}
    if beats.median is not None and len(beats.beats) >= 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing are NaN, which is what is meant
            found = _rhythm(beats) | _intervals(beats, beats.median) | _st(beats.median) | _shapes(beats.median)
    return np.array([found.get(name, np.nan) for name in FEATURES], np.float32)


class AdditiveEvidence(nn.Module):
    """The curves: (B, F) of `measured` -> (B, 9) logits, a sum of one piecewise linear curve per number and class.

    knots: (F, K) where each curve bends, increasing. rise: (F, K - 1, 9) what it gains between two knots.
    missing: (F, 9) what a number that could not be measured says. base: (9,).
    """

    knots: Tensor
    rise: Tensor
    missing: Tensor
    base: Tensor

    def __init__(self, features: int = len(FEATURES), knots: int = 8, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.register_buffer("knots", torch.arange(knots).float().repeat(features, 1))
        self.register_buffer("rise", torch.zeros(features, knots - 1, classes))
        self.register_buffer("missing", torch.zeros(features, classes))
        self.register_buffer("base", torch.zeros(classes))

    def forward(self, numbers: Tensor) -> Tensor:
        return self.shares(numbers).sum(1) + self.base

    def shares(self, numbers: Tensor) -> Tensor:
        """(B, F, 9): what each number adds to each class's logit."""
        given = torch.isfinite(numbers)
        return torch.where(
            given[:, :, None], torch.einsum("bfk,fkc->bfc", self.steps(numbers), self.rise), self.missing
        )

    def steps(self, numbers: Tensor) -> Tensor:
        """(B, F, K - 1): how far each number has come between two knots, 0 to 1; 0 where it is NaN."""
        left, right = self.knots[:, :-1], self.knots[:, 1:]
        place = torch.nan_to_num(numbers, nan=-1e9)[:, :, None]
        return ((place - left) / (right - left).clamp(min=1e-6)).clamp(0, 1)


def _rhythm(beats: Beats) -> dict[str, float]:
    rr = np.diff(beats.r_peaks) / RATE_HZ
    usual = float(np.median(rr))
    dominant = np.array([beat.dominant for beat in beats.beats])
    early = np.r_[np.nan, np.diff(beats.r_peaks)] / expected_rr(beats.r_peaks, dominant)
    order = np.sort(early[np.isfinite(early)])
    usual_shape = early[dominant & np.isfinite(early)]
    others = [b.waves.qrs_offset - b.waves.qrs_onset for b in beats.beats if not b.dominant]
    mean = mean_rr_s(beats)
    low, high = np.quantile(rr, [0.25, 0.75])
    return {
        "heart_rate": 60 / mean if mean else np.nan,
        "rr_cv": _number(rr_cv_percent(beats)),
        "rr_spread": float(rr.std() / rr.mean()),
        "rr_step": float(np.median(np.abs(np.diff(rr))) / usual) if len(rr) > 1 else np.nan,
        "rr_quartiles": float((high - low) / usual),
        "earliest": order[0] if len(order) else np.nan,
        "second_earliest": order[1] if len(order) > 1 else np.nan,
        "latest": order[-1] if len(order) else np.nan,
        "earliest_usual_shape": usual_shape.min() if len(usual_shape) else np.nan,
        "beats": len(beats.beats),
        "other_shapes": float((~dominant).sum()),
        "supraventricular": sum(b.ectopic == "supraventricular" for b in beats.beats),
        "ventricular": sum(b.ectopic == "ventricular" for b in beats.beats),
        "widest_other_shape": max(others, default=0) * MS,
        "p_share": _number(beats.p_share),
    }


def _intervals(beats: Beats, median: MedianBeat) -> dict[str, float]:
    waves = median.waves
    rr = mean_rr_s(beats)
    found = {"qrs": (waves.qrs_offset - waves.qrs_onset) * MS, "axis": _number(qrs_axis_deg(median))}
    if waves.t_offset is not None and rr:
        found["qt"] = (waves.t_offset - waves.qrs_onset) * MS
        found["qtc"] = found["qt"] / rr**0.5
    if waves.p_onset is None or waves.p_peak is None or waves.p_offset is None:
        return found
    own = [
        (b.waves.qrs_onset - b.waves.p_onset) * MS
        for b in beats.beats
        if b.dominant and b.p_seen and b.waves.p_onset is not None
    ]
    height = median.samples_mv[waves.p_peak] - median.samples_mv[waves.p_onset]
    found |= {
        "pr": (waves.qrs_onset - waves.p_onset) * MS,
        "pr_spread": float(np.subtract(*np.quantile(own, [0.9, 0.1]))) if len(own) >= 3 else np.nan,
        "p_peak": (waves.qrs_onset - waves.p_peak) * MS,
        "p_width": (waves.p_offset - waves.p_onset) * MS,
        "p_height": float(np.nanmax(np.abs(height))),
        "p_height_II": float(height[LEADS.index("II")]),
    }
    if "qt" in found and rr:
        found["qt_before_p"] = 1000 * rr - found["qt"] - found["pr"]  # from the end of T to P
    return found


def _st(median: MedianBeat) -> dict[str, float]:
    levels = {after: {lead: _number(st_level(median, lead, after)) for lead in LEADS} for after in ST_AFTER_J_S}
    j, late, later = (levels[after] for after in ST_AFTER_J_S)
    over = [min(j[lead] - st_elevation_limit_mv(lead) for lead in pair) for pair in CONTIGUOUS]
    over_late = [min(min(j[lead], late[lead]) - st_elevation_limit_mv(lead) for lead in pair) for pair in CONTIGUOUS]
    found = {f"st_{round(1000 * after)}_{lead}": levels[after][lead] for after in ST_AFTER_J_S for lead in LEADS}
    found |= {
        "st_raised_j": float(np.nanmax(over)),
        "st_raised_late": float(np.nanmax(over_late)),
        "st_lowered": float(np.nanmin([max(late[a], late[b]) for a, b in CONTIGUOUS])),
        "st_lowered_late": float(np.nanmin([max(later[a], later[b]) for a, b in CONTIGUOUS])),
        "st_lowered_leads": float(sum(late[lead] < -0.05 for lead in LEADS if lead != "aVR")),
    }
    if median.waves.t_peak is not None:
        found |= {f"t_{lead}": float(median.samples_mv[median.waves.t_peak, k]) for k, lead in enumerate(LEADS)}
    return found


def _shapes(median: MedianBeat) -> dict[str, float]:
    found: dict[str, float] = {}
    for lead in median.given():
        shape = qrs_shape(median, lead)
        found |= {f"r_{lead}": shape.tallest, f"s_{lead}": shape.deepest}
        if lead in SHAPE_LEADS:
            found |= {
                f"r_peak_{lead}": shape.r_peak_ms,
                f"half_width_{lead}": shape.half_width_ms,
                f"late_r_{lead}": float(shape.late_r),
                f"wide_s_{lead}": float(shape.wide_s),
                f"q_{lead}": float(shape.has_q),
            }
    return found


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
