"""Hot spots: how much each place of the cell fires, over all sparks or of one, on the resting cell."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app_pages.shared.wording import text
from engine.sparks.agreement import Agreement
from engine.sparks.events import SlowRelease, Spark
from engine.sparks.evidence import SparksEvidence
from engine.sparks.fit import marked_pixels

SHOWN_PX = 900  # of the longer side of the picture that is sent
BESIDE = (-45, 0, 45, -135, 180, 135, 90, -90)  # degrees from the right, downwards, at which a spark's number may stand
MAX_LINES = 1200  # of a line scan that are drawn one to one; longer ones are averaged


def footprint(evidence: SparksEvidence, spark: Spark) -> tuple[tuple[slice, slice, slice], np.ndarray] | None:
    """The window of the recording that a spark covers and its dF/F0 there (0 outside of it)."""
    recording = evidence.recording
    return marked_pixels(
        spark.fit, spark.fitted_um_per_px, spark.fitted_ms_per_frame, recording.shape, recording.line_scan
    )


def hot_spots(evidence: SparksEvidence, sparks: Sequence[Spark]) -> np.ndarray:
    """(H, W) sum over the sparks of each place's largest dF/F0; of a line scan (lines, W) the dF/F0 itself."""
    recording = evidence.recording
    frames, height, width = recording.shape
    heat = np.zeros((frames if recording.line_scan else height, width), np.float32)
    for spark in sparks:
        marked = footprint(evidence, spark)
        if marked is None:
            continue
        (time, rows, columns), light = marked
        if recording.line_scan:
            heat[time, columns] = np.maximum(heat[time, columns], light[:, 0])
        else:
            heat[rows, columns] += light.max(0)
    return heat


def resting(evidence: SparksEvidence) -> np.ndarray:
    """(H, W) mean light of the recording's frames (at most 48 of them); of a line scan (lines, W) the scan itself."""
    recording = evidence.recording
    frames = recording.shape[0]
    if recording.line_scan:
        return recording.read(0, frames)[:, 0].astype(np.float32)
    chosen = sorted({int(t) for t in np.linspace(0, frames - 1, min(frames, 48))})
    return np.mean([recording.read(t, t + 1)[0].astype(np.float32) for t in chosen], axis=0)


