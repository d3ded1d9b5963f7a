"""How the ECG classifier is taught: records, folds, distortions, tiles, operating points and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.ecg.classifier import WINDOW, EcgClassifier, Operating
from engine.ecg.leads import CLASSES, LEADS
from training import classification_scores as scores
from training import ecg_evidence
from training.ecg_augment import INJURIES, as_printed, as_stored, batch, beats, draw_layout, injured
from training.ecg_classifier import ensemble, folds, main, usable_labels
from training.ecg_network import Taught, draw_chances, masked_loss
from training.ecg_operating import Judged, best_cut, choose, platt
from training.ecg_records import (
    AUXILIARY,
    INDEPENDENT,
    EcgRecords,
    at_500_hz,
    labels_from_codes,
    read_records,
    twelve_leads,
)

STE, STD = CLASSES.index("STE"), CLASSES.index("STD")


def drawn_beats(seconds: float, rate_hz: int) -> np.ndarray:
    """(8, samples) mV: an R wave every second, first at 0.5 s, of another height in each lead."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.linspace(0.4, 1.2, 8)[:, None] * np.exp(-((((time % 1) - 0.5) / 0.02) ** 2))


def drawn_records(count: int = 12) -> EcgRecords:
    labels = np.zeros((count, 9), np.float32)
    labels[np.arange(count), np.arange(count) % 9] = 1
    signals = np.repeat(drawn_beats(10, 100)[None].astype(np.float32), count, axis=0)
    stored = np.repeat(np.round(drawn_beats(10, 250) / 0.005).astype(np.int16)[None], count, axis=0)
    return EcgRecords(
        signals, np.full(count, WINDOW), stored, labels, np.zeros((count, len(AUXILIARY)), np.float32),
        np.arange(count) % 2 == 0, np.array([f"p{k // 2}" for k in range(count)]), np.array(["PTB-XL"] * count),
        np.array(["train"] * count), np.full(count, 60.0), np.array(["F"] * count),
    )  # fmt: skip


def test_lead_laws() -> None:
    found = dict(zip(LEADS, twelve_leads(np.random.default_rng(0).normal(size=(8, 50))), strict=True))
    np.testing.assert_allclose(found["II"], found["I"] + found["III"])
    np.testing.assert_allclose(found["aVR"] + found["aVL"] + found["aVF"], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("codes", "ones", "unknown"),
    [
        ({"164889003"}, {"AF"}, set()),
        ({"426783006"}, {"Normal"}, set()),
        ({"426783006", "270492004"}, {"I-AVB"}, set()),
        ({"NORM", "SR"}, {"Normal"}, set()),
        ({"IRBBB", "PVC"}, {"PVC"}, {"RBBB"}),
        ({"CRBBB", "IRBBB"}, {"RBBB"}, set()),
        ({"10370003"}, set(), {"LBBB", "RBBB"}),
    ],
)
def test_codes_become_labels(codes: set[str], ones: set[str], unknown: set[str]) -> None:
    labels = labels_from_codes(codes)
    assert {c for c, v in zip(CLASSES, labels, strict=True) if v == 1} == ones
    assert {c for c, v in zip(CLASSES, labels, strict=True) if np.isnan(v)} == unknown


def test_wfdb_folder_with_challenge_headers(tmp_path: Path) -> None:
    import wfdb

    values = twelve_leads(drawn_beats(10, 500)).T
    for name, codes in (("A0001", "164889003,427084000"), ("A0002", "426783006")):
        wfdb.wrsamp(
            name, 500, ["mV"] * 12, list(LEADS), p_signal=values, fmt=["16"] * 12, write_dir=str(tmp_path),
            comments=["Age: 61", "Sex: Female", f"Dx: {codes}"],
        )  # fmt: skip
    records = read_records(tmp_path)
    assert records.signals_mv.shape == (2, 8, WINDOW)
    assert [CLASSES[int(np.nanargmax(row))] for row in records.labels] == ["AF", "Normal"]
    assert records.age.tolist() == [61, 61]
    assert records.sex.tolist() == ["F", "F"]
    np.testing.assert_allclose(at_500_hz(records, 0)[100:-100], values[100:-100], atol=0.01)


def test_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no index12"):
        read_records(tmp_path)


