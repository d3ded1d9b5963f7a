"""The measured numbers that say most about a class: the half of the answer that is a sum, in words and with each share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app_pages.shared.view import view
from app_pages.shared.wording import text, with_unit
from engine.finding import Label

NAMES = {  # name in engine.ecg.measured.FEATURES -> what a reader calls it, its unit
    "heart_rate": ("Heart rate", "/min"),
    "rr_cv": ("RR variability", "%"),
    "rr_spread": ("Spread of the RR intervals, as a share of their mean", "1"),
    "rr_step": ("Change from one RR interval to the next, as a share of the usual one", "1"),
    "rr_quartiles": ("Spread of the middle half of the RR intervals, as a share of the usual one", "1"),
    "earliest": ("Earliest beat: its RR interval as a share of the expected one", "1"),
    "second_earliest": ("Second earliest beat: its RR interval as a share of the expected one", "1"),
    "latest": ("Latest beat: its RR interval as a share of the expected one", "1"),
    "earliest_usual_shape": ("Earliest beat of the usual shape: its RR interval as a share of the expected one", "1"),
    "beats": ("Beats seen", "{beats}"),
    "other_shapes": ("Beats of another shape", "{beats}"),
    "supraventricular": ("Early beats of the usual shape", "{beats}"),
    "ventricular": ("Early broad beats of another shape", "{beats}"),
    "widest_other_shape": ("QRS of the broadest beat of another shape", "ms"),
    "p_share": ("Share of beats with a P wave", "1"),
    "pr": ("PR interval", "ms"),
    "pr_spread": ("Spread of the PR interval", "ms"),
    "p_peak": ("From the peak of P to QRS", "ms"),
    "p_width": ("P wave’s duration", "ms"),
    "p_height": ("Height of the P wave, tallest lead", "mV"),
    "p_height_II": ("Height of the P wave in II", "mV"),
    "qrs": ("QRS duration", "ms"),
    "qt": ("QT interval", "ms"),
    "qtc": ("QTc (Bazett)", "ms"),
    "qt_before_p": ("From the end of T to the next P", "ms"),
    "axis": ("QRS axis", "deg"),
    "st_raised_j": ("J point over the limit of ST elevation, two neighbouring leads", "mV"),
    "st_raised_late": ("ST at 60 ms over the limit of ST elevation, two neighbouring leads", "mV"),
    "st_lowered": ("Lowest ST level of two neighbouring leads, J + 60 ms", "mV"),
    "st_lowered_late": ("Lowest ST level of two neighbouring leads, J + 80 ms", "mV"),
    "st_lowered_leads": ("Leads with lowered ST", "1"),
}
IN_LEADS = {  # the part before the lead's name
    "st_0": ("ST level in {lead}, J point", "mV"),
    "st_60": ("ST level in {lead}, J + 60 ms", "mV"),
    "st_80": ("ST level in {lead}, J + 80 ms", "mV"),
    "t": ("Height of T in {lead}", "mV"),
    "r": ("Height of R in {lead}", "mV"),
    "s": ("Depth of S or Q in {lead}", "mV"),
    "r_peak": ("From the start of QRS to the peak of R in {lead}", "ms"),
    "half_width": ("Width of the main wave at half its height in {lead}", "ms"),
}
SIGNS_IN_LEADS = {  # of these the value is yes or no
    "late_r": "A second or late R wave in {lead}",
    "wide_s": "A wide S wave in {lead}",
    "q": "A Q wave in {lead}",
}


def numbers(said: Sequence[tuple[str, float, float]], label: Label, key: str) -> None:
    """A small table. said: (name in FEATURES, value or NaN, share in the class's logit), the largest share first."""
    if not said:
        return
    most = max(abs(share) for _, _, share in said)
    rows = "".join(_row(name, value, share, most) for name, value, share in said)
    view(
        f"<h3>Measured numbers that say most about {text(label.name)}</h3><table class='folds'><thead><tr>"
        "<th scope='col'>Number</th><th scope='col' class='num'>Here</th><th scope='col'>Speaks</th>"
        f"<th scope='col' class='num'>Weight</th></tr></thead><tbody>{rows}</tbody></table>"
        "<p class='small quiet'>The answer is the network’s view of the curves and these numbers together. "
        "Weight: what the number adds to the class’s log odds, before calibration.</p>",
        key,
    )


def named(name: str, value: float) -> tuple[str, str]:
    """A number's name and its value, as a reader says them; a name that has no words here is told as it is."""
    if name in NAMES:
        words, unit = NAMES[name]
        return words, _valued(value, unit)
    what, _, lead = name.rpartition("_")
    if what in SIGNS_IN_LEADS:
        seen = "not measurable" if math.isnan(value) else "yes" if value else "no"
        return SIGNS_IN_LEADS[what].format(lead=lead), seen
    words, unit = IN_LEADS.get(what, (name, "1"))
    return words.format(lead=lead), _valued(value, unit)


def _valued(value: float, unit: str) -> str:
    if math.isnan(value):
        return "not measurable"
    return f"{value:.0f}" if unit == "1" and value > 1 and value.is_integer() else with_unit(value, unit)


def _row(name: str, value: float, share: float, most: float) -> str:
    words, here = named(name, value)
    strength = "strongly " if abs(share) >= most / 2 else ""
    speaks = f"▲ {strength}for it" if share > 0 else f"▼ {strength}against it"
    return (
        f"<tr><td>{text(words)}</td><td class='num'>{text(here)}</td><td class='tag'>{speaks}</td>"
        f"<td class='num'>{f'{share:+.2f}'.replace('-', '−')}</td></tr>"
    )
