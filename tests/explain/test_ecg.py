"""The explanation of an ECG, on a network whose every answer can be computed by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.analysis import Analysis
from engine.ecg.classifier import EcgClassifier, Operating, labels, over_windows, prepare
from engine.ecg.delineate import delineate
from engine.ecg.evidence import EcgEvidence
from engine.ecg.leads import CLASSES, LEADS, RATE_HZ
from engine.ecg.measured import FEATURES, AdditiveEvidence
from engine.ecg.signal import EcgSignal
from engine.errors import Cancelled, EngineError
from engine.finding import Finding, Provenance
from engine.models import LoadedModel, ModelStore
from engine.weights import Weight
from explain.ecg import AXES, MAX_WINDOWS, explain, explain_class
from training.ecg_simulator import EcgProfile, simulate

SECOND = RATE_HZ
OPERATING = {
    "slope": [1.0] * 9,
    "measured": [0.0] * 9,
    "offset": [0.0] * 9,
    "threshold": [0.6] * 9,
    "low": [0.6] * 9,
    "high": [0.6] * 9,
    "validated": [True] * 9,
}


class LeadPerClass(nn.Module):
    """Class k is the mean mV of lead k over its cells of 40 ms, times 100: nothing else counts."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(100.0))
        self.lead_features = nn.Identity()
        self.measured = AdditiveEvidence()
        self.fail = False

    def forward(self, x: Tensor) -> Tensor:
        features = self.lead_features(x[:, :1, :, ::4] * self.gain)
        if self.fail:
            raise RuntimeError("broken on purpose")
        return features[:, 0, :9].mean(-1)


def store_of(network: nn.Module) -> ModelStore:
    weight = Weight("ecg-classifier", "ecg", "Test", "test", "0" * 64, "", "", classes=CLASSES, operating=OPERATING)
    store = ModelStore("cpu")
    store._models["ecg-classifier"] = LoadedModel(weight, network.eval().requires_grad_(False), "cpu")
    return store


def analysed(signal: EcgSignal, store: ModelStore) -> Analysis:
    model = store.get("ecg-classifier")
    with torch.no_grad():
        logits = over_windows(model.module(torch.from_numpy(prepare(signal).x)).numpy())
    operating = Operating.of(model.weight)
    probabilities = operating.probabilities(logits, np.zeros(9))
    finding = Finding("ecg", Provenance("0" * 64), labels(probabilities, operating))
    return Analysis(finding, {}, EcgEvidence(signal, None, None, delineate(signal), (), probabilities, np.zeros(9)))


def humps(*where: tuple[str, float, float], seconds: float = 10) -> EcgSignal:
    """Flat leads but for smooth humps: (lead, centre in s, mV)."""
    time = np.arange(round(seconds * SECOND)) / SECOND
    samples = np.zeros((len(time), 12), np.float32)
    for lead, centre, height in where:
        samples[:, LEADS.index(lead)] += height * np.exp(-(((time - centre) / 0.15) ** 2))
    return EcgSignal(samples, np.ones_like(samples))


@pytest.fixture
def store() -> ModelStore:
    return store_of(LeadPerClass())


def test_arrays_have_the_axes_of_the_signal(store):
    signal = humps(("I", 4, 1), seconds=9.5)
    explanation = explain(analysed(signal, store), store)
    assert explanation.arrays["grad_cam"].shape == (9, 12, 4750)
    assert explanation.arrays["feature_ablation"].shape == (9, 12)
    assert explanation.arrays["integrated_gradients"].shape == (9, 12, 4750)
    assert explanation.axes.keys() == explanation.arrays.keys() == AXES.keys()
    assert all(array.dtype == np.float32 for array in explanation.arrays.values())


