"""The measurements with units and reference ranges; choosing one tells the page which place to show."""

from __future__ import annotations

from app_pages.shared.view import view
from app_pages.shared.wording import number, reference, text, unit_name
from engine.finding import Measurement


def measurements(rows: tuple[Measurement, ...], chosen: int | None, key: str) -> int | None:
    """The table; returns the number of the row that the reader chose, None before."""
    body = "".join(_row(k, row, k == chosen) for k, row in enumerate(rows))
    picked = view(
        "<table class='folds'><thead><tr><th scope='col'>Measurement</th><th scope='col' class='num'>Value</th>"
        "<th scope='col'>Reference range</th><th scope='col'>Against the range</th><th scope='col'>Read at</th></tr></thead>"
        f"<tbody>{body}</tbody></table>",
        key,
    )
    return int(picked) if picked is not None and int(picked) < len(rows) else None


def verdict_on(row: Measurement) -> str:
    """In words and with a sign: within, above or below its range."""
    if row.in_range is None:
        return ""
    if row.in_range:
        return "✓ within"
    return "▲ above" if row.high is not None and row.value > row.high else "▼ below"


def place(row: Measurement) -> str:
    """Where it was read, e.g. `lead II, beat 3`."""
    names = {"lead": "lead", "beat": "beat", "frame": "frame", "slice": "slice"}
    parts = [
        f"{names[k]} {', '.join(v) if isinstance(v, (list, tuple)) else v}" for k, v in row.where.items() if k in names
    ]
    return ", ".join(parts)


def _row(k: int, row: Measurement, chosen: bool) -> str:
    against = verdict_on(row)
    tone = "good" if row.in_range else "bad"
    source = f"<span class='source'>{text(row.source)}</span>" if row.source else ""
    range_ = reference(row.low, row.high, row.unit)
    return (
        f"<tr data-choose='{k}' class='{'chosen' if chosen else ''}'>"
        f"<td><button data-choose='{k}' aria-pressed='{str(chosen).lower()}'>{text(row.name)}</button></td>"
        f"<td class='num'><strong>{number(row.value, row.unit)}</strong> {text(unit_name(row.unit))}</td>"
        f"<td class='wide'>{f'{range_} {text(unit_name(row.unit))}' if range_ else ''}{source if range_ else ''}</td>"
        f"<td class='tag {tone}'>{against}</td><td class='tag'>{text(place(row))}</td></tr>"
    )
