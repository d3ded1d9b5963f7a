"""What went in, as understood: a picture of it, its facts, and the checks of its quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app_pages.shared.quality import checks
from app_pages.shared.section import section
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.finding import Quality


@dataclass(frozen=True)
class Shown:
    """The study as one picture: (H, W, 3) uint8 or an encoded picture; what it is; `alt` for those who cannot see it."""

    picture: np.ndarray | bytes
    caption: str
    alt: str


def understood(
    shown: Shown,
    facts: Iterable[tuple[str, str]],
    quality: tuple[Quality, ...],
    plain: Mapping[str, tuple[str, str]],
    key: str,
    *,
    notes: Iterable[str] = (),
    widths: tuple[int, int] = (2, 3),
) -> None:
    """The page's first section. facts: name and value; those without a value are left out. plain: as quality.checks has it."""
    section("What went in, as understood")
    left, right = st.columns(widths, gap="large")
    left.image(shown.picture, caption=shown.caption, alt=shown.alt, width="stretch")
    listed = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts if value)
    under = "".join(f"<p class='small quiet'>{text(note)}</p>" for note in notes)
    with right:
        view(f"<dl class='facts'>{listed}</dl>{checks(quality, plain)}{under}", key)
