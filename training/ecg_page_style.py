"""What an ECG page can look like: layout, grid, ink, texts and camera, stated or drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

Colour = tuple[int, int, int]  # R, G, B, 0..255

COLUMNS = ("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6")
CABRERA_COLUMNS = ("aVL", "I", "-aVR"), ("II", "aVF", "III"), ("V1", "V2", "V3"), ("V4", "V5", "V6")
GRIDS = ("lines", "dots", "dotted", "major", "minor", "none")
LABEL_PLACES = ("above", "left", "below", "over", "under")  # under: below the baseline, whatever runs there
SEPARATORS = ("none", "tick", "split tick", "line", "dashed line")
PULSES = ("none", "left", "right", "first")


@dataclass(frozen=True)
class GridStyle:
    """The printed paper. Widths in mm. `area`: whole page, or only the box around the traces."""

    kind: str = "lines"  # one of GRIDS
    paper: Colour = (255, 250, 248)
    minor: Colour = (250, 205, 200)
    major: Colour = (240, 150, 145)
    minor_mm: float = 0.1
    major_mm: float = 0.2
    area: str = "page"  # page | box
    border: bool = False  # a line around the box


@dataclass(frozen=True)
class TextItem:
    """Text at its upper left corner, in mm of the page. kind: lead | speed | gain | other."""

    text: str
    x_mm: float
    y_mm: float
    size_mm: float
    kind: str = "other"


@dataclass(frozen=True)
class CameraStyle:
    """How the paper was photographed. Lengths in mm of the page unless the name says px.

    size_px: (width, height). px_per_mm: at the page's centre. centre: where the page's centre falls, as a share of the picture.
    tilt: share by which opposite page edges differ in length, across and down. bend_mm, crumple_mm: size of the displacement
    of the paper within its plane, smooth and by crumpling. crumple, creases, shadow, gradient: 0..1 strength of the shading.
    cast: factor on R, G, B. contrast, brightness, gamma: of the camera. blur_px, motion_px: of lens and hand. noise: in grey
    levels. jpeg: quality, 0 for none. mono: "", "grey" or "binary" (black and white scanner).
    """

    size_px: tuple[int, int]
    px_per_mm: float
    centre: tuple[float, float] = (0.5, 0.5)
    rotation_deg: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    bend_mm: float = 0.0
    crumple_mm: float = 0.0
    crumple: float = 0.0
    creases: int = 0
    shadow: float = 0.0
    gradient: float = 0.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    brightness: float = 1.0
    gamma: float = 1.0
    background: Colour = (90, 80, 70)
    black_border_mm: float = 0.0
    blur_px: float = 0.0
    motion_px: float = 0.0
    noise: float = 0.0
    jpeg: int = 0
    sharpen: float = 0.0
    mono: str = ""


@dataclass(frozen=True)
class PageStyle:
    """One page. Lengths in mm of the paper; line_px and every drawn width scale with px_per_mm.

    layout: "3x4", "6x2", "12x1" or "6x1" (limb leads of one of two pages, or chest leads), with the rhythm strips apart.
    seconds: of all columns together; at most what the signal has.
    px_per_mm: of the flat page, also the picture's if camera is None.
    """

    layout: str = "3x4"
    rhythm: tuple[str, ...] = ("II",)
    cabrera: bool = False
    chest_page: bool = False  # of layout 6x1
    speed_mm_s: float = 25.0
    gain_mm_mv: float = 10.0
    seconds: float = 10.0
    row_mm: float = 25.0
    margin_mm: tuple[float, float, float, float] = (6.0, 12.0, 6.0, 12.0)  # left, top, right, bottom
    column_gap_mm: float = 0.0
    joined: bool = False  # a stroke joins the end of a column with the start of the next
    grid: GridStyle = field(default_factory=GridStyle)
    ink: Colour = (20, 20, 25)
    trace_mm: float = 0.3
    smooth_lines: bool = True  # anti-aliased
    label_place: str = "above"
    label_mm: float = 3.0  # height of the letters
    label_shift_mm: tuple[float, float] = (0.0, 0.0)  # away from the usual place, right and up
    label_ink: Colour = (20, 20, 25)
    label_capitals: bool = False  # AVR for aVR
    label_spaced: bool = False  # I I for II, V 1 for V1: a typewriter's spacing
    font: int = 0  # of ecg_page_paper.fonts()
    separator: str = "none"
    separator_mm: float = 8.0  # height of a tick
    separator_width: float = 1.3  # of a tick, in widths of the trace
    pulse: str = "left"
    pulse_mm: float = 5.0
    texts: tuple[TextItem, ...] = (TextItem("25mm/s", 30, -8, 3.0, "speed"), TextItem("10mm/mV", 60, -8, 3.0, "gain"))
    rules_mm: tuple[
        tuple[float, float, float, float, float], ...
    ] = ()  # x0, y0, x1, y1, width: lines and boxes of forms
    blots: int = 0  # grey smears over the header: text made unreadable
    scribbles: int = 0  # pen strokes by hand
    blank: bool = False  # paper and print, but no trace, no lead name and no pulse
    px_per_mm: float = 8.0
    camera: CameraStyle | None = None

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Lead names per printed row, rhythm strips last; "-aVR" is aVR drawn upside down."""
        columns = CABRERA_COLUMNS if self.cabrera else COLUMNS
        limb, chest = columns[0] + columns[1], columns[2] + columns[3]
        grids = {
            "3x4": tuple(zip(*columns, strict=True)),
            "6x2": tuple(zip(limb, chest, strict=True)),
            "12x1": tuple((lead,) for lead in limb + chest),
            "6x1": tuple((lead,) for lead in (chest if self.chest_page else limb)),
        }
        if self.layout not in grids:
            raise ValueError(f"Layouts are {', '.join(grids)}; asked for {self.layout!r}.")
        return grids[self.layout] + tuple((lead,) for lead in self.rhythm)

    @property
    def left_mm(self) -> float:
        """Where the traces start."""
        return self.margin_mm[0] + (self.pulse_mm + 4.0 if self.pulse in ("left", "first") else 0.0)

    @property
    def traces_mm(self) -> float:
        """Width of a full row of traces, gaps included."""
        columns = len(self.rows()[0])
        return self.seconds * self.speed_mm_s + (columns - 1) * self.column_gap_mm

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the paper."""
        right = self.margin_mm[2] + (self.pulse_mm + 4.0 if self.pulse == "right" else 0.0)
        height = self.margin_mm[1] + len(self.rows()) * self.row_mm + self.margin_mm[3]
        return self.left_mm + self.traces_mm + right, height


def plain_style(layout: str = "3x4", rhythm: tuple[str, ...] = ("II",), px_per_mm: float = 8.0) -> PageStyle:
    """A clean pink page at 25 mm/s and 10 mm/mV, without a camera."""
    row_mm = 17.0 if layout == "12x1" else 25.0
    return PageStyle(layout=layout, rhythm=rhythm, row_mm=row_mm, px_per_mm=px_per_mm)


def phone_style(page: PageStyle, rng: np.random.Generator) -> PageStyle:
    """The page as a fair phone photo shows it: turned by some degrees, bent, unevenly lit, a little blurred."""
    width, height = page.size_mm
    camera = CameraStyle(
        size_px=(1600, round(1600 * (height * 1.12) / (width * 1.08))),
        px_per_mm=1600 / (width * 1.08),
        rotation_deg=float(rng.uniform(-3, 3)),
        tilt=(float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.04, 0.04))),
        bend_mm=1.0,
        crumple=0.15,
        crumple_mm=0.1,
        shadow=0.3,
        gradient=0.3,
        cast=(0.95, 0.92, 0.86),
        blur_px=0.6,
        noise=3.0,
        jpeg=88,
    )
    return replace(page, camera=camera, px_per_mm=camera.px_per_mm * 1.15)


# --- at random -------------------------------------------------------------------------------------------------------


def random_style(rng: np.random.Generator, seconds: float = 10.0, longest_px: int = 1800) -> PageStyle:
    """A page and camera at random. seconds: length of the signal to be printed; longest_px: bound on the picture's sides."""
    page = _random_layout(rng, seconds)
    page = _random_ink(rng, page)
    page = replace(page, texts=_random_texts(rng, page), rules_mm=_random_rules(rng, page))
    width, height = page.size_mm
    kind = rng.choice(["photo", "scan", "screen"], p=[0.62, 0.2, 0.18])
    fit = min(longest_px / max(width, height), 10.0)
    if kind == "screen":
        return replace(
            page,
            px_per_mm=float(min(fit, np.exp(rng.uniform(np.log(2.6), np.log(9.5))))),
            smooth_lines=rng.random() < 0.8,
        )
    camera = _random_photo(rng, page, longest_px) if kind == "photo" else _random_scan(rng, page, longest_px)
    oversampling = float(rng.choice([rng.uniform(0.95, 1.25), rng.uniform(1.25, 1.8)], p=[0.8, 0.2]))
    return replace(page, camera=camera, px_per_mm=float(min(camera.px_per_mm * oversampling, 12.0)))