def picture(evidence: SparksEvidence, heat: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the cell in grey, hot spots over it in viridis."""
    import cv2

    grey = scaled(resting(evidence))
    share = heat / max(float(heat.max()), 1e-6)
    level = np.clip(share * 255, 0, 255).astype(np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB).astype(np.float32)
    weight = np.where(share > 0.02, 0.35 + 0.6 * share, 0.0)[..., None]
    return (grey[..., None] * 0.75 * (1 - weight) + colour * weight).astype(np.uint8)


def scaled(light: np.ndarray) -> np.ndarray:
    """Counts as grey levels 0..255, the darkest and brightest half percent cut off."""
    low, high = np.percentile(light, (0.5, 99.5))
    return np.clip((light - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.float32)


def heat_map(
    evidence: SparksEvidence, shown: Sequence[Spark], chosen: int | None, title: str, agreed: Agreement | None = None
) -> str:
    """HTML of the map: a ring and a number per spark, each of which can be chosen; puffs and waves by name.

    shown: the sparks on it. chosen: number of the one that is outlined boldly, None for all alike. agreed: draws the marks that
    came with the recording, each with whether it was found.
    """
    drawn = picture(evidence, hot_spots(evidence, shown))
    height, width = drawn.shape[:2]
    size = max(width, height)
    rings = "".join(_release(evidence, release, size) for release in evidence.detection.slow)
    if agreed is not None:
        rings += "".join(_mark(evidence, k, number, size) for k, number in enumerate(agreed.found_as))
    outlines = [_outline(evidence, spark, size) for spark in shown]
    places = number_places(outlines, [str(spark.number) for spark in shown], size / 40, (width, height))
    bold = [spark.number == chosen for spark in shown]
    rings += "".join(_ring(*each, size) for each in zip(shown, outlines, bold, strict=True))
    # The numbers lie on all rings, so that none crosses them out.
    rings += "".join(_number(*each, size) for each in zip(shown, places, bold, strict=True))
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{text(title)}'>"
        f"<svg viewBox='0 0 {width} {height}' role='group' aria-label='{text(title)}' "
        f"style='min-width:16rem;max-height:34rem'>"
        f"<image href='{encoded(drawn)}' width='{width}' height='{height}' preserveAspectRatio='none'/>{rings}</svg></div>"
    )


def encoded(drawn: np.ndarray) -> str:
    """A picture (H, W) or (H, W, 3) as a data address."""
    return "data:image/png;base64," + base64.b64encode(png(drawn)).decode()


def png(drawn: np.ndarray) -> bytes:
    """PNG of a picture (H, W) or (H, W, 3), not larger than SHOWN_PX."""
    from PIL import Image

    image = Image.fromarray(drawn)
    image.thumbnail((SHOWN_PX, MAX_LINES))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Outline:
    """An ellipse around a spark, in px of the picture."""

    x: float
    y: float
    wide: float
    tall: float


def number_places(
    outlines: Sequence[Outline], numbers: Sequence[str], height_px: float, picture_px: tuple[int, int]
) -> list[tuple[float, float]]:
    """Where each number begins (x, its baseline's y): beside its outline, on no other number, within the picture (W, H).

    The upper right is tried first. Where nothing is free the number stands there all the same.
    """
    taken: list[tuple[float, float, float, float]] = []
    places = []
    for outline, number in zip(outlines, numbers, strict=True):
        boxes = [_box(outline, angle, 0.62 * height_px * len(number), height_px) for angle in BESIDE]
        free = [box for box in boxes if _within(box, picture_px) and not any(_touch(box, other) for other in taken)]
        chosen = (free or boxes)[0]
        taken.append(chosen)
        places.append((chosen[0], chosen[3]))
    return places


def _box(outline: Outline, angle: float, wide: float, tall: float) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a number whose middle lies outside the outline at an angle (0: right, 90: below)."""
    across, down = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    x, y = outline.x + across * (outline.wide + 0.6 * wide), outline.y + down * (outline.tall + 0.6 * tall)
    return x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2


def _within(box: tuple[float, float, float, float], picture_px: tuple[int, int]) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= picture_px[0] and box[3] <= picture_px[1]


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _outline(evidence: SparksEvidence, spark: Spark, size: int) -> Outline:
    line = evidence.recording.line_scan
    radius = max(spark.fwhm_px, size / 90)
    tall = max((spark.t_end - spark.t_start + 1) / 2, radius) if line else radius
    return Outline(spark.x + 0.5, (spark.t_peak if line else spark.y) + 0.5, radius, tall)


def _ring(spark: Spark, outline: Outline, chosen: bool, size: int) -> str:
    """White on black, so that it is seen on every colour; the chosen one is orange and thicker."""
    thick = 0.006 if chosen else 0.003
    ellipse = f"cx='{outline.x:.1f}' cy='{outline.y:.1f}' rx='{outline.wide:.1f}' ry='{outline.tall:.1f}'"
    return (
        f"<g data-choose='{spark.number}' style='cursor:pointer'><title>{text(f'Spark {spark.number}')}</title>"
        f"<ellipse {ellipse} fill='transparent' stroke='#000' stroke-width='{(thick + 0.002) * size:.2f}'/>"
        f"<ellipse {ellipse} fill='none' stroke='{_colour(chosen)}' stroke-width='{thick * size:.2f}'/></g>"
    )


def _number(spark: Spark, place: tuple[float, float], chosen: bool, size: int) -> str:
    return (
        f"<text data-choose='{spark.number}' x='{place[0]:.1f}' y='{place[1]:.1f}' font-size='{size / 40:.1f}' "
        f"font-weight='600' style='cursor:pointer;fill:{_colour(chosen)};paint-order:stroke;stroke:#000;"
        f"stroke-width:{size / 350:.2f}px'>{spark.number}</text>"
    )


def _colour(chosen: bool) -> str:
    return "#e69f00" if chosen else "#ffffff"


def _release(evidence: SparksEvidence, release: SlowRelease, size: int) -> str:
    """A puff or wave: dashed, with its name and frames."""
    line = evidence.recording.line_scan
    x, y = release.x + 0.5, ((release.t_start + release.t_end + 1) / 2 if line else release.y + 0.5)
    wide = max(release.extent_px / 2, size / 60)
    tall = max((release.t_end - release.t_start + 1) / 2, size / 60) if line else wide
    said = f"{release.kind}, frames {release.t_start} to {release.t_end}"
    dashes = f"stroke-dasharray='{size / 90:.2f} {size / 120:.2f}'"
    ellipse = f"<ellipse cx='{x:.1f}' cy='{y:.1f}' rx='{wide:.1f}' ry='{tall:.1f}' fill='none'"
    return (
        f"<g><title>{text(said)}</title>{ellipse} stroke='#000' stroke-width='{0.006 * size:.2f}'/>"
        f"{ellipse} stroke='#56b4e9' stroke-width='{0.004 * size:.2f}' {dashes}/>"
        f"{_word(release.kind, x, y + size / 120, size, '#56b4e9')}</g>"
    )


def _mark(evidence: SparksEvidence, k: int, number: int | None, size: int) -> str:
    """Mark k (from 0) as a diamond: whole where a spark was found there, dashed where none was."""
    mark = evidence.recording.annotations[k]
    line = evidence.recording.line_scan
    x, y = mark.x + 0.5, ((mark.t_start + mark.t_end + 1) / 2 if line else mark.y + 0.5)
    reach = size / 45
    said = f"Mark {k + 1}: {'not found' if number is None else f'found as spark {number}'}"
    path = f"<path d='M{x:.1f} {y - reach:.1f}l{reach:.1f} {reach:.1f}l{-reach:.1f} {reach:.1f}l{-reach:.1f} {-reach:.1f}z'"
    dashes = f"stroke-dasharray='{size / 180:.2f} {size / 220:.2f}'" if number is None else ""
    name = f"M{k + 1}{'?' if number is None else ''}"
    return (
        f"<g><title>{text(said)}</title>{path} fill='none' stroke='#000' stroke-width='{0.006 * size:.2f}'/>"
        f"{path} fill='none' stroke='#f0e442' stroke-width='{0.0035 * size:.2f}' {dashes}/>"
        f"{_word(name, x - reach, y + reach + size / 50, size, '#f0e442')}</g>"
    )


def _word(said: str, x: float, y: float, size: int, colour: str) -> str:
    """Readable on every colour."""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size / 48:.1f}' font-weight='600' "
        f"style='fill:{colour};paint-order:stroke;stroke:#000;stroke-width:{size / 350:.2f}px'>{text(said)}</text>"
    )
