"""What a record meets between the heart and the network: electrodes, machine filters, page layouts, the digitiser.

Also the simulated regional injury currents, because inferior and lateral ST elevation have no real case to learn from.
All at the network's 100 Hz, on the eight independent leads, batch by batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal as filters

from engine.ecg.classifier import ENCODER_REACH, ENCODER_STEP, NETWORK_RATE_HZ, WINDOW, centred
from engine.ecg.leads import CLASSES, LEADS
from training.ecg_records import EcgRecords, twelve_leads

INJURY_RATE = 0.06  # share of the eligible records that get a simulated injury current
INJURY_BELOW_RATE = 0.06  # share that get one too small to count: it stays negative
STE, STD, NORMAL = (CLASSES.index(code) for code in ("STE", "STD", "Normal"))


@dataclass(frozen=True)
class Injury:
    """Where an injury current points: its mV in I, II, V1..V6 per mV of its largest lead, and the largest mV simulated."""

    name: str
    direction: tuple[float, ...]
    low_mv: float
    high_mv: float


# Directions after the regions of the fourth universal definition of myocardial infarction (Thygesen 2018) and the
# reciprocal leads of the lead laws (III = II - I, aVL = I - II / 2); low_mv keeps the leads above its limits at J.
INJURIES = (
    Injury("anterior", (0.15, -0.05, 0.5, 1.0, 1.0, 0.8, 0.35, 0.1), 0.28, 0.6),
    Injury("septal", (0.0, 0.0, 0.9, 1.0, 0.5, 0.1, 0.0, 0.0), 0.26, 0.5),
    Injury("anterolateral", (0.5, 0.05, 0.1, 0.6, 0.9, 1.0, 0.8, 0.5), 0.28, 0.5),
    Injury("lateral", (0.9, 0.1, -0.25, -0.3, -0.1, 0.3, 1.0, 0.95), 0.15, 0.35),
    Injury("inferior", (-0.15, 0.9, -0.1, -0.35, -0.3, -0.1, 0.1, 0.15), 0.15, 0.4),
    Injury("inferolateral", (0.1, 0.9, -0.35, -0.5, -0.3, 0.2, 0.9, 0.95), 0.16, 0.35),
)
BELOW_MV = 0.06  # at J: counts in no lead


@dataclass(frozen=True)
class Layout:
    """What the pages of one batch show.

    shown: (12, 1000) bool. tiles: (lead, first sample) of the stretches that hold all of it, each `length` samples: only
    they need to be encoded. A tile reaches ENCODER_REACH past what it shows, so that nothing is lost at its ends.
    """

    shown: np.ndarray
    tiles: tuple[tuple[int, int], ...]
    length: int


def batch(
    records: EcgRecords, rows: np.ndarray, layout: Layout, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """x (B, 2, 12, 1000) as the network reads it, and (B, 9) labels with NaN where unknown, freshly distorted."""
    labels = records.labels[rows].copy()
    labels[~records.amplitude_true[rows], STD] = np.nan
    labels[~records.amplitude_true[rows], STE] = np.nan
    leads = np.zeros((len(rows), 8, WINDOW), np.float32)
    given = np.zeros((len(rows), len(LEADS), WINDOW), bool)
    for k, row in enumerate(rows):
        signal = records.signals_mv[row, :, : records.lengths[row]]
        if labels[k, STE] == 0 and labels[k, STD] != 1 and records.amplitude_true[row]:
            signal, labels[k] = _maybe_injured(signal, labels[k], rng)
        signal = _stretched(signal, rng.uniform(0.95, 1.05))[:, :WINDOW]
        leads[k, :, : signal.shape[1]] = signal
        given[k, :, : signal.shape[1]] = _printed(layout.shown[:, : signal.shape[1]], rng)
    leads = electrodes(machine(leads, rng), rng)
    return digitised(twelve_leads(leads), given, rng), labels


def draw_layout(rng: np.random.Generator) -> Layout:
    """Half of the batches see stored signals or 6x2 pages, of which some leads are lost; half see 3x4 pages."""
    if rng.random() < 0.5:
        return _columns(rng.choice(["", "II", "II V1 V5", "V1"], p=[0.1, 0.72, 0.1, 0.08]).split())
    shown = np.zeros((len(LEADS), WINDOW), bool)
    kept = np.arange(12) if rng.random() < 0.25 else np.sort(rng.choice(12, rng.integers(5, 10), replace=False))
    shown[kept] = True
    if rng.random() < 0.15:
        shown[:6, WINDOW // 2 :] = False
        shown[6:, : WINDOW // 2] = False
    return Layout(shown, tuple((int(lead), 0) for lead in kept), WINDOW)


def _columns(strips: list[str]) -> Layout:
    """3x4: three leads a quarter of the time, and rhythm strips, in tiles of a quarter."""
    quarter = WINDOW // 4
    shown = np.zeros((len(LEADS), WINDOW), bool)
    length = quarter + 2 * ENCODER_REACH + 2 * ENCODER_STEP + 2
    tiles = []
    for column in range(4):
        first = min(max((column * quarter - ENCODER_REACH) // ENCODER_STEP * ENCODER_STEP, 0), WINDOW - length)
        for lead in {*range(3 * column, 3 * column + 3), *(LEADS.index(name) for name in strips)}:
            shown[lead, column * quarter : (column + 1) * quarter] = True
            tiles.append((lead, first))
    return Layout(shown, tuple(tiles), length)


def _printed(shown: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(12, T) what one page shows of its layout: columns cut a little short, now and then a short stretch, a lead lost."""
    shown = shown.copy()
    cut = rng.integers(0, 4)
    if cut:
        shown[:, cut:] &= shown[:, :-cut]
    if rng.random() < 0.1:
        length = int(rng.uniform(2.5, 9) * NETWORK_RATE_HZ)
        start = int(rng.uniform(0, max(shown.shape[1] - length, 1)))
        part = shown.copy()
        part[:, :start] = part[:, start + length :] = False
        shown = part if part.any() else shown
    if rng.random() < 0.1 and shown.any(axis=1).sum() > 2:
        shown[rng.integers(len(LEADS))] = False
    return shown


