"""The patient's numbers among the groups of the training cohort: where they lie, as ranges."""

from __future__ import annotations

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
WIDTH, ROW, LEFT, RIGHT = 440, 26, 120, 428


def among_groups(finding: Finding) -> str:
    """HTML: per measurement and group the 5th to 95th percentile, the middle half and the median, and the patient's line."""
    cohort = weights.weight(WEIGHT).operating.get("cohort_groups", {})
    drawings = []
    for code in CODES:
        row = finding.measurement(code)
        known = {group: cohort[group][code] for group in GROUPS if code in cohort.get(group, {})}
        if row is not None and known:
            drawings.append(_drawing(row.name, row.value, row.unit, known))
    return "".join(drawings)


def _drawing(name: str, value: float, unit: str, known: dict[str, list[float]]) -> str:
    low = min(0.0, value, *(v[0] for v in known.values()))
    high = 1.05 * max(value, *(v[4] for v in known.values()))

    def x(at: float) -> float:
        return LEFT + (at - low) / max(high - low, 1e-9) * (RIGHT - LEFT)

    rows, said = [], []
    for k, (group, (p5, p25, p50, p75, p95)) in enumerate(known.items()):
        y = 30 + k * ROW
        rows.append(
            f"<text x='{LEFT - 8}' y='{y + 4}' text-anchor='end' {INK}>{text(GROUPS[group])}</text>"
            f"<path d='M{x(p5):.1f} {y}H{x(p95):.1f}' stroke='currentColor' stroke-opacity='0.5'/>"
            f"<rect x='{x(p25):.1f}' y='{y - 7}' width='{max(x(p75) - x(p25), 1):.1f}' height='14' fill='#56B4E9'/>"
            f"<path d='M{x(p50):.1f} {y - 7}V{y + 7}' stroke='currentColor' stroke-width='2'/>"
        )
        said.append(f"{GROUPS[group]} {number(p5)} to {number(p95)}")
    bottom = 22 + len(known) * ROW
    label = f"{name} {with_unit(value, unit)}; 5th to 95th percentile: {', '.join(said)}"
    return (
        f"<svg viewBox='0 0 {WIDTH} {bottom + 10}' role='img' aria-label='{text(label)}' style='max-width:32rem;width:100%'>"
        f"<text x='{LEFT}' y='12' {INK} font-weight='600'>{text(name)}: {text(with_unit(value, unit))}</text>"
        f"{''.join(rows)}<path d='M{x(value):.1f} 16V{bottom}' stroke='#D55E00' stroke-width='2.5' stroke-dasharray='5 3'/></svg>"
    )
