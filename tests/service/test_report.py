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
        *(
            Measurement(f"st_level_{lead}", f"ST level in {lead}", 0.01 * k, "mV", where={"lead": lead})
            for k, lead in enumerate(LEADS)
        ),
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
        "Heart rate (lead II) 131 per min 60 to 100 ▲ above",
        "QT 390 ms up to 460 ✓ within",
        "Guideline A; Guideline B",
        "Einthoven’s law ≤ 0.25 0.06 good",
        "Input SHA-256 " + "ab" * 32,
        "Weight net, SHA-256 " + "cd" * 32,
    ):
        assert words in read


def test_a_measurement_of_every_lead_lies_along_one_row():
    read = " ".join(pages(report(FINDING)))
    assert "ST level, mV I II III aVR aVL aVF V1 V2 V3 V4 V5 V6 0.00 0.01 0.02 0.03" in read


def test_sparks_have_a_row_each_with_a_column_per_measurement():
    sparks = tuple(
        Measurement(code, name, value + k, unit, where={"spark": k, "frame": 9})
        for k in range(1, 5)
        for code, name, value, unit in (("amplitude", "Amplitude", 20.0, "1"), ("fwhm", "Width", 40.0, "um"))
        if (code, k) != ("fwhm", 2)
    )
    (read,) = pages(report(Finding("calcium-sparks", PROVENANCE, measurements=sparks)))
    assert "Spark Amplitude Width, µm 1 21.00 41 2 22.00 3 23.00 43 4 24.00 44" in read


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