def as_printed(x: np.ndarray) -> np.ndarray:
    """(..., 2, 12, T) of full records as a 3x4 page with lead II as rhythm strip shows them."""
    shown = np.zeros(x.shape[-2:], bool)
    quarter = x.shape[-1] // 4
    for column in range(4):
        shown[3 * column : 3 * column + 3, column * quarter : (column + 1) * quarter] = True
    shown[LEADS.index("II")] = True
    return centred(np.stack([x[..., 0, :, :], x[..., 1, :, :] * shown], axis=-3))


def as_stored(records: EcgRecords, rows: np.ndarray) -> np.ndarray:
    """x (B, 2, 12, 1000) of the records as they are."""
    values = twelve_leads(records.signals_mv[rows])
    given = np.arange(WINDOW) < records.lengths[rows][:, None, None]
    return centred(np.stack([values, np.broadcast_to(given, values.shape)], axis=1))


def machine(leads: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B, 8, T) through the filters of other machines: a low-pass at 15..45 Hz and a high-pass at 0.05..0.6 Hz, each in half."""
    frequency = np.fft.rfftfreq(2 * leads.shape[-1], 1 / NETWORK_RATE_HZ)
    count = len(leads)
    low = np.where(rng.random(count) < 0.5, rng.uniform(15, 45, count), 1e6)[:, None]
    high = np.where(rng.random(count) < 0.5, np.exp(rng.uniform(np.log(0.05), np.log(0.6), count)), 0)[:, None]
    gain = 1 / np.sqrt(1 + (frequency / low) ** 8)  # Butterworth, fourth order, zero phase
    turned = np.where(rng.random(count) < 0.5, 1, 0)[:, None]  # zero phase or the single pole of an analogue amplifier
    square = (frequency / np.maximum(high, 1e-6)) ** 2
    pole = (1j * frequency / np.maximum(high, 1e-6)) / (1 + 1j * frequency / np.maximum(high, 1e-6))
    gain = gain * np.where(high > 0, np.where(turned > 0, square / (1 + square), pole), 1)
    spectrum = np.fft.rfft(np.concatenate([leads, leads[..., ::-1]], axis=-1), axis=-1)
    return np.fft.irfft(spectrum * gain[:, None], axis=-1)[..., : leads.shape[-1]].astype(np.float32)


def electrodes(leads: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B, 8, T) as electrodes a little elsewhere would see it: gain, a turned frontal axis, chest leads between their places."""
    count = len(leads)
    turn = np.eye(8) + np.zeros((count, 1, 1))
    turn[:, :2, :2] += rng.normal(0, 0.08, (count, 2, 2))
    up = rng.uniform(-0.25, 0.25, count)
    for k in range(2, 8):
        for neighbour, share in ((k - 1, np.maximum(-up, 0)), (k + 1, np.maximum(up, 0))):
            if 2 <= neighbour < 8:
                turn[:, k, neighbour] += share
                turn[:, k, k] -= share
    gain = np.exp(rng.normal(0, 0.06, (count, 1, 1)))
    return (gain * np.matmul(turn, leads)).astype(np.float32)