def _random_layout(rng: np.random.Generator, seconds: float) -> PageStyle:
    layout = str(rng.choice(["3x4", "6x2", "12x1", "6x1"], p=[0.66, 0.16, 0.12, 0.06]))
    strips = {
        "3x4": [0.2, 0.5, 0.12, 0.18],
        "6x2": [0.5, 0.4, 0.1, 0.0],
        "12x1": [0.9, 0.1, 0, 0],
        "6x1": [0.9, 0.1, 0, 0],
    }
    count = int(rng.choice(4, p=strips[layout]))
    rhythm = tuple(
        str(x)
        for x in rng.choice([["II", "V1", "V5"], ["V1", "II", "V5"], ["II", "V5", "V1"]], p=[0.7, 0.2, 0.1])[:count]
    )
    speed = float(rng.choice([25.0, 50.0], p=[0.88, 0.12]))
    rows = {"3x4": 3, "6x2": 6, "12x1": 12, "6x1": 6}[layout] + count
    gain = float(rng.choice([10.0, 5.0, 20.0], p=[0.84, 0.1, 0.06]))
    crowding = float(rng.choice([rng.uniform(0.85, 1.3), rng.uniform(0.5, 0.85)], p=[0.7, 0.3]))
    row_mm = crowding * {3: 30, 4: 28, 5: 25, 6: 22, 7: 20, 8: 18}.get(rows, 15)
    length = (
        seconds * (0.5 if speed == 50 and rng.random() < 0.8 else 1.0) * float(rng.choice([1.0, rng.uniform(0.7, 1.0)]))
    )
    top = float(rng.choice([rng.uniform(2, 12), rng.uniform(20, 75)], p=[0.55, 0.45]))
    bottom = float(rng.choice([rng.uniform(1, 15), rng.uniform(15, 40)], p=[0.75, 0.25]))
    return PageStyle(
        layout=layout,
        rhythm=rhythm,
        cabrera=rng.random() < 0.1,
        chest_page=rng.random() < 0.3,
        speed_mm_s=speed,
        gain_mm_mv=gain,
        seconds=round(length * 20) / 20,
        row_mm=row_mm,
        margin_mm=(float(rng.uniform(0.5, 16)), top, float(rng.uniform(0, 16)), bottom),
        column_gap_mm=float(rng.choice([0.0, rng.uniform(1, 6)], p=[0.8, 0.2])),
        joined=rng.random() < 0.35,
    )


