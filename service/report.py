"""A finding as a PDF of one or two pages: the answer, measurements with ranges, quality, and what answered."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources

from fpdf import FPDF, FontFace
from fpdf.enums import Align, TableBordersLayout, TableCellFillMode

from engine import NOTICE
from engine.finding import Finding, Label, Measurement, Quality
from engine.registry import task
from engine.wording import against_range, number, percent, place, reference, unit_name, with_unit

MARGIN_MM = 15.0
TALLEST_PICTURE_MM = 110.0  # a taller one is drawn narrower, so that the answer's page holds it
SERIES = ("spark", "lead", "beat")  # places that a measurement is repeated at
LEAST_SERIES = 4  # places from which on repeated measurements have a table of their own
INK, PALE, STRIPE = (20, 35, 46), (90, 105, 116), (239, 244, 247)
FONT = "DejaVu"  # covers the signs that the standard PDF fonts lack; matplotlib's wheel carries it


@dataclass(frozen=True)
class Picture:
    """A picture for the report: PNG, JPEG or SVG bytes, and a sentence below it."""

    data: bytes = field(repr=False)
    caption: str


def report(finding: Finding, pictures: Sequence[Picture] = ()) -> bytes:
    """The PDF, made in memory. A refused finding has its reason, its quality and provenance, and no number."""
    page = _Page()
    _title(page, finding)
    if finding.refusal:
        page.paragraph(finding.refusal.message)
    else:
        _answer(page, finding.labels)
        for picture in pictures:
            page.picture(picture)
        _measurements(page, finding.measurements)
    _quality(page, finding.quality)
    _verdict(page, finding)
    _provenance(page, finding)
    return bytes(page.output())


class _Page(FPDF):
    """A4 paper with the notice above and the page's number below."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        fonts = resources.files("matplotlib") / "mpl-data" / "fonts" / "ttf"
        with resources.as_file(fonts) as folder:
            self.add_font(FONT, "", folder / "DejaVuSans.ttf")
            self.add_font(FONT, "B", folder / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(True, MARGIN_MM + 5)
        self.set_lang("en")
        self.set_creator("Cardiac second opinion")
        self.alias_nb_pages()
        self.add_page()

    def header(self) -> None:
        self.set_font(FONT, "B", 8)
        self.set_text_color(*INK)
        self.set_draw_color(*PALE)
        self.multi_cell(0, 6, NOTICE, border=1, align="C", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, "", 7)
        self.set_text_color(*PALE)
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="C")

    def heading(self, words: str) -> None:
        if self.will_page_break(25):
            self.add_page()
        self.ln(3)
        self.set_font(FONT, "B", 11)
        self.set_text_color(*INK)
        self.multi_cell(0, 6, words, new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def paragraph(self, words: str, size: float = 9, pale: bool = False) -> None:
        self.set_font(FONT, "", size)
        self.set_text_color(*(PALE if pale else INK))
        self.multi_cell(0, size * 0.5, words, new_x="LMARGIN", new_y="NEXT")

    def rows(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        """A table; the first column is text, the others stand to the right."""
        self.set_font(FONT, "", 8)
        self.set_text_color(*INK)
        with self.table(
            col_widths=tuple(widths),
            text_align=("LEFT", *("RIGHT" for _ in head[1:])),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            cell_fill_color=STRIPE,
            cell_fill_mode=TableCellFillMode.EVEN_ROWS,
            headings_style=FontFace(emphasis="BOLD"),
            line_height=4.5,
        ) as table:
            for cells in (head, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(cell)

    def picture(self, picture: Picture) -> None:
        self.ln(3)
        _, _, natural = self.preload_image(io.BytesIO(picture.data))
        width = min(self.epw, TALLEST_PICTURE_MM * natural.width / natural.height)
        self.image(io.BytesIO(picture.data), w=width, x=Align.C, alt_text=picture.caption)
        self.paragraph(picture.caption, 7, pale=True)


def _title(page: _Page, finding: Finding) -> None:
    asked = task(finding.task)
    page.set_title(f"{asked.title}: {finding.status}")
    page.set_font(FONT, "B", 16)
    page.multi_cell(0, 8, asked.title, new_x="LMARGIN", new_y="NEXT")
    page.paragraph(asked.question, pale=True)
    page.heading("Refused: no answer is given" if finding.refusal else "Answer")


def _answer(page: _Page, labels: Sequence[Label]) -> None:
    present = [label for label in labels if label.positive]
    words = ", ".join(f"{label.name} ({percent(label.probability)})" for label in present) or "None of the classes"
    page.set_font(FONT, "B", 10)
    page.multi_cell(0, 5.5, words, new_x="LMARGIN", new_y="NEXT")
    page.ln(1)
    rows = [(label.name, percent(label.probability), percent(label.threshold), _reading(label)) for label in labels]
    page.rows(("Class", "Probability", "Threshold", "Reading"), rows, (40, 15, 15, 30))


def _reading(label: Label) -> str:
    words = "uncertain" if label.uncertain else "present" if label.positive else "not seen"
    return words if label.validated else f"{words}, not validated"


def _measurements(page: _Page, measurements: Sequence[Measurement]) -> None:
    if not measurements:
        return
    page.heading("Measurements")
    series = _series(measurements)
    repeated = {id(m) for row in series.values() for m in row.values()}
    single = [m for m in measurements if id(m) not in repeated]
    if single:
        rows = [(_named(m), with_unit(m.value, m.unit), _range(m), against_range(m)) for m in single]
        page.rows(("Measurement", "Value", "Reference range", ""), rows, (46, 18, 22, 14))
    for kind in SERIES:
        of_kind = {name: row for (at, name), row in series.items() if at == kind}
        if of_kind:
            page.ln(2)
            _series_table(page, kind, of_kind)
    sources = sorted({m.source for m in measurements if m.source})
    if sources:
        page.ln(1)
        page.paragraph(f"Reference ranges: {'; '.join(sources)}.", 7, pale=True)


def _series(measurements: Sequence[Measurement]) -> dict[tuple[str, str], dict[str, Measurement]]:
    """Measurements repeated at many places, e.g. the ST level of every lead: (kind of place, name) -> place -> measurement."""
    found: dict[tuple[str, str], dict[str, Measurement]] = {}
    for m in measurements:
        kind = next((kind for kind in SERIES if isinstance(m.where.get(kind), (str, int))), None)
        if kind is not None:
            at = str(m.where[kind])
            found.setdefault((kind, m.name.replace(f" in {at}", "")), {})[at] = m
    long = {kind for (kind, _), row in found.items() if len(row) >= LEAST_SERIES}
    return {key: row for key, row in found.items() if key[0] in long and len(row) > 1}


def _series_table(page: _Page, kind: str, series: dict[str, dict[str, Measurement]]) -> None:
    """A row per place and a column per measurement; one measurement alone lies along a row."""
    places = list(dict.fromkeys(at for row in series.values() for at in row))
    names = [f"{name}, {unit}" if (unit := unit_name(_unit(row))) else name for name, row in series.items()]
    cells = [[number(row[at].value, row[at].unit) if at in row else "" for at in places] for row in series.values()]
    if len(names) == 1 and len(places) <= 12:
        if page.will_page_break(15):  # the name stays with its numbers
            page.add_page()
        page.paragraph(names[0])
        page.rows(places, cells, [1] * len(places))
    else:
        rows = [(at, *column) for at, column in zip(places, zip(*cells, strict=True), strict=True)]
        page.rows((kind.capitalize(), *names), rows, [2] + [3] * len(names))


def _unit(row: dict[str, Measurement]) -> str:
    return next(iter(row.values())).unit


def _named(measurement: Measurement) -> str:
    where = place(measurement)
    return f"{measurement.name} ({where})" if where and where not in measurement.name else measurement.name


def _range(measurement: Measurement) -> str:
    return reference(measurement.low, measurement.high, measurement.unit) or "–"


def _quality(page: _Page, checks: Sequence[Quality]) -> None:
    if not checks:
        return
    page.heading("Quality of the input and of its reading")
    rows = [
        (c.name or c.code, f"{c.value:.3g} {unit_name(c.unit)}".strip(), "good" if c.acceptable else "poor")
        for c in checks
    ]
    page.rows(("Check", "Value", ""), rows, (60, 20, 20))


def _verdict(page: _Page, finding: Finding) -> None:
    said = finding.verdict
    if said is None:
        return
    page.heading("The clinician's own reading")
    corrected = ", ".join(f"{code} {value:g}" for code, value in said.measurements.items())
    parts = (said.agreement, ", ".join(said.labels), corrected, said.comment)
    page.paragraph("; ".join(part for part in parts if part))


def _provenance(page: _Page, finding: Finding) -> None:
    made = finding.provenance
    page.heading("What answered")
    lines = [
        f"Input SHA-256 {made.input_sha256}",
        f"Software {made.software} on {made.device}, {made.seconds:.1f} s",
        *(f"Weight {weight.name}, SHA-256 {weight.sha256}" for weight in made.weights),
    ]
    for line in lines:
        page.paragraph(line, 7)