def test_grad_cam_lies_where_and_in_the_lead_that_counts(store):
    maps = explain(analysed(humps(("II", 4, 1), ("V6", 2, 2)), store), store).arrays["grad_cam"]
    af = maps[CLASSES.index("AF")]  # the second class looks at the second lead
    assert np.unravel_index(af.argmax(), af.shape) == (LEADS.index("II"), 4 * SECOND)
    assert np.delete(af, LEADS.index("II"), axis=0).max() == 0
    assert af.max() == pytest.approx(100 / 250, rel=0.02)  # gradient 1/250 at a feature of 100
    assert af[LEADS.index("II"), 2 * SECOND] == pytest.approx(0, abs=1e-3)


def test_ablation_and_faithfulness_name_the_lead_that_counts(store):
    analysis = analysed(humps(("II", 4, 1), ("V6", 2, 2)), store)
    explanation = explain(analysis, store)
    af = CLASSES.index("AF")
    drops = explanation.arrays["feature_ablation"]
    assert drops[af, 1] == pytest.approx(analysis.evidence.probabilities[af] - 0.5, abs=1e-5)
    assert np.count_nonzero(np.abs(drops) > 1e-5) == 1
    (curve,) = explanation.faithfulness
    assert curve.label == "AF"
    assert curve.passed
    assert curve.attributed[0] == pytest.approx(analysis.evidence.probabilities[af], abs=1e-4)
    assert curve.attributed[-1] == pytest.approx(0.5, abs=1e-4)


def test_integrated_gradients_add_up_to_the_logit(store):
    analysis = analysed(humps(("II", 4, 1), ("II", 7, -0.5)), store)
    explanation = explain(analysis, store)
    shares = explanation.arrays["integrated_gradients"][CLASSES.index("AF")]
    probability = float(analysis.evidence.probabilities[CLASSES.index("AF")])
    assert shares.sum() == pytest.approx(np.log(probability / (1 - probability)), rel=0.02)
    assert shares[1, 7 * SECOND - 20 : 7 * SECOND + 21].sum() < 0
    assert abs(explanation.details["integrated_gradients_delta"]["AF"]) < 1e-3


def test_positive_classes_are_explained_and_the_others_on_demand(store):
    analysis = analysed(humps(("I", 3, 1.5), ("III", 5, 1)), store)
    positive = [label.code for label in analysis.finding.labels if label.positive]
    assert positive == ["Normal", "I-AVB"]
    explanation = explain(analysis, store)
    assert explanation.details["explained"] == positive == [curve.label for curve in explanation.faithfulness]
    finite = np.isfinite(explanation.arrays["integrated_gradients"]).any(axis=(1, 2))
    assert [code for code, seen in zip(CLASSES, finite, strict=True) if seen] == positive
    assert np.isfinite(explanation.arrays["grad_cam"]).all()
    assert [curve.label for curve in explain_class(analysis, store, "STE").faithfulness] == ["STE"]


def test_the_top_class_is_explained_where_none_is_positive(store):
    explanation = explain(analysed(humps(("V3", 3, 0.1)), store), store)  # the ninth class looks at V3
    assert explanation.details["explained"] == ["STE"]


def test_a_class_that_does_not_exist_is_named(store):
    with pytest.raises(EngineError, match=r"Expected one of the classes Normal, AF.*got 'VT'"):
        explain_class(analysed(humps(), store), store, "VT")


def test_the_measured_numbers_that_say_most_are_named(store):
    """A heart rate of 75 /min or more says 2 of AF, one of 50 or less says 0; nothing else says anything."""
    curves = store.get("ecg-classifier").module.measured
    curves.knots[FEATURES.index("heart_rate")] = torch.linspace(50, 75, 8)
    curves.rise[FEATURES.index("heart_rate"), :, CLASSES.index("AF")] = 2 / 7
    samples = simulate(EcgProfile(heart_rate=90, rr_cv=0), 10, np.random.default_rng(0)).T
    beats = EcgSignal(samples, np.ones_like(samples))
    details = explain_class(analysed(beats, store), store, "AF").details
    ((name, value, share),) = details["measured"]["AF"]
    assert name == "heart_rate"
    assert value == pytest.approx(90, abs=1)
    assert share == pytest.approx(2, abs=1e-5)


