"""An analysed study made by hand from our own simulator and renderer: what the pages are tried on without any network."""

import numpy as np

from engine.analysis import Analysis
from engine.ecg.criteria import Criterion
from engine.ecg.delineate import Beat, Beats, Waves
from engine.ecg.digitisation import Calibration, Digitisation, LeadTrace
from engine.ecg.evidence import EcgEvidence
from engine.ecg.leads import CLASS_NAMES, CLASSES, LEADS
from engine.ecg.signal import EcgSignal
from engine.finding import Finding, Label, Measurement, Provenance, Quality, Refusal, WeightUsed
from explain.explanation import Explanation, Faithfulness
from training import ecg_simulator
from training.ecg_page import flatten, phone_style, plain_style, render

PROBABILITIES = (0.02, 0.94, 0.05, 0.03, 0.11, 0.28, 0.04, 0.62, 0.01)
THRESHOLDS = (0.5, 0.41, 0.33, 0.4, 0.5, 0.3, 0.4, 0.36, 0.5)


def profile() -> ecg_simulator.EcgProfile:
    return ecg_simulator.EcgProfile(heart_rate=104, rhythm="AF", st_mv={"lateral": -0.12})


def page(seed: int = 3):
    rng = np.random.default_rng(seed)
    signal = ecg_simulator.simulate(profile(), 10, rng)
    return signal, render(signal, phone_style(plain_style(), rng), rng)


def digitisation(drawn) -> Digitisation:
    samples = np.full((5000, 12), np.nan, np.float32)
    traces = []
    for lead in drawn.leads:
        samples[lead.start : lead.start + len(lead.values_mv), LEADS.index(lead.lead)] = lead.values_mv
        scale = drawn.paper.px_per_mm
        traces.append(
            LeadTrace(
                lead.lead,
                lead.start,
                lead.values_mv,
                np.ones(len(lead.values_mv)),
                lead.photo_xy.astype(np.float32),
                (lead.page_mm * scale).astype(np.float32),
                lead.rhythm,
            )
        )
    signal = EcgSignal(samples, np.isfinite(samples).astype(np.float32))
    calibration = Calibration(25, 10, "printed text", "calibration pulse", drawn.paper.px_per_mm, drawn.paper.px_per_mm)
    return Digitisation(
        signal, tuple(traces), "3x4+1", calibration, flatten(drawn), drawn.corners, printed={"heart_rate": 103.0},
        notes=("Gain read from the calibration pulse.",),
    )  # fmt: skip


def beats(signal: EcgSignal) -> Beats:
    lead = np.nan_to_num(signal.lead("II"))
    peaks = [k for k in range(100, len(lead) - 200) if lead[k] == lead[k - 100 : k + 100].max() and lead[k] > 0.5]
    return Beats(tuple(Beat(k, Waves(k - 22, k + 24, None, None, None, k + 110, k + 150), p_seen=False) for k in peaks))


def analysis() -> Analysis:
    _, drawn = page()
    read = digitisation(drawn)
    labels = tuple(
        Label(c, CLASS_NAMES[c], p, t, p >= t and c != "STD", c == "STD", c != "STE")
        for c, p, t in zip(CLASSES, PROBABILITIES, THRESHOLDS, strict=True)
    )
    measurements = (
        Measurement("heart_rate", "Heart rate", 104.0, "/min", 60, 100, {"lead": "II"}, "AHA/ACC/HRS 2009"),
        Measurement("qrs_duration", "QRS duration", 92.0, "ms", 70, 110, {}, "AHA/ACC/HRS 2009"),
        Measurement("qtc_bazett", "QTc (Bazett)", 431.0, "ms", 350, 450, {}, "AHA/ACC/HRS 2009"),
        Measurement("rr_cv", "RR variability", 21.3, "%", None, None, {"lead": "II"}),
        Measurement("st_level_V5", "ST level V5", -0.13, "mV", -0.05, 0.1, {"lead": "V5"}, "ESC 2018"),
    )
    quality = (
        Quality("einthoven_residual", 0.06, True, "Einthoven residual"),
        Quality("leads_read", 12, True, "Leads read"),
    )
    criteria = (
        Criterion("AF", "Irregular RR intervals", True, 21.3, "%", ("II",), "ESC 2020"),
        Criterion("AF", "No P waves", None, None, "", ("II", "V1"), "ESC 2020"),
        Criterion(
            "STD", "ST depression of at least 0.05 mV in two neighbouring leads", True, -0.13, "mV", ("V5", "V6")
        ),
        Criterion("I-AVB", "PR interval above 200 ms", None, None, "ms", ("II",)),
    )
    evidence = EcgEvidence(
        read.signal, drawn.image, read, beats(read.signal), criteria, np.array(PROBABILITIES), np.zeros(9)
    )
    finding = Finding(
        "ecg",
        Provenance("0" * 64, device="cpu", seconds=1.4, weights=(WeightUsed("ecg-classifier", "ab" * 32),)),
        labels,
        measurements,
        quality,
        artefacts={"signal": "signal.csv"},
    )
    return Analysis(finding, {"signal.csv": read.signal.to_csv()}, evidence)


def refused() -> Analysis:
    refusal = Refusal("not_an_ecg", "No ECG paper was found on this picture; photograph the whole page from above.")
    return Analysis(Finding("ecg", Provenance("1" * 64), refusal=refusal))


def explanation(signal: EcgSignal, code: str = "AF") -> Explanation:
    """Smooth random maps; one class explained, whose check passed."""
    rng = np.random.default_rng(0)
    maps = np.stack([np.convolve(rng.random(5400), np.hanning(401) / 200, "valid")[:5000] for _ in range(12)])
    maps = (maps - maps.min()) / (maps.max() - maps.min())
    maps[~np.isfinite(signal.samples_mv.T)] = np.nan
    arrays = {
        "grad_cam": np.stack([maps] * 9),
        "integrated_gradients": np.stack([maps if c == code else np.full_like(maps, np.nan) for c in CLASSES]),
        "feature_ablation": np.stack([rng.normal(0.05, 0.05, 12)] * 9),
    }
    check = Faithfulness(
        code,
        np.array([0, 0.05, 0.1, 0.2, 0.3]),
        np.array([0.94, 0.7, 0.5, 0.3, 0.2]),
        np.array([0.94, 0.93, 0.9, 0.85, 0.8]),
        True,
    )
    return Explanation(arrays, {}, (check,), {"explained": [code]})
