"""Where the beats are: R peaks, the bounds of P, QRS and T in every beat and lead, the median beat, ectopic beats."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Waves:
    """Bounds of one beat, in samples at 500 Hz. The end of the QRS is the J point. None: no such wave to be seen."""

    qrs_onset: int
    qrs_offset: int
    p_onset: int | None = None
    p_peak: int | None = None
    p_offset: int | None = None
    t_peak: int | None = None
    t_offset: int | None = None


@dataclass(frozen=True)
class Beat:
    """One beat; samples count from the record's start.

    waves: all leads taken together (earliest onset, latest end); by_lead: each printed lead alone.
    dominant: whether its QRS has the record's usual shape. p_seen: whether a P wave precedes it, None where that cannot be told.
    ectopic: "" for a regular beat, else `supraventricular` or `ventricular`, with the `reason` as a sentence.
    """

    r_peak: int
    waves: Waves
    by_lead: dict[str, Waves] = field(default_factory=dict)
    dominant: bool = True
    p_seen: bool | None = None
    ectopic: str = ""
    reason: str = ""


@dataclass(frozen=True)
class MedianBeat:
    """The usual beat: each lead's median over the beats of the dominant shape.

    samples_mv: (W, 12) mV, columns in the order of LEADS, NaN for leads that are not given; the baseline (just before the QRS) is 0.
    r_index: the sample of the R peak in it. waves, by_lead: as in `Beat`, counted from the median beat's first sample.
    count: (12,) beats that each lead's median is made of.
    """

    samples_mv: np.ndarray
    r_index: int
    waves: Waves
    by_lead: dict[str, Waves]
    count: np.ndarray


@dataclass(frozen=True)
class Beats:
    """All beats of a record in time order; `median` is None where no beat was found."""

    beats: tuple[Beat, ...]
    median: MedianBeat | None = None

    @property
    def r_peaks(self) -> np.ndarray:
        """(n,) samples of the R peaks from the record's start."""
        return np.array([beat.r_peak for beat in self.beats], int)
