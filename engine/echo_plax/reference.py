"""Reference ranges of healthy adults by sex, and what follows from the sizes: mass, relative wall thickness.

Lang 2015 (ASE/EACVI chamber quantification, doi:10.1016/j.echo.2014.10.003), by the linear method; the sinuses there are mean
and standard deviation, the range is 1.96 of them to either side. Fractional shortening: Lang 2005 (the edition before).
Where the sex is not stated, a range spans both.
"""

from __future__ import annotations

SOURCE = "Lang 2015, ASE/EACVI"
SHORTENING_SOURCE = "Lang 2005, ASE"
RANGES = {  # code -> sex -> low, high in the measurement's unit
    "lvid_d": {"M": (42.0, 58.4), "F": (37.8, 52.2)},
    "lvid_s": {"M": (25.0, 39.8), "F": (21.6, 34.8)},
    "ivs_d": {"M": (6.0, 10.0), "F": (6.0, 9.0)},
    "lvpw_d": {"M": (6.0, 10.0), "F": (6.0, 9.0)},
    "la_diameter": {"M": (30.0, 40.0), "F": (27.0, 38.0)},
    "aortic_root": {"M": (28.1, 39.9), "F": (24.1, 35.9)},
    "fractional_shortening": {"M": (25.0, 43.0), "F": (27.0, 45.0)},
    "lv_mass": {"M": (88.0, 224.0), "F": (67.0, 162.0)},
    "relative_wall_thickness": {"M": (0.24, 0.42), "F": (0.22, 0.42)},
}
SEXES = {"M": "men", "F": "women"}
RATIOS = ("fractional_shortening", "relative_wall_thickness")  # the same in any unit
DENSITY = 1.04  # g/mL of myocardium


def reference_range(code: str, sex: str, unit: str) -> tuple[float | None, float | None, str]:
    """Low, high and source of a measurement's range; without one (None, None, ""), as for sizes in pixels."""
    if code not in RANGES or (unit == "px" and code not in RATIOS):
        return None, None, ""
    ranges = RANGES[code]
    chosen = [ranges[sex]] if sex in ranges else list(ranges.values())
    whose = SEXES.get(sex, "both sexes")
    source = SHORTENING_SOURCE if code == "fractional_shortening" else SOURCE
    return min(low for low, _ in chosen), max(high for _, high in chosen), f"{source}, {whose}"


def mass_g(ivs_mm: float, lvid_mm: float, lvpw_mm: float) -> float:
    """Left ventricular mass by the cube formula of end-diastolic sizes (Devereux 1986, as Lang 2015 prints it)."""
    cavity, outside = (lvid_mm / 10) ** 3, ((ivs_mm + lvid_mm + lvpw_mm) / 10) ** 3
    return 0.8 * DENSITY * (outside - cavity) + 0.6


def relative_wall_thickness(lvid: float, lvpw: float) -> float:
    """Twice the posterior wall over the cavity, both at end-diastole."""
    return 2 * lvpw / lvid
