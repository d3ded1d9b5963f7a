"""The answer in one line, all classes as bars, or the refusal."""

from __future__ import annotations

from app_pages.shared.view import view
from app_pages.shared.wording import listed, percent, text
from engine.finding import Finding, Label, Refusal


def answer(finding: Finding, key: str) -> None:
    """The headline: which classes are positive and how sure, or that none is."""
    line, explained = headline(finding.labels)
    view(f"<div class='answer'><p class='line'>{line}</p><p class='quiet'>{explained}</p></div>", key)


def refusal(refusal: Refusal, key: str) -> None:
    """Why there is no answer and what to do; no number anywhere."""
    reason, remedy = _parts(refusal.message)
    view(
        f"<div class='answer refused' role='status'><p class='line'>Not read</p><p>{text(reason)}</p>"
        f"<p><strong>What to do:</strong> {text(remedy)}</p>"
        "<p class='quiet small'>Nothing is measured or classified on a study that is not read.</p></div>",
        key,
    )


def headline(labels: tuple[Label, ...]) -> tuple[str, str]:
    """HTML of the answer's line and of the sentence under it."""
    sure = sorted((label for label in labels if label.positive), key=lambda label: -label.probability)
    unsure = [label for label in labels if label.uncertain and not label.positive]
    told = listed([f"{text(label.name)} <span class='share'>{percent(label.probability)}</span>" for label in sure])
    notes = []
    if unsure:
        named = listed([f"{text(label.name)} ({percent(label.probability)})" for label in unsure])
        notes.append(f"Too close to call: {named}.")
    if any(not label.validated for label in sure):
        named = listed([text(label.name) for label in sure if not label.validated])
        notes.append(f"Not validated: too few test cases of {named}.")
    notes.append("Probabilities are calibrated; a class is reported from its own threshold on.")
    if sure:
        return told, " ".join(notes)
    if unsure:
        return "No class is certain", " ".join(notes)
    return "None of the classes reaches its threshold", " ".join(notes)


def bars(labels: tuple[Label, ...], chosen: str | None, key: str) -> str | None:
    """All classes as bars with their thresholds; returns the code that the reader chose, None before.

    chosen: the class whose reasons are shown; None where the reasons are the same for all.
    """
    choice = "" if chosen is None else " Choose a class to see why."
    rows = "".join(_bar(label, label.code == chosen) for label in labels)
    return view(
        f"<div class='bars' role='group' aria-label='Probability of each class'>{rows}</div>"
        f"<p class='quiet small'>The upright line is the class’s threshold.{choice}</p>",
        key,
    )


def state(label: Label) -> str:
    """A class's outcome in words."""
    if label.positive:
        outcome = "✓ found"
    elif label.uncertain:
        outcome = "? too close to call"
    else:
        outcome = "not found"
    return outcome if label.validated else f"{outcome}, not validated"


def _bar(label: Label, chosen: bool) -> str:
    kind = "yes" if label.positive else "maybe" if label.uncertain else "no"
    spoken = f"{label.name}: {percent(label.probability)}, threshold {percent(label.threshold)}, {state(label)}"
    return (
        f"<button class='bar {kind}' data-choose='{text(label.code)}' aria-pressed='{str(chosen).lower()}'"
        f" aria-label='{text(spoken)}'>"
        f"<span class='what'>{text(label.name)}</span>"
        f"<span class='track'><span class='fill' style='width:{label.probability * 100:.1f}%'></span>"
        f"<span class='tick' style='left:{label.threshold * 100:.1f}%'></span></span>"
        f"<span class='share'>{percent(label.probability)}</span>"
        f"<span class='state {'plain' if label.validated else ''}'>{text(state(label))}</span></button>"
    )


def _parts(message: str) -> tuple[str, str]:
    """The reason and the remedy of a refusal's message, which a semicolon or a full stop divides."""
    reason, _, remedy = (message if "; " in message else message.replace(". ", "; ", 1)).partition("; ")
    remedy = remedy or "choose another picture or file."
    return f"{reason.rstrip('.')}.", remedy[:1].upper() + remedy[1:]
