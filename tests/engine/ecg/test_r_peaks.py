"""Detection and shape families on short drawn pieces."""

import numpy as np

from engine.ecg.r_peaks import align, beat_energy, bridged, find_beats, same_shape
from tests.engine.ecg.drawn_ecg import NORMAL, VENTRICULAR, draw, printed_3x4, regular


def parts(signal):
    return bridged(signal.samples_mv), np.isfinite(signal.samples_mv)


def test_gaps_are_bridged_by_straight_lines_and_ends_are_held():
    samples = np.full((6, 12), np.nan)
    samples[1, 0], samples[4, 0] = 1.0, 4.0
    np.testing.assert_allclose(bridged(samples)[:, 0], [1, 1, 2, 3, 4, 4])
    np.testing.assert_array_equal(bridged(samples)[:, 1], 0)


def test_energy_is_about_one_at_each_beat_and_low_between():
    whole, given = parts(printed_3x4(draw(regular(60))))
    energy = beat_energy(whole, given)
    at = (regular(60) * 500).astype(int) + 22
    assert np.all(energy[at] > 0.7)
    assert np.all(energy[at + 250] < 0.2)


def test_overdue_beats_are_searched_for_again():
    small = NORMAL.with_(qrs=0.28, t=0.2)
    onsets = regular(75)
    signal = draw(onsets, [small if k == 5 else NORMAL for k in range(len(onsets))])
    whole, given = parts(signal)
    assert len(find_beats(beat_energy(whole, given))) == len(onsets)


def test_a_flat_record_has_no_beats():
    assert len(find_beats(np.zeros(5000))) == 0
    dominant, likeness = same_shape(np.zeros(0, int), np.zeros((10, 12)), np.ones((10, 12), bool))
    assert len(dominant) == len(likeness) == 0
    assert len(align(np.zeros(0, int), np.zeros((10, 12)), np.ones((10, 12), bool))) == 0


def test_beats_of_one_shape_are_one_family():
    whole, given = parts(draw(regular(70)))
    peaks = (regular(70) * 500).astype(int) + 22
    dominant, likeness = same_shape(peaks, whole, given)
    assert dominant.all()
    assert likeness.min() > 0.97


def test_another_shape_or_size_is_another_family():
    onsets = regular(70)
    for other in (VENTRICULAR, NORMAL.with_(qrs=-1.0), NORMAL.with_(qrs=2.5)):
        whole, given = parts(draw(onsets, [other if k == 3 else NORMAL for k in range(len(onsets))]))
        dominant, likeness = same_shape((onsets * 500).astype(int) + 22, whole, given)
        assert np.flatnonzero(~dominant).tolist() == [3]
        assert likeness[3] < 0.8


def test_columns_without_a_common_lead_are_still_one_family():
    whole, given = parts(printed_3x4(draw(regular(90)), strip=None))
    peaks = (regular(90) * 500).astype(int) + 22
    inside = np.array(
        [given[p - 50 : p + 70].any(axis=1).all() and p // 1250 == (p + 70) // 1250 == (p - 50) // 1250 for p in peaks]
    )
    assert same_shape(peaks[inside], whole, given)[0].all()


def test_peaks_found_anywhere_in_the_qrs_are_aligned():
    whole, given = parts(draw(regular(70)))
    rough = (regular(70) * 500).astype(int) + 22 + np.resize([-9, 4, 11], len(regular(70)))
    moved = align(rough, whole, given)
    assert np.ptp(moved - regular(70) * 500) <= 2