def _random_ink(rng: np.random.Generator, page: PageStyle) -> PageStyle:
    dark = tuple(int(x) for x in rng.uniform(0, 70, 3))
    grey = (int(rng.uniform(0, 110)),) * 3
    blue = tuple(int(x) for x in (rng.uniform(10, 70), rng.uniform(10, 70), rng.uniform(70, 170)))
    red = tuple(int(x) for x in (rng.uniform(120, 200), rng.uniform(0, 50), rng.uniform(0, 60)))
    ink = _rgb(np.array((dark, grey, blue, red)[int(rng.choice(4, p=[0.35, 0.48, 0.14, 0.03]))]))
    fonts = 64
    return replace(
        page,
        grid=_random_grid(rng),
        ink=ink,
        trace_mm=float(np.exp(rng.uniform(np.log(0.12), np.log(0.6)))),
        label_place=str(rng.choice(LABEL_PLACES, p=[0.28, 0.1, 0.17, 0.17, 0.28])),
        label_mm=float(rng.uniform(1.7, 4.6)),
        label_shift_mm=(float(rng.uniform(-2, 5)), float(rng.uniform(-1, 4))) if rng.random() < 0.5 else (0.0, 0.0),
        label_ink=ink if rng.random() < 0.6 else _rgb(np.full(3, rng.uniform(0, 60))),
        label_capitals=rng.random() < 0.25,
        label_spaced=rng.random() < 0.1,
        font=int(rng.integers(fonts)),
        separator=str(rng.choice(SEPARATORS, p=[0.32, 0.36, 0.12, 0.12, 0.08])),
        separator_mm=float(rng.uniform(3, 11)),
        separator_width=float(rng.uniform(0.8, 3.5)),
        pulse=str(rng.choice(PULSES, p=[0.3, 0.45, 0.17, 0.08])),
        pulse_mm=float(rng.choice([5.0, 2.5, 10.0, rng.uniform(2, 6)], p=[0.65, 0.12, 0.05, 0.18])),
        blots=int(rng.integers(1, 8)) if rng.random() < 0.08 else 0,
        scribbles=int(rng.integers(1, 6)) if rng.random() < 0.12 else 0,
        blank=rng.random() < 0.03,
    )


