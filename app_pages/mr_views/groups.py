"""The patient's numbers among the groups of the training cohort, as distributions."""

from __future__ import annotations

import numpy as np

from app_pages.shared.wording import number, text, with_unit
from engine import weights
from engine.finding import Finding
from engine.mr.segmentation import WEIGHT

CODES = ("lv_ejection_fraction", "lv_end_diastolic_volume", "lv_end_systolic_volume", "lv_mass", "rv_ejection_fraction")
GROUPS = {  # of ACDC
    "NOR": "Normal",
    "MINF": "Infarct",
    "DCM": "Dilated",
    "HCM": "Hypertrophic",
    "RV": "Right ventricle",
}
INK = "font-size='13' style='fill:currentColor'"
WIDTH, ROW, LEFT, RIGHT = 440, 34, 120, 428
TALL = 14  # px: half the height of a distribution at its peak
POINTS = 60  # of a distribution's outline


def among_groups(finding: Finding) -> str:
    """HTML: per measurement each group's distribution with its median and middle half, and the patient's line."""
    cohort = weights.weight(WEIGHT).operating.get("cohort_groups", {})
    drawings = []
    for code in CODES:
        row = finding.measurement(code)
        known = {group: np.array(cohort[group][code]) for group in GROUPS if code in cohort.get(group, {})}
        if row is not None and known:
            drawings.append(_drawing(row.name, row.value, row.unit, known))
    return "".join(drawings)


def density(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How densely a group lies at each place, 1 where most: a Gaussian kernel (Silverman 1986) over the group's values.

    values: (N,) that each stand for the same share of the group. at: (M,).
    """
    spread = max(float(values.std(ddof=1)), 1e-6 * max(1.0, float(abs(values).max())))
    width = 0.9 * spread * len(values) ** -0.2
    found = np.exp(-0.5 * ((at[:, None] - values) / width) ** 2).sum(1)
    return found / found.max()


def _drawing(name: str, value: float, unit: str, known: dict[str, np.ndarray]) -> str:
    """known: group -> (N,) its values, each of the same share of the group, rising."""
    low = min(0.0, value, *(v[0] for v in known.values()))
    high = 1.1 * max(value, *(v[-1] for v in known.values()))
    places = np.linspace(low, high, POINTS)

    def x(at: float) -> float:
        return LEFT + (at - low) / max(high - low, 1e-9) * (RIGHT - LEFT)

    rows, said = [], []
    for k, (group, values) in enumerate(known.items()):
        y = 36 + k * ROW
        tall = TALL * density(values, places)
        there = [f"{x(at):.1f} {y - up:.1f}" for at, up in zip(places, tall, strict=True)]
        back = [f"{x(at):.1f} {y + up:.1f}" for at, up in zip(places[::-1], tall[::-1], strict=True)]
        p25, p50, p75 = np.percentile(values, (25, 50, 75))
        rows.append(
            f"<text x='{LEFT - 8}' y='{y + 4}' text-anchor='end' {INK}>{text(GROUPS[group])}</text>"
            f"<path d='M{'L'.join(there + back)}Z' fill='#56B4E9' fill-opacity='0.75'/>"
            f"<path d='M{x(p25):.1f} {y}H{x(p75):.1f}' stroke='currentColor' stroke-width='2'/>"
            f"<path d='M{x(p50):.1f} {y - 7}V{y + 7}' stroke='currentColor' stroke-width='2'/>"
        )
        said.append(f"{GROUPS[group]} {number(p50)} (middle half {number(p25)} to {number(p75)})")
    bottom = 22 + len(known) * ROW
    patient = f"<path d='M{x(value):.1f} 18V{bottom + 4}' stroke='#D55E00' stroke-width='2.5' stroke-dasharray='5 3'/>"
    label = f"{name} {with_unit(value, unit)}; medians: {', '.join(said)}"
    return (
        f"<svg viewBox='0 0 {WIDTH} {bottom + 10}' role='img' aria-label='{text(label)}' style='max-width:32rem;width:100%'>"
        f"<text x='{LEFT}' y='12' {INK} font-weight='600'>{text(name)}: {text(with_unit(value, unit))}</text>"
        f"{''.join(rows)}{patient}</svg>"
    )
