"""From twelve leads to the nine classes: preparation, network, calibration and operating points.

The network looks at windows of 10 s at 100 Hz. A 40 Hz low-pass makes hospitals alike (Brugada-HUCA stores 100 Hz data,
many machines print through a 40 Hz filter) and keeps mains hum out; nothing is scaled, because ST levels are in mV.
Each lead goes through the same encoder, so its features can be explained lead by lead (`EcgClassifier.lead_features`);
only then are the leads that are printed at a time brought together, and the time course read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import signal as filters
from torch import Tensor, nn
from torch.nn import functional

from engine.ecg.leads import CLASS_NAMES, CLASSES, LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal
from engine.errors import RefusedStudy, WeightError
from engine.finding import Label
from engine.models import LoadedModel
from engine.weights import Weight

NETWORK_RATE_HZ = 100
STEP = RATE_HZ // NETWORK_RATE_HZ  # signal samples per network sample
WINDOW_S = 10
WINDOW = WINDOW_S * NETWORK_RATE_HZ  # network samples
WINDOW_SLACK_S = 1.0  # a page of up to 11 s is one window; what is beyond 10 s is left out
BAND_HZ = 40.0  # low-pass before decimation, the usual filter of printed ECGs
LONGEST_GAP_S = 0.1  # of unreadable ink that is bridged
SHORTEST_S = 1.0  # of any one lead: less holds no beat
LIMIT_MV = 5.0  # larger deflections are pacing spikes or artefacts
WINDOWS_AT_ONCE = 12  # in memory together
ECTOPIC = tuple(CLASSES.index(code) for code in ("PAC", "PVC"))  # one premature beat anywhere makes the record positive

_LOW_PASS = filters.firwin(101, BAND_HZ, fs=RATE_HZ)  # zero phase, 0.1 s to either side


@dataclass(frozen=True)
class Prepared:
    """What the network reads.

    x: (W, 2, 12, 1000) float32. Plane 0 is mV (median of each lead removed, 0 where not given), plane 1 is 1 where given.
    starts: (W,) first sample of each window on the signal's 500 Hz axis; network sample k of window w is
        signal sample starts[w] + 5 k. A window reaches past the signal's end where that is shorter than 10 s.
    """

    x: np.ndarray
    starts: np.ndarray


def classify(signal: EcgSignal, model: LoadedModel) -> tuple[Label, ...]:
    """The nine classes with calibrated probabilities, in the order of CLASSES.

    Raises:
        RefusedStudy: `no_signal` if there is nothing to look at.
        WeightError: if the weight's operating points are not those of this network.
    """
    operating = Operating.of(model.weight)
    x = torch.from_numpy(prepare(signal).x).to(model.device)
    with model.lock, torch.no_grad():
        logits = torch.cat([model.module(part) for part in x.split(WINDOWS_AT_ONCE)])
    probabilities = operating.probabilities(over_windows(logits.float().cpu().numpy()))
    return labels(probabilities, operating)


@dataclass(frozen=True)
class Operating:
    """How logits become answers, all (9,) in the order of CLASSES; chosen on records that the members were not trained on.

    slope, offset: probability = 1 / (1 + exp(-(slope * logit + offset))) (Platt 1999). threshold: positive from here on.
    low, high: the abstention zone around the threshold. validated: whether enough positive cases stood behind the choice.
    """

    slope: np.ndarray
    offset: np.ndarray
    threshold: np.ndarray
    low: np.ndarray
    high: np.ndarray
    validated: np.ndarray

    @classmethod
    def of(cls, weight: Weight) -> Operating:
        """The operating points that a weight ships with. Raises WeightError where they are not there."""
        try:
            points = cls(**{name: np.asarray(weight.operating[name]) for name in cls.__annotations__})
        except KeyError as error:
            raise WeightError(f"The weight {weight.name} states no {error.args[0]}; install the app again.") from error
        if any(values.shape != (len(CLASSES),) for values in vars(points).values()):
            raise WeightError(f"The weight {weight.name} does not state one operating point per class; install the app again.")
        return points

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(..., 9) calibrated probabilities of (..., 9) logits."""
        return 1 / (1 + np.exp(-np.clip(self.slope * logits + self.offset, -30, 30)))


def calibrated(logits: np.ndarray, weight: Weight) -> np.ndarray:
    """(..., 9) logits -> calibrated probabilities by the weight's own operating points."""
    return Operating.of(weight).probabilities(logits)


def over_windows(logits: np.ndarray) -> np.ndarray:
    """(W, 9) logits of a record's windows -> (9,): the mean, and for premature beats the highest."""
    record = logits.mean(axis=0)
    record[list(ECTOPIC)] = logits[:, ECTOPIC].max(axis=0)
    return record


