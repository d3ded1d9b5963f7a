"""Reference ranges of healthy adults, by sex.

Petersen 2017 (J Cardiovasc Magn Reson 19:18): 804 healthy UK Biobank participants of 45 to 74 years, papillary muscles
counted to the cavity as here. Two kinds: mean +- 1.96 standard deviations of its table over all ages; and, of volumes per
body surface, the limits beyond which it calls a value abnormal at any of these ages, which are a little wider (taken from
a public transcription of its tables, whose limits of plain volumes fit the means here).
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "Petersen 2017, UK Biobank, 45 to 74 years"
SOURCE_OF_LIMITS = f"{SOURCE}: abnormal beyond, at any age"
WITHIN = 1.96  # standard deviations
MEAN_AND_SD = {  # code -> sex -> mean, standard deviation in the measurement's unit
    "lv_end_diastolic_volume": {"M": (166.0, 32.0), "F": (124.0, 21.0)},
    "lv_end_systolic_volume": {"M": (69.0, 16.0), "F": (49.0, 11.0)},
    "lv_stroke_volume": {"M": (96.0, 20.0), "F": (75.0, 14.0)},
    "lv_ejection_fraction": {"M": (58.0, 5.0), "F": (61.0, 5.0)},
    "lv_mass": {"M": (103.0, 21.0), "F": (70.0, 13.0)},
    "lv_mass_index": {"M": (53.0, 9.0), "F": (42.0, 7.0)},
    "rv_end_diastolic_volume": {"M": (182.0, 36.0), "F": (130.0, 24.0)},
    "rv_end_systolic_volume": {"M": (85.0, 22.0), "F": (55.0, 15.0)},
    "rv_ejection_fraction": {"M": (54.0, 6.0), "F": (58.0, 6.0)},
}
LIMITS = {  # code -> sex -> abnormally low below, abnormally high above, in mL/m2
    "lv_end_diastolic_volume_index": {"M": (52.0, 117.0), "F": (50.0, 101.0)},
    "lv_end_systolic_volume_index": {"M": (19.0, 52.0), "F": (16.0, 43.0)},
    "lv_stroke_volume_index": {"M": (28.0, 70.0), "F": (29.0, 63.0)},
    "rv_end_diastolic_volume_index": {"M": (55.0, 128.0), "F": (51.0, 110.0)},
    "rv_end_systolic_volume_index": {"M": (19.0, 67.0), "F": (16.0, 55.0)},
}
SEXLESS = ("lv_ejection_fraction", "rv_ejection_fraction")  # little enough between the sexes to span both


@dataclass(frozen=True)
class Range:
    """low, high: in the measurement's unit. source: what the page says of them."""

    low: float
    high: float
    source: str


def reference_range(code: str, sex: str) -> Range | None:
    """Of a measurement; None where the sex is needed and unknown, or there is no range."""
    if sex in LIMITS.get(code, {}):
        return Range(*LIMITS[code][sex], SOURCE_OF_LIMITS)
    known = MEAN_AND_SD.get(code, {})
    sexes = [sex] if sex in known else list(known) if code in SEXLESS else []
    if not sexes:
        return None
    lows = [known[s][0] - WITHIN * known[s][1] for s in sexes]
    highs = [known[s][0] + WITHIN * known[s][1] for s in sexes]
    return Range(round(min(lows), 1), round(max(highs), 1), SOURCE)