def test_cache_gives_the_same_records(tmp_path: Path) -> None:
    records = drawn_records()
    np.savez(tmp_path / "records.npz", **vars(records))
    again = read_records(tmp_path / "no such folder", tmp_path / "records.npz")
    np.testing.assert_array_equal(again.labels, records.labels)


def test_folds_keep_patients_together_and_hospitals_whole() -> None:
    records = drawn_records(90)
    sources = records.source.copy().astype("<U20")
    sources[60:80], sources[80:] = "elsewhere", "farther"
    records = EcgRecords(**{**vars(records), "source": sources})
    fold = folds(records, 3)
    assert set(fold) == {0, 1, 2}
    for patient in np.unique(records.patient):
        assert len(set(fold[records.patient == patient])) == 1
    for source in ("elsewhere", "farther"):
        assert len(set(fold[sources == source])) == 1


def test_the_largest_other_hospital_comes_first() -> None:
    records = drawn_records(90)
    sources = records.source.copy().astype("<U20")
    sources[50:60], sources[60:] = "a small one", "the large one"
    fold = folds(EcgRecords(**{**vars(records), "source": sources}), 3)
    assert set(fold[60:]) == {0}
    assert set(fold[50:60]) == {1}
    assert np.ptp(np.bincount(fold[:50])) <= 2  # whole patients, of two records each


def test_the_shipped_weight_is_judged_without_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = drawn_records(45)
    held = EcgRecords(**{**vars(records), "split": np.array(["valid"] * len(records))})
    np.savez(tmp_path / "records.npz", **vars(held))
    assert main(["--data", str(tmp_path), "--run", str(tmp_path), "--evaluate"]) == 0
    shown = capsys.readouterr().out
    assert "**All 12 leads for 10 s**" in shown
    assert "| LBBB | 45 | 5 |" in shown
    assert not list(tmp_path.glob("member*"))


def test_rescaled_records_teach_no_st() -> None:
    labels = usable_labels(drawn_records())
    assert np.isnan(labels[1::2][:, [STD, STE]]).all()
    assert np.isfinite(labels[::2]).all()


def test_rare_classes_are_drawn_more_often() -> None:
    records = drawn_records(200)
    labels = np.zeros((200, 9), np.float32)
    labels[:, 0] = 1
    labels[:2, 5] = 1
    chances = draw_chances(EcgRecords(**{**vars(records), "labels": labels}))
    assert chances.sum() == pytest.approx(1)
    assert chances[0] == pytest.approx(5 * chances[10])


def test_batches_are_finite_masked_and_repeatable() -> None:
    records = drawn_records()
    layout = draw_layout(np.random.default_rng(3))
    x, labels = batch(records, np.arange(12), layout, np.random.default_rng(1))
    again, _ = batch(records, np.arange(12), layout, np.random.default_rng(1))
    np.testing.assert_array_equal(x, again)
    assert np.isfinite(x).all()
    assert not x[:, 0][x[:, 1] == 0].any()
    assert not x[:, 1][:, ~layout.shown].any()
    assert np.isnan(labels[1::2, STE]).all()


@pytest.mark.parametrize("seed", range(6))
def test_encoding_only_what_is_shown_changes_nothing(seed: int) -> None:
    torch.manual_seed(0)
    model = Taught(EcgClassifier(channels=16, width=32)).eval()
    layout = draw_layout(np.random.default_rng(seed))
    shown = torch.from_numpy(layout.shown).float().expand(2, -1, -1)
    x = torch.stack([torch.randn(2, 12, WINDOW) * shown, shown], 1)
    with torch.no_grad():
        torch.testing.assert_close(model(x, layout)[0], model.classifier(x), atol=1e-5, rtol=1e-5)


def test_printed_page_shows_each_lead_a_quarter_and_lead_ii_throughout() -> None:
    shown = as_printed(as_stored(drawn_records(1), np.array([0])))[0, 1]
    assert shown.sum(axis=1).tolist() == [250.0 if lead != "II" else 1000.0 for lead in LEADS]
    assert shown[LEADS.index("V6"), 750:].all()


def test_beats_of_the_simulation_are_found() -> None:
    peaks, ends = beats(drawn_beats(10, 100).astype(np.float32))
    assert len(peaks) == 10
    np.testing.assert_allclose(peaks / 100 % 1, 0.5, atol=0.05)
    assert (ends > peaks).all()


