"""Every shipped weight: what it answers, its measured figures, its hash, its card."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_pages.shared.model_card import card
from app_pages.shared.section import section
from app_pages.shared.view import view
from app_pages.shared.wording import text
from engine import weights
from engine.registry import TASKS


def show() -> None:
    st.title("Models", anchor=False)
    st.caption("What answers, how well it did on data that it was never trained on, and how to make it again.")
    shipped = weights.manifest()
    if not shipped:
        st.error("No weights are installed; install the app again.")
        return
    for weight in shipped.values():
        task = TASKS.get(weight.task)
        section(weight.title, f"{weight.name} · answers: {task.title if task else weight.task}")
        view(_facts(weight) + figures(weight.metrics), f"weight-{weight.name}")
        with st.expander("Model card"):
            card(weight)


def figures(metrics: dict[str, Any]) -> str:
    """HTML table of the measured figures with n and 95 % interval."""
    rows = "".join(
        _figure(name, entry) for name, entry in metrics.items() if isinstance(entry, dict) and "value" in entry
    )
    if not rows:
        return "<p class='quiet'>The manifest states no figures; see the card.</p>"
    return (
        "<div class='scroll' tabindex='0' role='group' aria-label='Measured figures'><table><thead><tr>"
        "<th scope='col'>Figure</th><th scope='col' class='num'>Value</th>"
        "<th scope='col' class='num'>95 % interval</th><th scope='col' class='num'>n</th>"
        f"<th scope='col'>Measured on</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _figure(name: str, entry: dict[str, Any]) -> str:
    low, high = entry.get("low"), entry.get("high")
    interval = f"{_told(low)} to {_told(high)}" if low is not None and high is not None else ""
    return (
        f"<tr><td>{text(name.replace('_', ' '))}</td><td class='num'><strong>{_told(entry['value'])}</strong></td>"
        f"<td class='num'>{interval}</td><td class='num'>{text(entry.get('n') or '')}</td>"
        f"<td>{text(entry.get('on') or '')}</td></tr>"
    )


def _told(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, (int, float)) else text(value)


def _facts(weight: weights.Weight) -> str:
    rows = (
        ("File", weight.file),
        ("SHA-256", weight.sha256),
        ("Licence", weight.licence),
        ("Made by", weight.training_command),
    )
    return "<dl class='facts'>" + "".join(f"<dt>{k}</dt><dd class='long'>{text(v)}</dd>" for k, v in rows) + "</dl>"
