"""The figures of the model card on a network and records whose answers are known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.ecg_faithfulness import Checked, check, printed, stored, table
from engine.ecg.leads import CLASSES, LEADS
from engine.ecg.measured import AdditiveEvidence
from engine.models import LoadedModel
from engine.weights import Weight
from training.ecg_records import STORE_STEP_MV, EcgRecords

POINTS = {
    "slope": [1.0] * 9,
    "measured": [0.0] * 9,
    "offset": [0.0] * 9,
    "threshold": [0.6] * 9,
    "low": [0.6] * 9,
    "high": [0.6] * 9,
}


class LeadTwo(nn.Module):
    """AF is the sum of the mV of lead II, at any time; the other classes are never there."""

    def __init__(self) -> None:
        super().__init__()
        self.lead_features = nn.Identity()
        self.measured = AdditiveEvidence()

    def forward(self, x: Tensor) -> Tensor:
        features = self.lead_features(x[:, :1, :, ::4])
        logits = [features[:, 0, 1].sum(-1), *([features[:, 0, 0].sum(-1) * 0 - 9] * 8)]
        return torch.stack([logits[1], logits[0], *logits[2:]], dim=1)


def hump(rate_hz: int) -> np.ndarray:
    """(1, 8, T) mV: lead II of ten seconds, highest after three."""
    signals = np.zeros((1, 8, 10 * rate_hz), np.float32)
    signals[:, 1] = np.exp(-(((np.arange(10 * rate_hz) / rate_hz - 3) / 0.1) ** 2))
    return signals


def records(count: int = 3) -> EcgRecords:
    """Flat but for a hump in lead II (so also in III, aVR, aVL, aVF)."""
    unknown = np.zeros(count)
    return EcgRecords(
        signals_mv=hump(100).repeat(count, axis=0),
        lengths=np.full(count, 1000),
        stored=np.round(hump(250) / STORE_STEP_MV).astype(np.int16).repeat(count, axis=0),
        labels=np.zeros((count, 9), np.float32),
        auxiliary=unknown,
        amplitude_true=np.ones(count, bool),
        patient=np.arange(count),
        source=np.full(count, "drawn"),
        split=np.full(count, "valid"),
        age=unknown,
        sex=unknown,
    )


def test_every_positive_finding_is_checked_up_to_the_limit():
    operating = POINTS | {"validated": [True] * 9}
    weight = Weight("ecg-classifier", "ecg", "Test", "test", "0" * 64, "", "", classes=CLASSES, operating=operating)
    found = list(check(LoadedModel(weight, LeadTwo().eval(), "cpu"), records(), per_class=2))
    assert [(c.code, c.arrangement) for c in found] == [("AF", "12 leads")] * 2 + [("AF", "printed 3x4")] * 2
    assert all(c.passed for c in found)
    assert all(r == pytest.approx(1) for c in found for r in c.correlations)  # it has no weights to shuffle


def test_records_become_signals_at_500_hz():
    signal = stored(records(), 0)
    assert signal.samples_mv.shape == (5000, 12)
    assert signal.lead("II").argmax() == pytest.approx(1500, abs=2)
    assert signal.lead("aVR") == pytest.approx(-signal.lead("II") / 2, abs=1e-5)


def test_a_printed_page_shows_a_quarter_of_each_lead_and_all_of_lead_two():
    shown = np.isfinite(printed(records(), 0).samples_mv)
    assert shown.sum(axis=0)[LEADS.index("II")] == 5000
    assert np.delete(shown.sum(axis=0), LEADS.index("II")).tolist() == [1250] * 11
    assert shown[3750:, LEADS.index("V6")].all()


def test_the_table_counts_each_class_and_all_of_them():
    found = [Checked("AF", "12 leads", True, (0.1, -0.1)), Checked("PVC", "12 leads", False, (0.2, 0.2))]
    lines = table(found).splitlines()
    assert len(lines) == 5
    assert lines[2].startswith("| all, 12 leads | 2 | 1 (50 %) | 9 to 91 % | +0.10 ± 0.12")
    assert lines[3].startswith("| AF, 12 leads | 1 | 1 (100 %)")
