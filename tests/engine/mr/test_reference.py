"""Reference ranges: of the sex where it is known, none where it is needed and is not."""

import pytest

from engine.mr.reference import LIMITS, MEAN_AND_SD, reference_range


def test_a_range_is_the_mean_and_nearly_two_deviations():
    found = reference_range("lv_end_diastolic_volume", "F")
    assert (found.low, found.high) == pytest.approx((82.8, 165.2), abs=0.05)
    assert "Petersen 2017" in found.source


def test_volumes_per_body_surface_say_that_their_limits_are_of_another_kind():
    found = reference_range("lv_end_diastolic_volume_index", "M")
    assert (found.low, found.high) == (52, 117)
    assert "abnormal beyond" in found.source


def test_without_a_sex_only_ejection_fractions_have_a_range_which_spans_both():
    spans = reference_range("lv_ejection_fraction", "")
    of_both = [reference_range("lv_ejection_fraction", sex) for sex in "MF"]
    assert spans.low == min(r.low for r in of_both)
    assert spans.high == max(r.high for r in of_both)
    assert all(reference_range(code, "") is None for code in (*LIMITS, "lv_mass", "lv_end_diastolic_volume"))
    assert reference_range("cardiac_output", "F") is None


@pytest.mark.parametrize("sex", ["M", "F"])
def test_each_indexed_range_fits_the_volume_over_a_body_of_that_sex(sex):
    usual_m2 = {"M": 1.95, "F": 1.7}[sex]
    for code, of in LIMITS.items():
        mean, _ = MEAN_AND_SD[code.removesuffix("_index")][sex]
        low, high = of[sex]
        assert low < mean / usual_m2 < high
        assert (low + high) / 2 == pytest.approx(mean / usual_m2, rel=0.15)
