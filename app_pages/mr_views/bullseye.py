"""The AHA bullseye: sixteen segments of the wall, base outside, apex inside."""

from __future__ import annotations

import numpy as np

from app_pages.shared.wording import number, text
from engine.mr.volumes import Bullseye

SIDE, MIDDLE = 330, 165
RINGS = ((150, 108, 6, 60.0), (108, 66, 6, 60.0), (66, 24, 4, 45.0))  # outer and inner radius, segments, first angle
PALE, DARK = (222, 235, 247), (8, 69, 148)
APEX = (
    f"<circle cx='{MIDDLE}' cy='{MIDDLE}' r='24' fill='rgb(200,200,200)' stroke='#ffffff'/>"
    f"<text x='{MIDDLE}' y='{MIDDLE + 4}' text-anchor='middle' font-size='12' style='fill:#0c1319'>–</text>"
)


def bullseye_svg(values: np.ndarray, unit: str, title: str) -> str:
    """SVG of 16 values; deeper is more, and every value stands in its segment. nan: not measured."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    parts, k = [], 0
    for outer, inner, count, first in RINGS:
        width = 360 / count
        for n in range(count):
            start = first + n * width
            parts.append(_segment(outer, inner, start, start + width, values[k], low, high))
            k += 1
    said = f"{title}: " + ", ".join(f"segment {k + 1} {number(float(v))} {unit}" for k, v in enumerate(values))
    return (
        f"<svg class='bullseye' viewBox='0 0 {SIDE} {SIDE}' role='img' aria-label='{text(said)}' style='max-width:22rem'>"
        f"{''.join(parts)}{APEX}</svg><p class='small quiet'>{text(title)}, {text(unit)}. Outer ring basal, then mid, "
        "apical; the anterior wall is up, the septum left. In the middle the apex (segment 17): it lies along the slices and "
        "is not measured.</p>"
    )


def bullseyes(wall: Bullseye) -> str:
    """HTML with thickness, and with thickening where the phases show a beat."""
    unit = "mm" if wall.in_mm else "px"
    html = bullseye_svg(wall.thickness, unit, "Wall thickness at end-diastole")
    if np.isfinite(wall.thickening).any():
        html += bullseye_svg(wall.thickening, "%", "Thickening up to end-systole")
    return f"<div style='display:flex;flex-wrap:wrap;gap:1rem'>{_boxed(html)}</div>"


def _boxed(html: str) -> str:
    """Each drawing with its caption in a box of its own."""
    return "".join(f"<div style='flex:1 1 15rem'><svg{part}</div>" for part in html.split("<svg")[1:])


def _segment(outer: float, inner: float, start: float, stop: float, value: float, low: float, high: float) -> str:
    corners = [_at(outer, start), _at(outer, stop), _at(inner, stop), _at(inner, start)]
    path = f"M{corners[0]}A{outer} {outer} 0 0 0 {corners[1]}L{corners[2]}A{inner} {inner} 0 0 1 {corners[3]}Z"
    share = (value - low) / max(high - low, 1e-9) if np.isfinite(value) else 0.0
    fill = (
        tuple(round(a + share * (b - a)) for a, b in zip(PALE, DARK, strict=True)) if np.isfinite(value) else (200,) * 3
    )
    ink = "#ffffff" if np.isfinite(value) and share > 0.55 else "#0c1319"
    x, y = _at((outer + inner) / 2, (start + stop) / 2).split(" ")
    return (
        f"<path d='{path}' fill='rgb{fill}' stroke='#ffffff'/>"
        f"<text x='{x}' y='{float(y) + 4:.1f}' text-anchor='middle' font-size='12' style='fill:{ink}'>"
        f"{number(float(value))}</text>"
    )


def _at(radius: float, degrees: float) -> str:
    """A point at an angle, counter-clockwise from the right."""
    angle = np.radians(degrees)
    return f"{MIDDLE + radius * np.cos(angle):.1f} {MIDDLE - radius * np.sin(angle):.1f}"
