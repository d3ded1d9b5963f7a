"""Why the recording was said to hold sparks: the network's attention over the frames, and its check."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app_pages.shared.curves import deletion_curve, sentence
from app_pages.shared.desk import Result, explanation
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine.sparks.evidence import SparksEvidence

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 190, 46, 150, 10


def why(found: Result) -> None:
    evidence: SparksEvidence = found.analysis.evidence
    view(attention_curve(evidence), f"attention-{found.key}")
    st.caption(
        "Filled: how much of its attention the network gives to a frame. Line: its probability that the frame holds a spark. "
        "Ticks below: peaks of the sparks that were found."
    )
    explained = explanation(found)
    if explained is not None:
        st.subheader("Can this explanation be trusted?", anchor=False)
        for check in explained.faithfulness:
            (st.success if check.passed else st.warning)(sentence(check))
            view(deletion_curve(check, "frames"), f"curve-{found.key}")


def attention_curve(evidence: SparksEvidence) -> str:
    """SVG over the frames: attention (filled, relative to its highest), probability (line), peaks of sparks (ticks)."""
    frames = len(evidence.attention)
    step = max(1, -(-frames // 600))
    starts = np.arange(0, frames, step)
    attention = np.maximum.reduceat(evidence.attention, starts) / max(float(evidence.attention.max()), 1e-12)
    probability = np.maximum.reduceat(evidence.frame_probability, starts)
    x = LEFT + starts / max(frames - 1, 1) * (WIDTH - LEFT - 10)

    def y(share: np.ndarray) -> np.ndarray:
        return BOTTOM - share * (BOTTOM - TOP)

    def path(values: np.ndarray) -> str:
        return "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y(values), strict=True))

    peaks = "".join(
        f"<path d='M{LEFT + s.t_peak / max(frames - 1, 1) * (WIDTH - LEFT - 10):.1f} {BOTTOM + 3}v7' "
        "stroke='#d55e00' stroke-width='2'/>"
        for s in evidence.sparks
    )
    levels = "".join(
        f"<path class='axis' d='M{LEFT} {y(np.array(v)):.0f}H{WIDTH - 10}'/>"
        f"<text x='{LEFT - 6}' y='{float(y(np.array(v))) + 4:.0f}' text-anchor='end'>{v * 100:.0f} %</text>"
        for v in (0.0, 0.5, 1.0)
    )
    most = int(evidence.attention.argmax())
    label = f"Attention and probability over {frames} frames; most attention at frame {most}"
    return (
        f"<svg class='curve' style='max-width:none' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{text(label)}'>"
        f"{levels}<path d='M{x[0]:.1f} {BOTTOM}L{path(attention)}L{x[-1]:.1f} {BOTTOM}Z' fill='#56b4e9' opacity='0.45'/>"
        f"<path class='first' d='M{path(probability)}'/>{peaks}"
        f"<text x='{LEFT}' y='{HEIGHT - 12}'>0</text><text x='{WIDTH - 10}' y='{HEIGHT - 12}' text-anchor='end'>"
        f"frame {frames - 1}</text></svg>"
    )
