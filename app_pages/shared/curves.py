"""The deletion curve as a drawing, and in one sentence whether the explanation passed its check."""

from __future__ import annotations

import numpy as np

from app_pages.shared.wording import percent, text
from explain.explanation import Faithfulness

WIDTH, HEIGHT = 480, 250
LEFT, RIGHT, TOP, BOTTOM = 48, 470, 14, 205
TENTH = 0.1


def deletion_curve(check: Faithfulness, of: str = "ECG") -> str:
    """SVG: the class's probability while the most attributed share is removed, beside a random share. of: what is removed."""
    most = max(float(check.fractions.max()), 1e-9)
    high = max(0.1, float(np.ceil(max(check.attributed.max(), check.random.max()) * 10) / 10))

    def path(scores: np.ndarray) -> str:
        x = LEFT + check.fractions / most * (RIGHT - LEFT)
        y = BOTTOM - np.clip(scores / high, 0, 1) * (BOTTOM - TOP)
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))

    shown = (0.0, TENTH, most * 2 / 3, most)
    ticks = "".join(_tick(f, most) for f in check.fractions if np.isclose(f, shown, atol=0.01).any())
    levels = "".join(_level(share, high) for share in (0.0, 0.5, 1.0))
    return (
        f"<svg class='curve' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{text(sentence(check))}'>{levels}{ticks}"
        f"<text x='{(LEFT + RIGHT) / 2}' y='{HEIGHT - 8}' text-anchor='middle'>share of the {text(of)} removed</text>"
        f"<path class='second' d='{path(check.random)}'/><path class='first' d='{path(check.attributed)}'/></svg>"
        "<p class='small quiet'>Probability of the class. Full line: the most coloured part removed first. "
        "Dashed: random parts.</p>"
    )


def sentence(check: Faithfulness) -> str:
    """What the check found, e.g. `Passed: without the most coloured tenth ...`."""
    told = _telling(check)
    share = "tenth" if np.isclose(check.fractions[told], TENTH) else f"{check.fractions[told] * 100:.0f} %"
    before, ours, random = (
        percent(float(v)) for v in (check.attributed[0], check.attributed[told], check.random[told])
    )
    fell = f"without the most coloured {share} the probability goes from {before} to {ours}"
    fell += f"; without a random {share}, to {random}"
    if check.passed:
        return f"Passed: {fell}. The network does look where the colour is."
    return f"Not passed: {fell}. Do not rely on the colours for this class."


def _telling(check: Faithfulness) -> int:
    """The tenth that the check rests on; where it passed by less than is written, the first larger share that shows it."""
    tenth = int(np.argmin(np.abs(check.fractions - TENTH)))
    if not check.passed:
        return tenth
    lower = (
        k
        for k in range(tenth, len(check.fractions))
        if check.attributed[k] < check.random[k] and percent(check.attributed[k]) != percent(check.random[k])
    )
    return next(lower, tenth)


def _tick(fraction: float, most: float) -> str:
    x, anchor = LEFT + fraction / most * (RIGHT - LEFT), "end" if fraction == most else "middle"
    return f"<text x='{x:.0f}' y='{BOTTOM + 18}' text-anchor='{anchor}'>{fraction * 100:.0f} %</text>"


def _level(share: float, high: float) -> str:
    y = BOTTOM - share * (BOTTOM - TOP)
    named = f"<text x='{LEFT - 7}' y='{y + 4:.0f}' text-anchor='end'>{share * high * 100:.0f} %</text>"
    return f"<path class='axis' d='M{LEFT} {y:.0f}H{RIGHT}'/>{named}"
