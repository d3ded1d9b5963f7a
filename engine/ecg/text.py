"""Printed words of an ECG page: which lead a name means, paper speed and gain, and what the machine states itself.

A kept recogniser (rapidocr) reads crops of the flat page; where words stand is the page network's business. Only lead names,
settings and the machine's own measurements are kept; any other word is dropped here.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

MAX_WORDS = 48
CROP_HEIGHT_PX = 48  # the recogniser's
LOCK = threading.Lock()

STROKES = {
    "I": 1,
    "L": 1,
    "1": 1,
    "|": 1,
    "!": 1,
    "J": 1,
    "[": 1,
    "]": 1,
    "T": 1,
    "Ⅰ": 1,
    "Ⅱ": 2,
    "Ⅲ": 3,
    "H": 2,
    "N": 2,
    "U": 2,
    "M": 3,
}
DIGIT_LOOKALIKES = {
    "I": "1",
    "L": "1",
    "|": "1",
    "!": "1",
    "Z": "2",
    "S": "5",
    "B": "6",
    "G": "6",
    "A": "4",
    "Y": "4",
    "?": "2",
}


@dataclass(frozen=True)
class Word:
    """A word on the flat page. box: left, top, right, bottom in px. confidence: 0..1."""

    text: str
    confidence: float
    box: tuple[float, float, float, float]

    @property
    def middle(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True)
class Settings:
    """What the page states; None: not read."""

    speed_mm_s: float | None = None
    gain_mm_mv: float | None = None


def word_boxes(words: np.ndarray, px_per_mm: float, gap_mm: float) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of the words in a map (h, w) 0..1; letters closer than gap_mm make one word. The largest first."""
    import cv2

    mask = (words > 0.4).astype(np.uint8)
    across = np.ones((1 + round(0.3 * px_per_mm), 1 + round(gap_mm * px_per_mm)), np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, across))
    found = [(int(area), (int(x), int(y), int(x + w), int(y + h))) for x, y, w, h, area in stats[1:]]
    fit = [(area, box) for area, box in found if 1.0 <= (box[3] - box[1]) / px_per_mm <= 10.0]
    fit = [(area, box) for area, box in fit if area > 0.3 * px_per_mm**2]
    return [box for _, box in sorted(fit, reverse=True)[:MAX_WORDS]]


def read_words(page: np.ndarray, boxes: list[tuple[int, int, int, int]], turned: bool = False) -> list[Word]:
    """The words in some boxes of a page (h, w, 3) uint8. turned: read them upside down. Empty readings are left out."""
    crops = [_crop(page, box, turned) for box in boxes]
    if not crops:
        return []
    with LOCK:  # one session, and rapidocr promises no more
        found = _recogniser().recognize_txt(crops)
    words = [
        Word(text.strip(), float(score), box) for text, score, box in zip(found.txts, found.scores, boxes, strict=True)
    ]
    return [word for word in words if word.text]


@lru_cache(maxsize=1)
def _recogniser() -> Any:
    from rapidocr import RapidOCR

    settings = {
        "Global.log_level": "critical",
        "Rec.rec_img_shape": [3, CROP_HEIGHT_PX, 2 * CROP_HEIGHT_PX],
        "Rec.rec_batch_num": 12,
    }
    return RapidOCR(params=settings)


def _crop(page: np.ndarray, box: tuple[int, int, int, int], turned: bool) -> np.ndarray:
    left, top, right, bottom = box
    pad = max(3, round(0.18 * (bottom - top)))
    crop = page[max(0, top - pad) : bottom + pad, max(0, left - pad) : right + pad, ::-1]
    return np.ascontiguousarray(crop[::-1, ::-1] if turned else crop)


def lead_likeness(text: str) -> dict[str, float]:
    """How much a word reads like each lead's name, 0..1; leads that it cannot mean are left out.

    Misreadings of the recogniser count less: VI for V1, ll for II, VR for aVR whose a ran into a mark.
    """
    plain = text.replace(" ", "").replace("√", "V").replace("v", "V").upper().strip(".,:;'\"`·_*°")
    sign = "-" if plain[:1] in "-–—" and plain[1:] in ("AVR", "VR") else ""
    plain = plain.lstrip("-–—")
    if not plain:
        return {}
    if plain in ("AVR", "AVL", "AVF"):
        return {sign + "aV" + plain[2]: 1.0}
    if re.fullmatch(r".?VR|.?VL|.?VF", plain):
        return {sign + "aV" + plain[-1]: 0.8}
    if re.fullmatch(r"V[1-6]", plain):
        return {plain: 1.0}
    if re.fullmatch(r"V.", plain) and plain[1] in DIGIT_LOOKALIKES:
        return {"V" + DIGIT_LOOKALIKES[plain[1]]: 0.6}
    if re.fullmatch(r".[2-6]", plain):
        return {"V" + plain[1]: 0.5}
    if plain in "23456":
        return {"V" + plain: 0.5}
    if all(letter in STROKES for letter in plain):
        strokes = sum(STROKES[letter] for letter in plain)
        exact = 0.9 if set(plain) <= {"I", "Ⅰ", "Ⅱ", "Ⅲ"} else 0.6
        near = {"I": abs(strokes - 1), "II": abs(strokes - 2), "III": abs(strokes - 3)}
        return {lead: exact if far == 0 else 0.25 for lead, far in near.items() if far <= 1}
    return {}


def settings_of(words: list[Word]) -> Settings:
    """Paper speed and gain among the words, e.g. `25mm/s 10mm/mV`; only values that ECG paper has."""
    text = " ".join(word.text for word in words if word.confidence > 0.6).lower().replace(",", ".").replace("o", "0")
    speed = re.search(r"(12\.5|25|50)(?:\.0)?\s*mm\s*/?\s*s", text)
    gain = re.search(r"(?<!\d)(2\.5|5|10|20)(?:\.0)?\s*mm\s*/?\s*m\s*v", text)
    return Settings(float(speed.group(1)) if speed else None, float(gain.group(1)) if gain else None)