def labels(probabilities: np.ndarray, operating: Operating) -> tuple[Label, ...]:
    """(9,) probabilities as the finding's labels."""
    return tuple(
        Label(
            code,
            CLASS_NAMES[code],
            round(float(probabilities[k]), 4),
            round(float(operating.threshold[k]), 4),
            bool(probabilities[k] >= operating.threshold[k]),
            bool(operating.low[k] <= probabilities[k] < operating.high[k]),
            bool(operating.validated[k]),
        )
        for k, code in enumerate(CLASSES)
    )


def prepare(signal: EcgSignal) -> Prepared:
    """The signal as the network reads it: 40 Hz low-pass, 100 Hz, windows of 10 s.

    Raises:
        RefusedStudy: `no_signal` if no lead is given for a second or more.
    """
    values, given = resample(signal.samples_mv)
    if given.sum(axis=0).max(initial=0) < SHORTEST_S * NETWORK_RATE_HZ:
        raise RefusedStudy("no_signal", "No lead is readable for a second or more; photograph the whole page again.")
    starts = window_starts(len(values))
    x = np.zeros((len(starts), 2, len(LEADS), WINDOW), np.float32)
    for window, start in zip(x, starts, strict=True):
        part = slice(start, start + WINDOW)
        length = len(values[part])
        window[0, :, :length] = values[part].T
        window[1, :, :length] = given[part].T
    return Prepared(centred(x), starts * STEP)


def resample(samples_mv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, L) mV at 500 Hz with NaN -> (T/5, L) mV at 100 Hz after the low-pass, and (T/5, L) bool: where it was given.

    Gaps of up to LONGEST_GAP_S are bridged by straight lines. Values where nothing was given mean nothing.
    """
    length, leads = samples_mv.shape
    time = np.arange(length)
    filled = np.zeros((length, leads), np.float64)
    given = np.zeros((length, leads), bool)
    for k in range(leads):
        at = np.flatnonzero(np.isfinite(samples_mv[:, k]))
        if not len(at):
            continue
        filled[:, k] = np.interp(time, at, samples_mv[at, k])
        given[at, k] = True
        for left, right in zip(at[:-1], at[1:], strict=True) if len(at) < length else ():
            if 1 < right - left <= LONGEST_GAP_S * RATE_HZ:
                given[left:right, k] = True
    reach = len(_LOW_PASS) // 2
    padded = np.pad(filled, ((reach, reach), (0, 0)), mode="edge")
    smooth = filters.oaconvolve(padded, _LOW_PASS[:, None], mode="valid", axes=0)
    return smooth[::STEP].astype(np.float32), given[::STEP]


def window_starts(length: int) -> np.ndarray:
    """First samples (100 Hz) of the 10 s windows that cover `length` samples evenly."""
    if length <= WINDOW + WINDOW_SLACK_S * NETWORK_RATE_HZ:
        return np.zeros(1, int)
    count = -(-length // WINDOW)
    return np.linspace(0, length - WINDOW, count).round().astype(int)


def centred(x: np.ndarray) -> np.ndarray:
    """(..., 2, 12, T) with each lead's median over its given samples removed, limited to LIMIT_MV, 0 where not given."""
    given = x[..., 1, :, :] > 0
    values = np.where(given, x[..., 0, :, :], np.nan)
    some = given.any(axis=-1, keepdims=True)
    middle = np.nanmedian(np.where(some, values, 0), axis=-1, keepdims=True)
    values = np.where(given, values - middle, 0).clip(-LIMIT_MV, LIMIT_MV)
    return np.stack([values, given], axis=-3).astype(np.float32)


class LeadEncoder(nn.Module):
    """One lead's morphology: (B, 2, 12, T) -> (B, channels, 12, T/4). The same filters for every lead, none across leads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.stem = _lead_convolution(2, half, 11, stride=2)  # 50 Hz
        self.first = _lead_convolution(half, channels, 7, stride=2)  # 25 Hz
        self.second = _lead_convolution(channels, channels, 5)
        self.shortcut = nn.Conv2d(half, channels, 1, stride=(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        low = torch.relu(self.stem(x))
        return torch.relu(self.second(torch.relu(self.first(low))) + self.shortcut(low))


class LeadFusion(nn.Module):
    """The leads that are given at a time, brought together: (B, C, 12, T') and (B, 12, T') -> (B, width, T').

    Each lead has its own projection; the mean runs over given leads only, so that a missing lead counts for nothing.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Conv1d(len(LEADS) * channels, width, 1, bias=False)
        self.layout = nn.Conv1d(len(LEADS), width, 1)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, features: Tensor, given: Tensor) -> Tensor:
        batch, channels, leads, time = features.shape
        own = (features * given[:, None].to(features.dtype)).transpose(1, 2).reshape(batch, leads * channels, time)
        mean = self.project(own) * (leads / given.sum(1, keepdim=True).clamp(min=1)).to(own.dtype)
        return torch.relu(self.norm(mean + self.layout(given)))


