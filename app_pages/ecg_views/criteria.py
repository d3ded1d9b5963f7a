"""The textbook criteria beside the network, and whether the two agree."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app_pages.shared.answer import state
from app_pages.shared.view import view
from app_pages.shared.wording import listed, percent, text, with_unit
from engine.ecg.criteria import Criterion, verdict
from engine.finding import Finding, Label

SIGNS = {True: ("good", "✓", "met"), False: ("bad", "✗", "not met"), None: ("quiet", "–", "not measurable")}
VERDICT_SIGNS = {"met": "✓ met", "not met": "✗ not met", "not measurable": "– not measurable"}


def criteria(finding: Finding, checked: Sequence[Criterion], chosen: str, key: str) -> None:
    """The chosen class's criteria with their numbers, and all nine side by side in a fold."""
    label = next(label for label in finding.labels if label.code == chosen)
    said = verdict(chosen, checked)
    if chosen in finding.details.get("disagreements", ()):
        st.warning(
            f"Network and textbook disagree on {label.name}: the network says {state(label).lstrip('✓? ')} "
            f"({percent(label.probability)}), the criteria are {said}. Look at this one yourself.",
            icon=":material/balance:",
        )
    own = "".join(_row(c) for c in checked if c.class_code == chosen)
    view(
        f"<h3>Textbook criteria of {text(label.name)}: {text(VERDICT_SIGNS[said])}</h3><table class='folds'>"
        "<thead><tr><th scope='col'>Criterion</th><th scope='col'>Here</th><th scope='col' class='num'>Measured</th>"
        f"<th scope='col'>Leads</th></tr></thead><tbody>{own}</tbody></table>",
        f"{key}-own",
    )
    with st.expander("Network and textbook, all nine classes"):
        rows = "".join(_side_by_side(item, verdict(item.code, checked), finding) for item in finding.labels)
        view(
            "<table class='folds'><thead><tr><th scope='col'>Class</th><th scope='col'>Network</th><th scope='col'>Criteria</th>"
            f"<th scope='col'>Agreement</th></tr></thead><tbody>{rows}</tbody></table>",
            f"{key}-all",
        )


def _row(criterion: Criterion) -> str:
    tone, sign, word = SIGNS[criterion.met]
    measured = "" if criterion.value is None else with_unit(criterion.value, criterion.unit)
    source = f"<span class='source'>{text(criterion.source)}</span>" if criterion.source else ""
    return (
        f"<tr><td>{text(criterion.text)}{source}</td><td class='tag {tone}'>{sign} {word}</td>"
        f"<td class='num'>{text(measured)}</td><td>{text(listed(criterion.leads))}</td></tr>"
    )


def _side_by_side(label: Label, said: str, finding: Finding) -> str:
    agree = "<span class='warn'>≠ disagree</span>" if label.code in finding.details.get("disagreements", ()) else ""
    return (
        f"<tr><td>{text(label.name)}</td><td class='tag'>{text(state(label))} · {percent(label.probability)}</td>"
        f"<td class='tag'>{VERDICT_SIGNS[said]}</td><td class='tag'>{agree}</td></tr>"
    )