def _random_grid(rng: np.random.Generator) -> GridStyle:
    kind = str(rng.choice(GRIDS, p=[0.66, 0.07, 0.07, 0.07, 0.06, 0.07]))
    hues = {
        "red": (1.0, 0.45, 0.45), "pink": (1.0, 0.55, 0.75), "orange": (1.0, 0.65, 0.35), "green": (0.4, 0.75, 0.45),
        "blue": (0.45, 0.6, 0.95), "grey": (0.6, 0.6, 0.6), "brown": (0.7, 0.5, 0.35),
        "black": (0.12, 0.12, 0.16), "any": tuple(rng.uniform(0.1, 1, 3)),
    }  # fmt: skip
    hue = np.array(hues[str(rng.choice(list(hues), p=[0.22, 0.14, 0.13, 0.08, 0.1, 0.16, 0.04, 0.07, 0.06]))])
    tone = rng.uniform(0.88, 1.0, 3) if rng.random() < 0.35 else np.full(3, rng.uniform(0.94, 1.0))
    tinted = rng.random() < 0.3
    paper = 255 * tone * (1 - 0.22 * rng.random() * (1 - hue) if tinted else 1)
    strength = float(rng.uniform(0.1, 1.0))
    minor_strength = strength * float(rng.uniform(0.3, 1.0))
    darkness = float(rng.uniform(0.6, 1.0))
    other_hue = np.array([rng.uniform(0.1, 0.9) for _ in range(3)]) if rng.random() < 0.1 else hue
    minor = paper + minor_strength * (255 * hue * darkness - paper)
    major = paper + strength * (255 * other_hue * darkness - paper)
    return GridStyle(
        kind=kind,
        paper=_rgb(paper),
        minor=_rgb(minor),
        major=_rgb(major),
        minor_mm=float(rng.uniform(0.06, 0.22)),
        major_mm=float(rng.uniform(0.1, 0.4)),
        area="box" if rng.random() < 0.3 else "page",
        border=rng.random() < 0.5,
    )


WORDS = (
    "Sinus rhythm", "Normal ECG", "Abnormal ECG", "Unconfirmed report", "Name:", "ID:", "Age", "Sex: M", "Female",
    "Male", "Room:", "Technician:", "Dept.", "Referred by:", "Confirmed by:", "Vent. rate", "PR interval",
    "QRS duration", "QT/QTc", "P-R-T axes", "Medication", "Diagnosis information:", "ECG REPORT", "Atrial fibrillation",
    "Left axis deviation", "Nonspecific T wave changes", "Borderline", "Possible", "Height", "Weight", "BP", "mmHg",
    "Comments", "Physician", "Station", "Page 1 of 1", "Resting 12-lead", "ms", "BPM", "bpm", "deg", "Hospital",
    "Cardiology", "Order no.", "Visit", "Req.", "Loc:", "Option:", "Test ind:",
)  # fmt: skip


def _random_texts(rng: np.random.Generator, page: PageStyle) -> tuple[TextItem, ...]:
    """Header blocks, footer line with speed, gain and filter, stray values."""
    width = page.size_mm[0]
    items: list[TextItem] = []
    top = page.margin_mm[1]
    if top > 12 or rng.random() < 0.25:
        size = float(rng.uniform(1.8, 3.6))
        for _ in range(int(rng.integers(1, 5))):
            x, y = float(rng.uniform(1, width * 0.8)), float(rng.uniform(0.5, max(1.0, top * 0.5)))
            for line in range(int(rng.integers(1, 7))):
                if y + (line + 1) * size * 1.3 < top + 4:
                    items.append(TextItem(_random_line(rng), x, y + line * size * 1.35, size))
    if rng.random() < 0.85:
        items += _footer(rng, page)
    return tuple(items)


