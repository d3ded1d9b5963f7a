"""The deletion curve as a drawing, and in one sentence whether the explanation passed its check."""

from __future__ import annotations

import numpy as np

from app_pages.shared.wording import percent, text
from explain.explanation import Faithfulness

WIDTH, HEIGHT = 480, 250
LEFT, RIGHT, TOP, BOTTOM = 48, 470, 14, 205
TENTH = 0.1


def deletion_curve(check: Faithfulness) -> str:
    """SVG: the class's probability while the most attributed share is removed, beside a random share."""
    most = max(float(check.fractions.max()), 1e-9)
    high = max(0.1, float(np.ceil(max(check.attributed.max(), check.random.max()) * 10) / 10))

    def path(scores: np.ndarray) -> str:
        x = LEFT + check.fractions / most * (RIGHT - LEFT)
        y = BOTTOM - np.clip(scores / high, 0, 1) * (BOTTOM - TOP)
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))

    ticks = "".join(
        f"<text x='{LEFT + f / most * (RIGHT - LEFT):.0f}' y='{BOTTOM + 18}' text-anchor='{'end' if f == most else 'middle'}'>{f * 100:.0f} %</text>"
        for f in check.fractions
        if f in (0, TENTH, most) or abs(f - most * 2 / 3) < 0.01
    )
    levels = "".join(
        f"<path class='axis' d='M{LEFT} {y:.0f}H{RIGHT}'/><text x='{LEFT - 7}' y='{y + 4:.0f}' text-anchor='end'>{share * high * 100:.0f} %</text>"
        for share, y in ((0, BOTTOM), (0.5, (TOP + BOTTOM) / 2), (1, TOP))
    )
    return (
        f"<svg class='curve' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{text(sentence(check))}'>{levels}{ticks}"
        f"<text x='{(LEFT + RIGHT) / 2}' y='{HEIGHT - 8}' text-anchor='middle'>share of the ECG removed</text>"
        f"<path class='second' d='{path(check.random)}'/><path class='first' d='{path(check.attributed)}'/></svg>"
        "<p class='small quiet'>Probability of the class. Full line: the most coloured part removed first. Dashed: random parts.</p>"
    )


def sentence(check: Faithfulness) -> str:
    """What the check found, e.g. `Passed: without its most coloured tenth ...`."""
    tenth = int(np.argmin(np.abs(check.fractions - TENTH)))
    before, ours, random = (percent(float(v)) for v in (check.attributed[0], check.attributed[tenth], check.random[tenth]))
    fell = f"without the most coloured tenth of the ECG the probability goes from {before} to {ours}; without a random tenth, to {random}"
    if check.passed:
        return f"Passed: {fell}. The network does look where the colour is."
    return f"Not passed: {fell}. Do not rely on the colours for this class."
