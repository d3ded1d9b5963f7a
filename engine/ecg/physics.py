"""What the limb leads owe each other: Einthoven's and Goldberger's laws, a check of a reading that needs no truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.ecg.leads import LEADS, RATE_HZ

SHARED_S = 0.5  # less in common says nothing
EINTHOVEN = (-1.0, 1.0, -1.0)  # of I, II, III: II - I - III
CONTRADICTORY = 0.9  # of the largest limb lead, by which they contradict each other; unrelated leads reach 1 or more
FLAT_MV = 0.02  # a lead with less (root mean square) keeps no law that could be measured


@dataclass(frozen=True)
class LeadLaws:
    """0: kept exactly; about 1.7: unrelated curves; nan: not measurable, since the leads are not printed at the same time.

    einthoven: rms(II - I - III) / rms(II). goldberger: rms(aVR + aVL + aVF) / mean of their three rms. Means are removed first.
    contradiction: rms(II - I - III) / the largest of their three rms. Unrelated curves reach 1 or more whatever their sizes; a
    small lead II alone raises einthoven, not this.
    Einthoven 1912; Goldberger 1942.
    """

    einthoven: float
    goldberger: float
    contradiction: float = float("nan")

    @property
    def worst(self) -> float:
        """The larger of the two; nan if neither is measurable."""
        known = [v for v in (self.einthoven, self.goldberger) if np.isfinite(v)]
        return max(known) if known else float("nan")

    @property
    def contradictory(self) -> bool:
        """Whether these leads cannot be of one heart at one time."""
        return bool(self.contradiction > CONTRADICTORY)


def lead_laws(samples_mv: np.ndarray) -> LeadLaws:
    """The laws over the simultaneous stretches of (T, 12) mV at 500 Hz in the order of LEADS, NaN if absent."""
    limb = _together(samples_mv, ("I", "II", "III"))
    augmented = _together(samples_mv, ("aVR", "aVL", "aVF"))
    return LeadLaws(
        _share(limb @ EINTHOVEN, _rms(limb)[1:2]) if limb is not None else float("nan"),
        _share(augmented.sum(axis=1), _rms(augmented)) if augmented is not None else float("nan"),
        _share(limb @ EINTHOVEN, _rms(limb).max(keepdims=True)) if limb is not None else float("nan"),
    )


def _together(samples_mv: np.ndarray, names: tuple[str, ...]) -> np.ndarray | None:
    three = np.asarray(samples_mv, float)[:, [LEADS.index(name) for name in names]]
    three = three[np.isfinite(three).all(axis=1)]
    return three - three.mean(axis=0) if len(three) >= SHARED_S * RATE_HZ else None


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt((values**2).mean(axis=0))


def _share(law: np.ndarray, sizes: np.ndarray) -> float:
    size = float(sizes.mean())
    return float(np.sqrt((law**2).mean()) / size) if size > FLAT_MV else float("nan")