@pytest.mark.parametrize("injury", INJURIES, ids=lambda i: i.name)
def test_injury_currents_point_where_they_say(injury) -> None:  # type: ignore[no-untyped-def]
    leads = drawn_beats(10, 100).astype(np.float32)
    added = injured(leads, injury, 0.4, np.random.default_rng(0)) - leads
    _, ends = beats(leads)
    at_j = added[:, ends[2:8]].mean(axis=1)
    largest = INDEPENDENT[int(np.abs(np.array(injury.direction)).argmax())]
    assert at_j[INDEPENDENT.index(largest)] == pytest.approx(0.4, rel=0.35)
    assert np.corrcoef(at_j, injury.direction)[0, 1] > 0.9
    if injury.name == "inferior":
        limb = dict(zip(LEADS, twelve_leads(at_j[:, None])[:, 0], strict=True))
        assert min(limb["II"], limb["III"], limb["aVF"]) > 0.1
        assert limb["aVL"] < -0.05


def test_unknown_labels_do_not_enter_the_loss() -> None:
    logits = torch.tensor([[0.0, 100.0]])
    assert masked_loss(logits, torch.tensor([[1.0, torch.nan]])).item() == pytest.approx(np.log(2))


def test_calibration_recovers_a_known_logistic() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2, 4000, 2))
    logits[1] = logits[0]
    truth = rng.random(4000) < 1 / (1 + np.exp(-(0.8 * logits[0, :, 0] + 0.3 * logits[0, :, 1] - 1)))
    slopes, offset = platt(logits, truth)
    np.testing.assert_allclose([*slopes, offset], [0.8, 0.3, -1], atol=0.15)


def test_cut_is_that_of_the_best_expected_f1() -> None:
    sure = np.array([[0.02] * 20 + [0.9] * 5])
    assert best_cut(sure) == pytest.approx(0.425)  # the middle between them, as far as cuts go
    by_hand = np.array([[0.1] * 8 + [0.3] * 4 + [0.5] * 2])  # expected F1: 6 / 17, 4.4 / 9 or 2 / 5
    assert 0.1 < best_cut(by_hand) <= 0.3


def test_operating_points_have_a_zone_and_mark_small_classes() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 9)) < 0.3).astype(np.float32)
    labels[:, 8] = np.arange(400) < 10
    logits = (labels * 3 - 1.5 + rng.normal(0, 1, labels.shape))[None].repeat(2, 0)
    found = choose(Judged(logits, logits, labels))
    assert isinstance(found, Operating)
    assert ((found.low < found.threshold) & (found.threshold < found.high)).all()
    assert found.validated.tolist() == [True] * 8 + [False]


def test_curves_learn_a_step() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(1500, ecg_evidence.FEATURES.__len__())).astype(np.float32)
    numbers[::7, 3] = np.nan
    labels = np.full((1500, 9), np.nan, np.float32)
    labels[:, 2] = numbers[:, 5] > 1
    model = ecg_evidence.fit(numbers, labels)
    said = ecg_evidence.predict(model, numbers)[:, 2] > 0
    assert scores.f1(labels[:, 2] == 1, said) > 0.9
    shares = model.rise[:, :, 2].abs().sum(1)
    assert int(shares.argmax()) == 5


def test_ensemble_holds_its_members_and_curves() -> None:
    torch.manual_seed(0)
    members = [EcgClassifier().eval(), EcgClassifier().eval()]
    together = ensemble(members, ecg_evidence.AdditiveEvidence())
    x = torch.from_numpy(as_stored(drawn_records(2), np.arange(2)))
    with torch.no_grad():
        expected = torch.stack([member(x) for member in members]).mean(0)
        torch.testing.assert_close(together(x), expected, atol=0.02, rtol=0.02)


def test_scores_by_hand() -> None:
    truth = np.array([True, False, True, False])
    assert scores.auroc(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(0.75)
    assert scores.average_precision(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx((1 + 2 / 3) / 2)
    assert scores.f1(truth, np.array([True, True, False, False])) == pytest.approx(0.5)
    assert scores.calibration_error(truth, np.array([0.95, 0.05, 0.95, 0.05])) == pytest.approx(0.05)
    low, high = scores.interval(lambda rows: float(truth[rows].mean()), np.arange(4), draws=200)
    assert 0 <= low < 0.5 < high <= 1
