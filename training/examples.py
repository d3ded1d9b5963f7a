"""`python -m training.examples`: draws the app's synthetic examples again, bit for bit, from fixed seeds.

No patient stands behind them: simulated hearts on drawn paper, seen by a drawn camera.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.ecg_page import PageStyle, TextItem, phone_style, plain_style, render
from training.ecg_simulator import EcgProfile, simulate

FOLDER = Path("app_pages/examples")
SEED = 20
ECG = EcgProfile(heart_rate=92, rhythm="AF", qrs="RBBB", voltage=0.95)
TITLE = (
    TextItem("SIMULATED ECG - NO PATIENT", 6, 4, 3.6),
    TextItem("25mm/s", 30, -8, 3.0, "speed"),
    TextItem("10mm/mV", 60, -8, 3.0, "gain"),
)


def ecg() -> bytes:
    """JPEG of a page with atrial fibrillation and right bundle branch block, as a phone sees it."""
    from PIL import Image

    rng = np.random.default_rng(SEED)
    page: PageStyle = replace(plain_style(), texts=TITLE, margin_mm=(8.0, 18.0, 8.0, 14.0))
    photo = render(simulate(ECG, page.seconds, rng), phone_style(page, rng), rng).image
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "ecg.jpg").write_bytes(ecg())
    return 0


if __name__ == "__main__":
    sys.exit(main())
