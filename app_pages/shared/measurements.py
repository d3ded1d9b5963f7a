"""The measurements with units and reference ranges; choosing one tells the page which place to show."""

from __future__ import annotations

from app_pages.shared.view import view
from app_pages.shared.wording import number, reference, text, unit_name
from engine.finding import Measurement
from engine.wording import against_range, place


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


def _row(k: int, row: Measurement, chosen: bool) -> str:
    against = against_range(row)
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