def _random_line(rng: np.random.Generator) -> str:
    words = [str(rng.choice(WORDS)) for _ in range(int(rng.integers(1, 4)))]
    if rng.random() < 0.5:
        words.append(str(int(rng.integers(10, 10 ** int(rng.integers(2, 7))))))
    if rng.random() < 0.15:
        day = f"{rng.integers(1, 28):02d}-{rng.integers(1, 13):02d}-{rng.integers(1990, 2030)}"
        words.append(f"{day} {rng.integers(24):02d}:{rng.integers(60):02d}")
    return " ".join(words)


def _footer(rng: np.random.Generator, page: PageStyle) -> list[TextItem]:
    """`25mm/s 10mm/mV 0.67-25Hz AC50 4*2.5s+1r`, as one string or spread out; below the traces, seldom above."""
    speed = f"{page.speed_mm_s:.0f}" + str(rng.choice([".0", "", ""])) + str(rng.choice(["mm/s", " mm/s", " mm/sec"]))
    gain = f"{page.gain_mm_mv:.0f}" + str(rng.choice([".0", "", ""])) + str(rng.choice(["mm/mV", " mm/mV"]))
    columns = len(page.rows()[0])
    plan = f"{columns}*{page.seconds / columns:.1f}s" + (f"+{len(page.rhythm)}r" if page.rhythm else "")
    band = f"{rng.choice(['0.05', '0.15', '0.5', '0.67'])}-{rng.choice(['25', '35', '40', '100', '150'])}" + str(
        rng.choice(["Hz", " Hz"])
    )
    size = float(rng.uniform(1.8, 3.4))
    below = rng.random() < 0.85
    y = (
        -size * 1.2 - float(rng.uniform(0, max(0.1, page.margin_mm[3] - 2 * size)))
        if below
        else float(rng.uniform(0.5, 5))
    )
    extra = [
        band,
        str(rng.choice(["AC50", "AC60", "60Hz"])),
        plan,
        f"HR {rng.integers(40, 150)}",
        "V1.7",
        f"#{rng.integers(100, 999)}",
    ]
    parts = [(speed, "speed"), (gain, "gain")] + [(x, "other") for x in extra if rng.random() < 0.4]
    rng.shuffle(parts)
    x, spread = float(rng.uniform(1, 40)), float(rng.choice([1.5, rng.uniform(4, 30)]))
    items = []
    for text, kind in parts:
        items.append(TextItem(text, x, y, size, kind))
        x += 0.62 * size * len(text) + spread
    return items


def _random_rules(rng: np.random.Generator, page: PageStyle) -> tuple[tuple[float, float, float, float, float], ...]:
    """Lines and boxes of a printed form in the header; they are ink, but no trace and no text."""
    width, top = page.size_mm[0], page.margin_mm[1]
    rules: list[tuple[float, float, float, float, float]] = []
    if top > 14 and rng.random() < 0.3:
        y = float(rng.uniform(4, top - 6))
        rules.append((float(rng.uniform(0, 10)), y, width - float(rng.uniform(0, 10)), y, float(rng.uniform(0.2, 1.2))))
    if top > 14 and rng.random() < 0.2:
        x, y = float(rng.uniform(0, width * 0.6)), float(rng.uniform(1, top * 0.4))
        w, h = float(rng.uniform(20, width * 0.35)), float(rng.uniform(6, top * 0.5))
        t = float(rng.uniform(0.2, 0.5))
        rules += [(x, y, x + w, y, t), (x, y + h, x + w, y + h, t), (x, y, x, y + h, t), (x + w, y, x + w, y + h, t)]
    return tuple(rules)


