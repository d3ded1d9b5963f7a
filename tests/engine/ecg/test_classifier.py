"""The nine-class network: shapes, missing leads, windows, calibration, and the additive curves on the measured beats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.ecg.classifier import (
    ECTOPIC,
    NETWORK_RATE_HZ,
    STEP,
    WINDOW,
    EcgClassifier,
    Operating,
    calibrated,
    classify,
    labels,
    over_windows,
    prepare,
    resample,
    window_starts,
)
from engine.ecg.leads import CLASSES, LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal
from engine.errors import RefusedStudy, WeightError
from engine.models import LoadedModel
from engine.weights import Weight, weight

V1, V6 = LEADS.index("V1"), LEADS.index("V6")


def drawn(seconds: float, seed: int = 0) -> EcgSignal:
    """Twelve leads of one Gaussian R wave a second, of another height in each lead, with a little noise."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    beat = np.exp(-((((time % 1) - 0.5) / 0.02) ** 2))
    heights = np.linspace(-1, 1.5, 12)
    noise = np.random.default_rng(seed).normal(0, 0.01, (len(time), 12))
    samples = (beat[:, None] * heights + noise).astype(np.float32)
    return EcgSignal(samples, np.ones_like(samples))


def without(signal: EcgSignal, lead: int, part: slice = slice(None)) -> EcgSignal:
    samples = signal.samples_mv.copy()
    samples[part, lead] = np.nan
    return EcgSignal(samples, np.isfinite(samples).astype(np.float32))


def points(**changed: object) -> Operating:
    values = {
        "slope": np.ones(9), "measured": np.ones(9), "offset": np.zeros(9), "threshold": np.full(9, 0.5),
        "low": np.full(9, 0.4), "high": np.full(9, 0.6), "validated": np.ones(9, bool),
    }  # fmt: skip
    return Operating(**(values | changed))


@pytest.fixture(scope="module")
def network() -> EcgClassifier:
    torch.manual_seed(0)
    return EcgClassifier(members=2, channels=16, width=32).eval()


def logits(network: EcgClassifier, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(x)).numpy()


def test_resampling_keeps_slow_waves_and_drops_mains() -> None:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    slow, mains = np.sin(2 * np.pi * 5 * time), np.sin(2 * np.pi * 50 * time)
    values, given = resample(np.stack([slow + mains, slow], axis=1))
    assert given.all()
    inside = slice(20, -20)
    np.testing.assert_allclose(values[inside, 0], slow[::STEP][inside], atol=0.03)
    np.testing.assert_allclose(values[inside, 1], slow[::STEP][inside], atol=0.01)


def test_short_gaps_are_bridged_and_long_ones_are_not() -> None:
    line = np.linspace(0, 1, RATE_HZ)[:, None].repeat(2, axis=1)
    line[100:140, 0] = np.nan  # 80 ms
    line[100:200, 1] = np.nan  # 200 ms
    values, given = resample(line)
    assert given[:, 0].all()
    np.testing.assert_allclose(values[15:-15, 0], np.linspace(0, 1, RATE_HZ)[::STEP][15:-15], atol=1e-3)
    assert not given[20:40, 1].any()
    assert given[:20, 1].all()
    assert given[40:, 1].all()


@pytest.mark.parametrize(
    ("length", "starts"),
    [(250, [0]), (1000, [0]), (1100, [0]), (1101, [0, 101]), (2000, [0, 1000]), (2500, [0, 750, 1500])],
)
def test_windows_cover_the_record(length: int, starts: list[int]) -> None:
    assert window_starts(length).tolist() == starts


@pytest.mark.parametrize("seconds", [2.5, 10, 10.7, 60])
def test_any_duration_is_read(network: EcgClassifier, seconds: float) -> None:
    prepared = prepare(drawn(seconds))
    assert prepared.x.shape == (len(prepared.starts), 2, 12, WINDOW)
    assert prepared.x.dtype == np.float32
    assert np.isfinite(logits(network, prepared.x)).all()


def test_samples_map_back_to_the_signal() -> None:
    prepared = prepare(drawn(25))
    spike = int(prepared.x[1, 0, 11].argmax())  # an R wave of V6 in the second window
    at = (prepared.starts[1] + STEP * spike) / RATE_HZ
    assert at % 1 == pytest.approx(0.5, abs=1 / NETWORK_RATE_HZ)


def test_offset_of_a_lead_does_not_matter_and_its_size_does(network: EcgClassifier) -> None:
    signal = drawn(10)
    shifted = EcgSignal(signal.samples_mv + np.float32(0.7), signal.confidence)
    np.testing.assert_allclose(logits(network, prepare(shifted).x), logits(network, prepare(signal).x), atol=1e-4)
    larger = EcgSignal(signal.samples_mv * 2, signal.confidence)
    assert np.abs(logits(network, prepare(larger).x) - logits(network, prepare(signal).x)).max() > 1e-3


def test_what_stands_in_a_missing_lead_does_not_matter(network: EcgClassifier) -> None:
    x = prepare(without(drawn(10), V1)).x
    assert not x[:, :, V1].any()
    scribbled = x.copy()
    scribbled[:, 0, V1] = 3.0
    np.testing.assert_array_equal(logits(network, scribbled), logits(network, x))


