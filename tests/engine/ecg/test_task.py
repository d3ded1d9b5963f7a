"""The whole task on odd records: whatever the leads hold, it is answered or refused in our own words."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.ecg.leads import LEADS
from engine.ecg.signal import EcgSignal
from engine.ecg.task import trace_confidence
from engine.errors import EngineError, RefusedStudy
from engine.registry import task
from engine.study import read_bytes
from tests.engine.ecg.drawn_ecg import draw, regular, signal_of

ODD = ("as drawn", "flat", "off", "mostly off", "shown for a while", "holes", "noise", "huge", "cut off", "level")


def odd(lead: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """(T,) mV of one lead after something went wrong with it."""
    place = np.sort(rng.integers(0, len(lead), 2))
    inside = np.zeros(len(lead), bool)
    inside[place[0] : place[1] + 1] = True
    return {
        "as drawn": lead,
        "flat": np.zeros_like(lead),
        "off": np.full_like(lead, np.nan),
        "mostly off": np.where(np.isin(np.arange(len(lead)), place), lead, np.nan),
        "shown for a while": np.where(inside, lead, np.nan),
        "holes": np.where(rng.random(len(lead)) < rng.random(), lead, np.nan),
        "noise": rng.normal(0, rng.choice([1e-4, 0.1, 5]), len(lead)),
        "huge": 15 * lead,
        "cut off": lead.clip(-0.1, 0.1),
        "level": np.full_like(lead, rng.normal()),
    }[kind]


def record(kinds: list[str], seconds: float, rate: float, seed: int) -> EcgSignal:
    rng = np.random.default_rng(seed)
    drawn = draw(regular(rate, max(seconds, 1.5)), seconds=seconds).samples_mv
    return signal_of(np.stack([odd(lead, kind, rng) for lead, kind in zip(drawn.T, kinds, strict=True)], axis=1))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(ODD), min_size=12, max_size=12),
    st.sampled_from([0.1, 2.0, 2.5, 4.0]),
    st.floats(25, 230),
    st.integers(0, 1000),
)
@example(["flat"] * 12, 4.0, 70.0, 0)
@example(["off"] * 12, 4.0, 70.0, 0)
@example(["mostly off"] * 12, 4.0, 70.0, 1)
@example(["level", *["as drawn"] * 11], 4.0, 70.0, 0)
@example(["flat"] * 6 + ["as drawn"] * 6, 4.0, 70.0, 0)
@example(  # a level lead of which filters leave rounding alone
    ["shown for a while", *["noise"] * 2, *["level"] * 2, *["holes"] * 2, "as drawn", "huge", "mostly off", "noise", "holes"],
    4.0, 144.95563080447107, 792,
)  # fmt: skip
def test_any_record_is_answered_or_refused(kinds: list[str], seconds: float, rate: float, seed: int) -> None:
    study = read_bytes("record.csv", record(kinds, seconds, rate, seed).to_csv())
    try:
        finding = task("ecg").analyse(study).finding
    except EngineError:
        return
    assert finding.refusal or len(finding.labels) == 9
    assert all(np.isfinite(m.value) for m in finding.measurements)
    assert all(0 <= label.probability <= 1 for label in finding.labels)


@pytest.mark.parametrize("lead", LEADS)
def test_a_flat_lead_leaves_the_heart_rate_as_it_is(lead: str) -> None:
    kinds = ["flat" if name == lead else "as drawn" for name in LEADS]
    study = read_bytes("record.csv", record(kinds, 10.0, 70.0, 0).to_csv())
    finding = task("ecg").analyse(study).finding
    if finding.refusal:  # two limb leads do not make up the third
        assert finding.refusal.code == "leads_contradict"
        return
    rate = next(m.value for m in finding.measurements if m.code == "heart_rate")
    assert rate == pytest.approx(70, abs=1)


def test_a_reading_whose_ink_is_hardly_there_is_refused() -> None:
    samples = np.full((1000, 12), np.nan)
    samples[:, :6] = 0.1
    sure = np.where(np.isfinite(samples), 0.5, 0.0).astype(np.float32)
    assert trace_confidence(EcgSignal(samples, sure)) == pytest.approx(0.5)  # of what was read alone
    with pytest.raises(RefusedStudy, match="too unsure"):
        trace_confidence(EcgSignal(samples, sure * 0.8))