class Rhythm(nn.Module):
    """The time course: (B, width, T') and (B, T') given -> tokens -> nine logits.

    Two residual convolutions see a beat, two attention layers the whole window; each class weighs the moments by itself.
    """

    def __init__(self, width: int, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.beats = nn.ModuleList([_TimeBlock(width, dropout) for _ in range(2)])
        self.position = nn.Conv1d(width, width, 31, padding=15, groups=width)
        self.attention = nn.ModuleList(
            [
                nn.TransformerEncoderLayer(width, 4, 2 * width, dropout, "gelu", batch_first=True, norm_first=True)
                for _ in range(2)
            ]
        )
        for layer in self.attention:
            layer.self_attn.dropout = 0.0  # costs a sixth of a training step and changes little
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(2 * dropout)
        self.moment = nn.Linear(width, classes)
        self.score = nn.Linear(width, classes)

    def tokens(self, fused: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T'/2, width) and (B, T'/2) bool: where no lead is given."""
        y = fused * given[:, None]
        for block in self.beats:
            y = block(y) * given[:, None]
        y = functional.avg_pool1d(y, 2)
        missing = functional.max_pool1d(given[:, None], 2)[:, 0] == 0
        y = (y + self.position(y)).transpose(1, 2)
        for layer in self.attention:
            y = layer(y, src_key_padding_mask=missing)
        return self.norm(y), missing

    def logits(self, tokens: Tensor, missing: Tensor) -> Tensor:
        tokens = self.drop(tokens)
        moments = self.moment(tokens).float().masked_fill(missing[:, :, None], -torch.inf).softmax(1)
        return (moments * self.score(tokens).float()).sum(1)


class EcgClassifier(nn.Module):
    """An ensemble of small networks: (B, 2, 12, T) as `prepare` makes it -> (B, 9) logits, the mean over the members.

    lead_features: the layer to explain: (B, members * channels, 12, T/4) before any two leads meet, 25 Hz. Its gradient
        is the whole ensemble's, so that one class activation map speaks for all members.
    """

    def __init__(self, members: int = 1, channels: int = 64, width: int = 128, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.encoders = nn.ModuleList([LeadEncoder(channels) for _ in range(members)])
        self.lead_features = nn.Identity()
        self.fusions = nn.ModuleList([LeadFusion(channels, width) for _ in range(members)])
        self.rhythms = nn.ModuleList([Rhythm(width, classes) for _ in range(members)])

    def forward(self, x: Tensor) -> Tensor:
        return self.member_logits(x).mean(0)

    def member_logits(self, x: Tensor) -> Tensor:
        """(members, B, 9): what each member says."""
        tokens = self.member_tokens(x)
        return torch.stack([rhythm.logits(*seen) for rhythm, seen in zip(self.rhythms, tokens, strict=True)])

    def member_tokens(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Per member the time course (B, T/8, width), and (B, T/8) bool: where no lead is given."""
        given = (functional.avg_pool1d(x[:, 1].detach(), 4) >= 0.5).to(x.dtype)
        clean = torch.stack([x[:, 0] * (x[:, 1] > 0), x[:, 1]], 1)
        features = self.lead_features(torch.cat([encoder(clean) for encoder in self.encoders], 1))
        parts = features.chunk(len(self.encoders), 1)
        fused = [fusion(part, given) for fusion, part in zip(self.fusions, parts, strict=True)]
        return [rhythm.tokens(y, given.amax(1)) for rhythm, y in zip(self.rhythms, fused, strict=True)]


def _lead_convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), (0, kernel // 2), bias=False),
        nn.BatchNorm2d(outputs),
    )


class _TimeBlock(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(width, width, 5, padding=2, bias=False), nn.BatchNorm1d(width))
        self.second = nn.Sequential(nn.Conv1d(width, width, 5, padding=2, bias=False), nn.BatchNorm1d(width))
        self.drop = nn.Dropout(dropout)

    def forward(self, y: Tensor) -> Tensor:
        return torch.relu(y + self.second(self.drop(torch.relu(self.first(y)))))