def digitised(leads: np.ndarray, given: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B, 2, 12, T) of (B, 12, T) mV: baseline wander, muscle noise, gain and offset per lead, pixel steps, lost pieces."""
    count, names, length = leads.shape
    time = np.arange(length) / NETWORK_RATE_HZ
    wave = np.sin(2 * np.pi * (rng.uniform(0.05, 0.4, (count, 1, 1)) * time + rng.random((count, names, 1))))
    wander = rng.uniform(0, 0.12, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.4) * rng.random((count, names, 1))
    noise = rng.uniform(0, 0.03, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.5)
    gain = 1 + 0.025 * rng.standard_normal((count, names, 1))
    values = leads * gain + wander * wave + noise * rng.standard_normal(leads.shape).astype(np.float32)
    step = np.where(rng.random((count, 1, 1)) < 0.3, rng.uniform(0.005, 0.03, (count, 1, 1)), 0)
    values = np.where(step > 0, np.round(values / np.maximum(step, 1e-3)) * step, values)
    given = given.copy()
    for k in np.flatnonzero(rng.random(count) < 0.15):
        for _ in range(rng.integers(1, 5)):
            start = rng.integers(length - 40)
            given[k, rng.integers(names), start : start + rng.integers(5, 40)] = False
    return centred(np.stack([values, given], axis=1))


def beats(leads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """QRS peaks and J points (samples) of (8, T) mV, by the speed of the spatial vector; for the simulation only."""
    speed = np.sqrt((np.diff(leads, axis=1) ** 2).sum(axis=0))
    speed = np.convolve(speed, np.ones(3) / 3, "same")
    height = 0.4 * np.quantile(speed, 0.99)
    peaks, _ = filters.find_peaks(speed, height=height, distance=int(0.3 * NETWORK_RATE_HZ))
    ends = []
    for peak in peaks:
        after = speed[peak : peak + 16]
        calm = np.flatnonzero(after < 0.12 * speed[peak])
        ends.append(peak + (calm[0] if len(calm) else 8))
    return peaks, np.array(ends, int)


def injured(leads: np.ndarray, injury: Injury, j_mv: float, rng: np.random.Generator) -> np.ndarray:
    """(8, T) mV with an ST-T of this direction and J level after every beat: convex, straight, concave or coved."""
    peaks, ends = beats(leads)
    cycle = np.median(np.diff(peaks)) / NETWORK_RATE_HZ if len(peaks) > 1 else 0.8
    duration = int(np.clip(0.34 * np.sqrt(cycle), 0.2, 0.42) * NETWORK_RATE_HZ)
    current = _st_shape(duration, rng)
    course = np.zeros(leads.shape[1] + duration + 8)
    for end in ends:
        rise = np.linspace(0, 1, 5)[1:]
        start = max(end - 4, 0)
        piece = np.concatenate([rise[: end - start], current])
        course[start : start + len(piece)] = np.maximum(course[start : start + len(piece)], piece) if j_mv else 0
    direction = np.array(injury.direction) * rng.uniform(0.85, 1.15, 8) + rng.normal(0, 0.03, 8)
    return (leads + j_mv * direction[:, None] * course[: leads.shape[1]]).astype(np.float32)


def _st_shape(duration: int, rng: np.random.Generator) -> np.ndarray:
    """(duration,) ST-T of 1 at J, back to 0 at the end of T."""
    u = np.linspace(0, 1, duration)
    t_wave = np.exp(-(((u - rng.uniform(0.55, 0.7)) / 0.16) ** 2))
    fall = 0.5 * (1 + np.cos(np.pi * np.clip((u - 0.45) / 0.5, 0, 1)))
    kind = rng.choice(["convex", "straight", "concave", "coved"])
    if kind == "convex":
        return fall * (1 + rng.uniform(0, 0.4) * np.sin(np.pi * u))
    if kind == "straight":
        return fall * (1 + rng.uniform(0.2, 1.0) * u)
    if kind == "concave":
        return (
            fall * (1 - rng.uniform(0, 0.2) * np.sin(np.pi * np.clip(u / 0.4, 0, 1))) + rng.uniform(0.4, 1.2) * t_wave
        )
    return (1 - u) ** rng.uniform(0.7, 1.5) - rng.uniform(0.2, 0.8) * t_wave * u


def _maybe_injured(signal: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    dice = rng.random()
    if dice > INJURY_RATE + INJURY_BELOW_RATE:
        return signal, labels
    injury = INJURIES[rng.integers(len(INJURIES))]
    if dice > INJURY_RATE:
        return injured(signal, injury, rng.uniform(0.02, BELOW_MV), rng), labels
    labels = labels.copy()
    labels[[STE, NORMAL]] = 1, 0
    labels[STD] = np.nan  # reciprocal depression
    return injured(signal, injury, rng.uniform(injury.low_mv, injury.high_mv), rng), labels


def _stretched(signal: np.ndarray, factor: float) -> np.ndarray:
    """(8, T) mV with time stretched by the factor."""
    length = signal.shape[1]
    at = np.arange(int(length * factor)) / factor
    left = np.minimum(at.astype(int), length - 2)
    part = (at - left).astype(np.float32)
    return signal[:, left] * (1 - part) + signal[:, left + 1] * part
