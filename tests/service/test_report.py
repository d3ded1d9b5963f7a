"""The PDF: what it says, on how many pages, and what it does not say of a refused study."""

import io
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from engine import NOTICE
from engine.ecg.leads import CLASS_NAMES, CLASSES, LEADS
from engine.finding import Finding, Label, Measurement, Provenance, Quality, Refusal, Verdict, WeightUsed
from service.report import Picture, report

PROVENANCE = Provenance("ab" * 32, device="cpu", seconds=1.25, weights=(WeightUsed("net", "cd" * 32),))
FINDING = Finding(
    "ecg",
    PROVENANCE,
    tuple(
        Label(code, CLASS_NAMES[code], 0.93 if code == "AF" else 0.004, 0.41, code == "AF", validated=code != "STE")
        for code in CLASSES
    ),
    (
        Measurement("heart_rate", "Heart rate", 131.0, "/min", 60, 100, {"lead": "II"}, "Guideline A"),
        Measurement("qt_interval", "QT", 390.0, "ms", None, 460, source="Guideline B"),
        *(Measurement(f"st_level_{lead}", f"ST level {lead}", -0.05, "mV", -0.1, 0.1) for lead in LEADS),
    ),
    (Quality("einthoven_residual", 0.06, True, "Einthoven’s law ≤ 0.25"),),
)


def pages(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]


def picture(width: int, height: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 240, np.uint8)).save(buffer, "PNG")
    return Picture(buffer.getvalue(), "The ECG, drawn anew.")


def test_answer_measurements_and_provenance_are_there():
    read = " ".join(pages(report(FINDING)))
    for words in (
        "Atrial fibrillation (93 %)",
        "not seen, not validated",
        "< 1 %",
        "Heart rate (lead II) 131 /min 60 to 100 above",
        "QT 390 ms up to 460 in range",
        "Guideline A; Guideline B",
        "Einthoven’s law ≤ 0.25 0.06 good",
        "Input SHA-256 " + "ab" * 32,
        "Weight net, SHA-256 " + "cd" * 32,
    ):
        assert words in read


@pytest.mark.parametrize("pictures", [(), (picture(1200, 700),)])
def test_it_stays_within_two_pages_and_each_bears_the_notice(pictures):
    read = pages(report(FINDING, pictures))
    assert 1 <= len(read) <= 2
    for number, text in enumerate(read, 1):
        assert text.startswith(NOTICE)
        assert f"Page {number} of {len(read)}" in text


def test_a_picture_is_shown_with_its_caption():
    assert "The ECG, drawn anew." in " ".join(pages(report(FINDING, (picture(1200, 700),))))
    assert len(report(FINDING, (picture(1200, 700),))) > len(report(FINDING))


def test_a_refused_finding_is_one_page_with_the_reason_and_no_number():
    refused = Finding("ecg", PROVENANCE, refusal=Refusal("not_an_ecg", "This is no ECG; send one."))
    (text,) = pages(report(refused, (picture(10, 10),)))
    assert "This is no ECG; send one." in text
    assert "Probability" not in text
    assert "Measurements" not in text


def test_the_clinician_s_reading_is_in_it():
    judged = replace(FINDING, verdict=Verdict("corrected", ("AF",), {"heart_rate": 128.0}, "counted by hand ✓"))
    assert "corrected; AF; heart_rate 128; counted by hand ✓" in " ".join(pages(report(judged)))