def test_a_lead_that_is_given_matters(network: EcgClassifier) -> None:
    signal = drawn(10)
    assert np.abs(logits(network, prepare(without(signal, V6)).x) - logits(network, prepare(signal).x)).max() > 1e-3


def test_printed_page_and_single_lead_are_read(network: EcgClassifier) -> None:
    page = drawn(10)
    quarter = len(page.samples_mv) // 4
    for column in range(4):
        for lead in range(12):
            if lead // 3 != column:
                page = without(page, lead, slice(column * quarter, (column + 1) * quarter))
    assert np.isfinite(logits(network, prepare(page).x)).all()
    single = drawn(10)
    for lead in range(11):
        single = without(single, lead)
    assert np.isfinite(logits(network, prepare(single).x)).all()


def test_no_signal_is_refused() -> None:
    nothing = np.full((5000, 12), np.nan, np.float32)
    with pytest.raises(RefusedStudy, match="No lead"):
        prepare(EcgSignal(nothing, np.zeros_like(nothing)))


def test_lead_features_come_before_leads_meet(network: EcgClassifier) -> None:
    seen: list[torch.Tensor] = []
    hook = network.lead_features.register_forward_hook(lambda module, inputs, output: seen.append(output))
    x = torch.from_numpy(prepare(drawn(10)).x)
    with torch.no_grad():
        network(x)
        changed = x.clone()
        changed[:, 0, V6] *= 2
        network(changed)
    hook.remove()
    assert seen[0].shape == (1, 2 * 16, 12, WINDOW // 4)
    difference = (seen[0] - seen[1]).abs().amax(dim=(0, 1, 3))
    assert difference[V6] > 0
    assert difference[torch.arange(12) != V6].max() == 0


def test_gradients_reach_the_lead_features_and_the_input(network: EcgClassifier) -> None:
    x = torch.from_numpy(prepare(drawn(10)).x).requires_grad_()
    network(x)[0, 1].backward()
    assert x.grad is not None
    assert x.grad[:, 0].abs().sum() > 0
    network.zero_grad()


def test_ensemble_is_the_mean_of_its_members(network: EcgClassifier) -> None:
    x = torch.from_numpy(prepare(drawn(10)).x)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network.member_logits(x).mean(0))
        assert network.member_logits(x).shape == (2, 1, 9)


def test_windows_are_averaged_but_ectopic_beats_are_not() -> None:
    windows = np.stack([np.zeros(9), np.full(9, 4.0)])
    record = over_windows(windows)
    assert (record[list(ECTOPIC)] == 4).all()
    assert (np.delete(record, ECTOPIC) == 2).all()


def test_probabilities_follow_the_stated_logistic() -> None:
    operating = points(slope=np.full(9, 2.0), measured=np.full(9, 0.5), offset=np.full(9, -1.0))
    found = operating.probabilities(np.full(9, 1.0), np.full(9, 2.0))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-2.0)))


def test_labels_state_threshold_zone_and_validation() -> None:
    validated = np.ones(9, bool)
    validated[8] = False
    found = labels(np.array([0.39, 0.4, 0.5, 0.59, 0.6, 0.9, 0, 0, 0.5]), points(validated=validated))
    assert [label.code for label in found] == list(CLASSES)
    assert [label.positive for label in found[:6]] == [False, False, True, True, True, True]
    assert [label.uncertain for label in found[:6]] == [False, True, True, True, False, False]
    assert [label.validated for label in found] == [True] * 8 + [False]


def test_weight_without_operating_points_is_named() -> None:
    stored = Weight("w", "ecg", "", "", "", "", "", operating={"slope": [1.0] * 9})
    with pytest.raises(WeightError, match="states no measured"):
        calibrated(np.zeros(9), np.zeros(9), stored)
    wrong = Weight("w", "ecg", "", "", "", "", "", operating={k: [1.0] * 8 for k in Operating.__annotations__})
    with pytest.raises(WeightError, match="one operating point per class"):
        calibrated(np.zeros(9), np.zeros(9), wrong)


def test_shipped_operating_points_are_sane() -> None:
    operating = Operating.of(weight("ecg-classifier"))
    assert (operating.slope > 0).all()
    assert ((operating.threshold > 0.01) & (operating.threshold < 0.99)).all()
    assert ((operating.low < operating.threshold) & (operating.threshold < operating.high)).all()
    assert not operating.validated[CLASSES.index("STE")]  # no infarction and one hospital only


def test_classify_is_prepare_network_and_calibration(network: EcgClassifier) -> None:
    operating = {name: values.tolist() for name, values in vars(points()).items()}
    model = LoadedModel(Weight("w", "ecg", "", "", "", "", "", operating=operating), network, "cpu")
    signal = drawn(10)
    found = classify(signal, np.zeros(9), model)
    expected = 1 / (1 + np.exp(-logits(network, prepare(signal).x)[0]))
    np.testing.assert_allclose([label.probability for label in found], expected, atol=1e-4)