def _random_photo(rng: np.random.Generator, page: PageStyle, longest_px: int) -> CameraStyle:
    width, height = page.size_mm
    turn = float(
        rng.choice(
            [rng.normal(0, 3), rng.uniform(-15, 15), rng.choice([90.0, 180.0, -90.0]) + rng.normal(0, 4)],
            p=[0.5, 0.38, 0.12],
        )
    )
    radians = np.deg2rad(turn)
    across = abs(width * np.cos(radians)) + abs(height * np.sin(radians))
    down = abs(width * np.sin(radians)) + abs(height * np.cos(radians))
    margins = rng.uniform(0.86, 1.25, 2) if rng.random() < 0.75 else rng.uniform(0.6, 0.95, 2)
    wide, high = across * margins[0], down * margins[1]
    longest = float(rng.choice([longest_px, rng.uniform(0.4 * longest_px, longest_px)], p=[0.45, 0.55]))
    scale = min(longest / max(wide, high), 13.0)
    rough = rng.random()
    cast = rng.uniform(0.75, 1.0, 3) if rng.random() < 0.7 else rng.uniform(0.15, 1.0, 3)
    dark = rng.random() < 0.25
    return CameraStyle(
        size_px=(max(320, round(wide * scale)), max(256, round(high * scale))),
        px_per_mm=scale,
        centre=(float(0.5 + rng.normal(0, 0.03)), float(0.5 + rng.normal(0, 0.03))),
        rotation_deg=turn,
        tilt=(float(rng.normal(0, 0.05)), float(rng.normal(0, 0.05))),
        bend_mm=float(rng.choice([0.0, rng.uniform(0.3, 3.5)], p=[0.2, 0.8])),
        crumple_mm=float(rng.uniform(0, 0.35)) if rough < 0.4 else 0.0,
        crumple=float(rng.uniform(0.1, 1.0)) if rough < 0.4 else 0.0,
        creases=int(rng.integers(1, 9)) if rng.random() < 0.35 else 0,
        shadow=float(rng.uniform(0.1, 0.85)) if rng.random() < 0.55 else 0.0,
        gradient=float(rng.uniform(0.0, 0.6)),
        cast=(float(cast[0]), float(cast[1]), float(cast[2])),
        contrast=float(rng.uniform(0.55, 1.15)),
        brightness=float(rng.uniform(0.35, 0.75) if dark else rng.uniform(0.75, 1.1)),
        gamma=float(rng.uniform(0.8, 1.3)),
        background=_rgb(rng.uniform(0, 230, 3) if rng.random() < 0.7 else np.full(3, rng.uniform(0, 255))),
        black_border_mm=float(rng.uniform(1, 25)) if rng.random() < 0.3 else 0.0,
        blur_px=float(rng.choice([0.0, rng.uniform(0.3, 0.9), rng.uniform(0.9, 1.6)], p=[0.3, 0.55, 0.15])),
        motion_px=float(rng.uniform(1.5, 4.5)) if rng.random() < 0.1 else 0.0,
        noise=float(rng.choice([rng.uniform(0, 4), rng.uniform(4, 12)], p=[0.75, 0.25])),
        jpeg=int(rng.uniform(40, 96)),
        sharpen=float(rng.uniform(0.2, 1.2)) if rng.random() < 0.35 else 0.0,
    )


def _random_scan(rng: np.random.Generator, page: PageStyle, longest_px: int) -> CameraStyle:
    width, height = page.size_mm
    margins = rng.uniform(0.9, 1.06, 2)
    longest = float(rng.choice([longest_px, rng.uniform(0.4 * longest_px, longest_px)]))
    scale = min(longest / max(width * margins[0], height * margins[1]), 12.0)
    return CameraStyle(
        size_px=(round(width * margins[0] * scale), round(height * margins[1] * scale)),
        px_per_mm=scale,
        centre=(float(0.5 + rng.normal(0, 0.02)), float(0.5 + rng.normal(0, 0.02))),
        rotation_deg=float(rng.normal(0, 0.8)) + float(rng.choice([0.0, 180.0, 90.0], p=[0.94, 0.03, 0.03])),
        contrast=float(rng.uniform(0.75, 1.15)),
        brightness=float(rng.uniform(0.8, 1.08)),
        gamma=float(rng.uniform(0.8, 1.25)),
        gradient=float(rng.choice([0.0, rng.uniform(0, 0.3)])),
        background=_rgb(np.full(3, rng.choice([255.0, 0.0, rng.uniform(0, 255)]))),
        blur_px=float(rng.choice([0.0, rng.uniform(0.3, 1.0)])),
        noise=float(rng.uniform(0, 3)),
        jpeg=int(rng.choice([0, rng.uniform(40, 96)], p=[0.25, 0.75])),
        sharpen=float(rng.uniform(0.2, 1.5)) if rng.random() < 0.3 else 0.0,
        mono=str(rng.choice(["", "grey", "binary"], p=[0.6, 0.32, 0.08])),
    )


def _rgb(values: np.ndarray) -> Colour:
    r, g, b = (int(v) for v in np.clip(values, 0, 255))
    return r, g, b