def test_what_is_not_printed_stays_empty(store):
    signal = humps(("II", 1, 1), ("V1", 6, 1))
    signal.samples_mv[1250:, 0] = np.nan
    signal.samples_mv[:5000, 6] = np.nan
    explanation = explain(analysed(signal, store), store)
    printed = np.isfinite(signal.samples_mv.T)
    assert (np.isfinite(explanation.arrays["grad_cam"]) == printed).all()
    assert (np.isfinite(explanation.arrays["integrated_gradients"][CLASSES.index("AF")]) == printed).all()
    assert (np.isfinite(explanation.arrays["feature_ablation"]) == printed.any(axis=1)).all()


def test_of_a_long_record_the_windows_that_speak_most_are_explained(store):
    signal = humps(*(("II", 10 * k + 5, 0.5 + 0.1 * k) for k in range(8)), seconds=80)
    explanation = explain(analysed(signal, store), store)
    seen = np.isfinite(explanation.arrays["grad_cam"]).all(axis=(0, 1))
    assert seen.sum() == MAX_WINDOWS * 10 * SECOND
    assert not seen[: 20 * SECOND].any()
    assert explanation.faithfulness[0].passed


def test_overlapping_windows_count_once(store):
    """15 s are two windows that share 5 s; a hump in the middle is seen by both, its share of the mean logit is one."""
    analysis = analysed(humps(("II", 7.5, 1), seconds=15), store)
    explanation = explain(analysis, store)
    af = explanation.arrays["grad_cam"][1, 1]
    assert af.argmax() == pytest.approx(7.5 * SECOND, abs=20)
    assert af.max() == pytest.approx(100 / 250, rel=0.05)
    assert explanation.faithfulness[0].attributed[0] == pytest.approx(analysis.evidence.probabilities[1], abs=1e-4)
    assert explanation.faithfulness[0].attributed[-1] == pytest.approx(0.5, abs=1e-3)


def left_behind(store: ModelStore) -> list[str]:
    model = store.get("ecg-classifier")
    names = [name for name, module in model.module.named_modules() if module._forward_hooks or module._backward_hooks]
    names += [name for name, weight in model.module.named_parameters() if weight.grad is not None]
    return names + (["lock"] if not model.lock.acquire(blocking=False) else model.lock.release() or [])


def test_nothing_is_left_behind_after_an_explanation(store):
    explain(analysed(humps(("II", 4, 1)), store), store)
    assert left_behind(store) == []


def test_nothing_is_left_behind_after_an_error(store):
    analysis = analysed(humps(("II", 4, 1)), store)
    store.get("ecg-classifier").module.fail = True
    with pytest.raises(RuntimeError, match="on purpose"):
        explain(analysis, store)
    assert left_behind(store) == []


@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 0.9])
def test_it_can_be_stopped(store, at):
    def stop(share: float, doing: str) -> None:
        if share >= at:
            raise Cancelled(f"stopped at {doing}")

    with pytest.raises(Cancelled):
        explain(analysed(humps(("II", 4, 1)), store), store, stop)
    assert left_behind(store) == []


class HearsOneLead(nn.Module):
    """Features (B, C, 12, T') with every lead silenced but one."""

    def __init__(self, lead: str) -> None:
        super().__init__()
        self.column = LEADS.index(lead)

    def forward(self, features: Tensor) -> Tensor:
        return features * (torch.arange(12) == self.column)[:, None]


def test_the_real_network_s_form_is_explained_within_its_leads():
    """An untrained classifier that hears V1 only: every map is empty but in V1."""
    torch.manual_seed(0)
    network = EcgClassifier()
    network.lead_features = HearsOneLead("V1")
    store = store_of(network)
    signal = humps(*((lead, second, 1) for lead in LEADS for second in range(1, 10)))
    explanation = explain_class(analysed(signal, store), store, "AF")
    largest = np.nanmax(explanation.arrays["grad_cam"], axis=(0, 2))
    assert largest[LEADS.index("V1")] > 0
    assert np.delete(largest, LEADS.index("V1")).max() == 0
    assert left_behind(store) == []
