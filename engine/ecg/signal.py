"""The twelve-lead signal: what a page printed or a file stored, on one time axis."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from engine.ecg.leads import LEADS, RATE_HZ


@dataclass(frozen=True)
class EcgSignal:
    """Twelve leads at 500 Hz.

    samples_mv: (T, 12) float32 in mV, columns in the order of LEADS, NaN where a lead is not given at that time.
        Time 0 is the left end of the page's traces (or the first sample of a file).
    confidence: (T, 12) float32, 0..1: how sure the reading of a sample is; 0 where NaN, 1 for stored signals.
    """

    samples_mv: np.ndarray
    confidence: np.ndarray

    @property
    def seconds(self) -> float:
        return len(self.samples_mv) / RATE_HZ

    def lead(self, name: str) -> np.ndarray:
        """(T,) mV of one lead, NaN where it is not given."""
        return self.samples_mv[:, LEADS.index(name)]

    def given(self) -> tuple[str, ...]:
        """The leads with at least one sample."""
        return tuple(lead for k, lead in enumerate(LEADS) if np.isfinite(self.samples_mv[:, k]).any())

    def to_csv(self) -> bytes:
        """The artefact `signal.csv` of the contract: time_s and twelve leads in mV, empty where not given."""
        text = io.StringIO()
        text.write(",".join(["time_s", *LEADS]) + "\n")
        for k, row in enumerate(self.samples_mv.tolist()):
            text.write(f"{k / RATE_HZ:.3f}," + ",".join("" if v != v else f"{v:.4f}" for v in row) + "\n")
        return text.getvalue().encode()
