"""A simulated twelve-lead ECG: waves as Gaussians of time, with one amplitude per independent lead.

Nothing here is recorded from anyone. The shapes are textbook shapes (amplitudes and durations inside the normal limits
of Rijnbeek 2014, doi:10.1016/j.jelectrocard.2014.07.022, unless a disorder is asked for), good for fixtures, for the
app's example and for shapes that are rare in recordings. Limb leads obey Einthoven and Goldberger exactly, because only
I and II are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.ecg.leads import RATE_HZ

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
QRS_SHAPES = ("normal", "LBBB", "RBBB")
RHYTHMS = ("sinus", "AF")

REGIONS: dict[str, dict[str, float]] = {
    # Injury current per lead for 1 mV in the lead that shows most of it; III, aVR, aVL, aVF follow from I and II.
    "anterior": {"I": 0.15, "II": -0.15, "V1": 0.55, "V2": 1.0, "V3": 0.95, "V4": 0.7, "V5": 0.25, "V6": 0.1},
    "inferior": {"I": -0.4, "II": 0.6, "V1": -0.1, "V2": -0.35, "V3": -0.25, "V4": -0.1, "V5": 0.1, "V6": 0.15},
    "lateral": {"I": 0.7, "II": -0.1, "V1": -0.3, "V2": -0.2, "V3": 0.0, "V4": 0.3, "V5": 0.9, "V6": 1.0},
    "diffuse": {"I": 0.5, "II": 0.9, "V1": -0.3, "V2": 0.3, "V3": 0.6, "V4": 0.9, "V5": 1.0, "V6": 0.9},
}


@dataclass(frozen=True)
class Wave:
    """One Gaussian: its centre after the R peak, its width before/after the centre (s), and mV per INDEPENDENT lead."""

    centre_s: float
    rise_s: float
    fall_s: float
    amplitudes_mv: tuple[float, ...]


@dataclass(frozen=True)
class EcgProfile:
    """What to simulate. Times in ms, voltages in mV, rate per minute.

    st_mv: level of the ST segment per region of REGIONS, e.g. {"inferior": 0.3} or {"diffuse": -0.15} (depression).
    pvc_share, pac_share: share of the beats that are premature.
    rr_cv: coefficient of variation of the RR interval in sinus rhythm.
    voltage: factor on every wave. axis_tilt: mV moved from lead I to lead II per mV of R, for a more vertical heart.
    """

    heart_rate: float = 70.0
    rr_cv: float = 0.03
    rhythm: str = "sinus"
    pr_ms: float = 160.0
    qrs: str = "normal"
    pvc_share: float = 0.0
    pac_share: float = 0.0
    st_mv: Mapping[str, float] = field(default_factory=dict)
    t_factor: float = 1.0
    voltage: float = 1.0
    axis_tilt: float = 0.0
    noise_mv: float = 0.008
    wander_mv: float = 0.03


P_WAVE = Wave(0.0, 0.020, 0.022, (0.07, 0.13, 0.05, 0.07, 0.07, 0.07, 0.06, 0.05))  # centred at P, see _p_centre
P_HALF_S = 0.050  # from the onset of P to its peak
QRS_WAVES: dict[str, tuple[Wave, ...]] = {
    "normal": (
        Wave(-0.022, 0.006, 0.006, (-0.06, -0.08, 0.0, 0.0, 0.0, -0.03, -0.08, -0.07)),
        Wave(-0.010, 0.008, 0.008, (0.0, 0.0, 0.22, 0.35, 0.2, 0.1, 0.0, 0.0)),
        Wave(0.000, 0.009, 0.009, (0.70, 1.05, 0.0, 0.1, 0.6, 1.25, 1.20, 0.95)),
        Wave(0.021, 0.009, 0.011, (-0.12, -0.16, -0.95, -1.35, -0.80, -0.40, -0.15, -0.06)),
    ),
    "LBBB": (
        Wave(-0.040, 0.010, 0.010, (0.05, 0.10, 0.10, 0.12, 0.08, 0.0, 0.0, 0.0)),
        Wave(-0.022, 0.016, 0.016, (0.65, 0.45, -0.75, -1.10, -0.80, -0.15, 0.75, 0.80)),
        Wave(0.025, 0.020, 0.020, (0.70, 0.35, -1.20, -1.70, -1.30, -0.30, 0.80, 0.90)),
    ),
    "RBBB": (
        Wave(-0.022, 0.006, 0.006, (-0.06, -0.06, 0.0, 0.0, 0.0, -0.03, -0.08, -0.07)),
        Wave(-0.016, 0.008, 0.008, (0.0, 0.0, 0.25, 0.30, 0.2, 0.1, 0.0, 0.0)),
        Wave(0.000, 0.009, 0.009, (0.60, 0.85, -0.15, 0.10, 0.55, 1.10, 1.05, 0.85)),
        Wave(0.012, 0.009, 0.009, (-0.05, -0.05, -0.45, -0.90, -0.45, -0.15, 0.0, 0.0)),
        Wave(0.055, 0.018, 0.022, (-0.28, -0.22, 0.80, 0.45, -0.15, -0.25, -0.30, -0.30)),
    ),
}
QRS_END_S = {"normal": 0.050, "LBBB": 0.085, "RBBB": 0.105}  # of the J point after R
QRS_ONSET_S = {"normal": -0.040, "LBBB": -0.065, "RBBB": -0.040}
T_AMPLITUDES_MV = {
    "normal": (0.18, 0.28, 0.03, 0.35, 0.38, 0.35, 0.28, 0.20),
    "LBBB": (-0.18, -0.05, 0.35, 0.50, 0.45, 0.15, -0.20, -0.25),
    "RBBB": (0.16, 0.24, -0.22, -0.12, 0.20, 0.28, 0.25, 0.18),
}
PVC_WAVES = (
    Wave(-0.020, 0.030, 0.030, (0.55, -0.90, 0.50, 1.00, 0.80, -0.30, -0.70, -0.80)),
    Wave(0.055, 0.028, 0.032, (0.45, -0.75, -0.35, 0.60, 0.70, -0.40, -0.60, -0.60)),
    Wave(0.270, 0.055, 0.045, (-0.30, 0.45, -0.15, -0.50, -0.45, 0.20, 0.35, 0.35)),
)


def simulate(profile: EcgProfile, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """(12, N) float32 mV at 500 Hz, rows in the order of LEADS, N = seconds * 500.

    Raises ValueError for a rhythm, QRS shape or region that is not simulated, or a rate outside 20..250 per minute.
    """
    _check(profile)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    eight = np.zeros((len(INDEPENDENT), len(time)))
    if profile.rhythm == "AF":
        eight += _fibrillation(time, rng)
    for peak_s, rr_s, kind in _beats(profile, seconds, rng):
        eight += _beat(time - peak_s, rr_s, kind, profile)
    eight[1] += profile.axis_tilt * eight[0]
    eight[0] *= 1.0 - profile.axis_tilt
    eight *= profile.voltage
    eight += profile.wander_mv * _wander(time, rng) + profile.noise_mv * rng.standard_normal(eight.shape)
    return twelve_leads(eight)


def twelve_leads(eight: np.ndarray) -> np.ndarray:
    """(12, N) float32 from the (8, N) independent leads I, II, V1..V6, by Einthoven's and Goldberger's laws."""
    one, two = eight[0], eight[1]
    limb = (one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2)
    return np.concatenate([np.stack(limb), eight[2:]]).astype(np.float32)


def random_profile(rng: np.random.Generator) -> EcgProfile:
    """A profile at random: mostly near normal, every disorder now and then, none of them exclusive."""
    st = {}
    if rng.random() < 0.25:
        st = {str(rng.choice(list(REGIONS))): float(rng.uniform(-0.25, 0.4))}
    return EcgProfile(
        heart_rate=float(np.clip(rng.normal(78, 20), 38, 160)),
        rr_cv=float(rng.uniform(0.01, 0.08)),
        rhythm="AF" if rng.random() < 0.15 else "sinus",
        pr_ms=float(rng.choice([rng.uniform(120, 200), rng.uniform(210, 320)], p=[0.85, 0.15])),
        qrs=str(rng.choice(QRS_SHAPES, p=[0.7, 0.15, 0.15])),
        pvc_share=float(rng.choice([0.0, rng.uniform(0.05, 0.3)], p=[0.85, 0.15])),
        pac_share=float(rng.choice([0.0, rng.uniform(0.05, 0.3)], p=[0.85, 0.15])),
        st_mv=st,
        t_factor=float(rng.uniform(0.4, 1.5)),
        voltage=float(rng.uniform(0.6, 1.6)),
        axis_tilt=float(rng.uniform(-0.3, 0.6)),
        noise_mv=float(rng.uniform(0.0, 0.02)),
        wander_mv=float(rng.uniform(0.0, 0.08)),
    )


def _check(profile: EcgProfile) -> None:
    if profile.rhythm not in RHYTHMS:
        raise ValueError(f"Simulated rhythms are {', '.join(RHYTHMS)}; asked for {profile.rhythm!r}.")
    if profile.qrs not in QRS_SHAPES:
        raise ValueError(f"Simulated QRS shapes are {', '.join(QRS_SHAPES)}; asked for {profile.qrs!r}.")
    unknown = set(profile.st_mv) - set(REGIONS)
    if unknown:
        raise ValueError(f"Regions of ST change are {', '.join(REGIONS)}; asked for {', '.join(sorted(unknown))}.")
    if not 20 <= profile.heart_rate <= 250:
        raise ValueError(f"The heart rate lies in 20..250 per minute; asked for {profile.heart_rate}.")


def _beats(profile: EcgProfile, seconds: float, rng: np.random.Generator) -> list[tuple[float, float, str]]:
    """(R peak s, RR s of the basic rhythm, "normal" | "PAC" | "PVC") of every beat that reaches into the record."""
    basic = 60.0 / profile.heart_rate
    time, beats, late = -2 * basic + rng.uniform(0, basic), [], 0.0
    while time < seconds + basic:
        if profile.rhythm == "AF":
            rr = max(0.3, basic * rng.gamma(20, 1 / 20))
        else:
            rr = basic * max(0.6, 1 + profile.rr_cv * rng.standard_normal())
        draw = rng.random()
        premature = rng.uniform(0.25, 0.4) * rr
        if draw < profile.pvc_share and late == 0.0:
            beats.append((time + rr - premature, basic, "PVC"))
            late = premature  # the next sinus beat comes as if nothing had happened: a compensatory pause
        elif draw < profile.pvc_share + profile.pac_share and late == 0.0 and profile.rhythm == "sinus":
            rr -= premature
            beats.append((time + rr, basic, "PAC"))
        else:
            beats.append((time + rr, basic, "normal"))
            late = 0.0
        time += rr
    return beats


def _beat(after_r: np.ndarray, rr_s: float, kind: str, profile: EcgProfile) -> np.ndarray:
    """(8, N) mV of one beat on the time axis that is 0 at its R peak."""
    if kind == "PVC":
        return sum((_gaussian(after_r, wave) for wave in PVC_WAVES), start=np.zeros((8, len(after_r))))
    waves = list(QRS_WAVES[profile.qrs])
    onset, end = QRS_ONSET_S[profile.qrs], QRS_END_S[profile.qrs]
    if profile.rhythm == "sinus":
        waves.append(_at(P_WAVE, onset - profile.pr_ms / 1000 + P_HALF_S, 0.7 if kind == "PAC" else 1.0))
    t_peak = end + 0.215 * np.sqrt(rr_s)  # Bazett's law on the interval from J to the peak of T
    width = 0.055 * np.sqrt(rr_s)
    waves.append(Wave(t_peak, width, 0.75 * width, tuple(profile.t_factor * a for a in T_AMPLITUDES_MV[profile.qrs])))
    beat = sum((_gaussian(after_r, wave) for wave in waves), start=np.zeros((8, len(after_r))))
    for region, level in profile.st_mv.items():
        plateau = _step((after_r - end + 0.012) / 0.006) * _step((t_peak + 0.3 * width - after_r) / (0.45 * width))
        beat += level * np.array([REGIONS[region][lead] for lead in INDEPENDENT])[:, None] * plateau
    return beat


def _at(wave: Wave, centre_s: float, factor: float) -> Wave:
    return Wave(centre_s, wave.rise_s, wave.fall_s, tuple(factor * a for a in wave.amplitudes_mv))


def _gaussian(time: np.ndarray, wave: Wave) -> np.ndarray:
    """(8, N): the wave in every independent lead."""
    offset = time - wave.centre_s
    width = np.where(offset < 0, wave.rise_s, wave.fall_s)
    return np.array(wave.amplitudes_mv)[:, None] * np.exp(-0.5 * (offset / width) ** 2)


def _step(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))


def _fibrillation(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(8, N) mV of f waves: 5 to 8 per second, largest in V1, of wandering phase and amplitude."""
    rate = rng.uniform(5, 8)
    phase = 2 * np.pi * rate * time + 1.5 * _wander(time, rng)
    saw = np.sin(phase) + 0.4 * np.sin(2 * phase + 0.7)
    per_lead = np.array([0.02, 0.05, 0.08, 0.05, 0.03, 0.02, 0.02, 0.02])
    return per_lead[:, None] * saw * (1 + 0.4 * _wander(time, rng))


def _wander(time: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) of about unit size: three slow waves between 0.1 and 0.5 Hz, as breathing makes them."""
    rates, phases = rng.uniform(0.1, 0.5, 3), rng.uniform(0, 2 * np.pi, 3)
    return sum(np.sin(2 * np.pi * r * time + p) for r, p in zip(rates, phases, strict=True)) / np.sqrt(1.5)
