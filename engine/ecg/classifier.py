"""From twelve leads to the nine classes: preparation, network, calibration and operating points.

The network looks at windows of 10 s at 100 Hz. A 40 Hz low-pass makes hospitals alike (Brugada-HUCA stores 100 Hz data,
many machines print through a 40 Hz filter) and keeps mains hum out; nothing is scaled, because ST levels are in mV.
Each lead goes through the same encoder, so its features can be explained lead by lead (`EcgClassifier.lead_features`);
only then are the leads that are printed at a time brought together, and the time course read.
Beside it stands what the measured beats say (`engine/ecg/measured.py`); the two are added, class by class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import signal as filters
from torch import Tensor, nn
from torch.nn import functional

from engine.ecg.delineate import Beats
from engine.ecg.leads import CLASS_NAMES, CLASSES, LEADS, RATE_HZ
from engine.ecg.measured import AdditiveEvidence, measured
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
ENCODER_STEP = 4  # network samples per encoder feature
ENCODER_REACH = 20  # network samples to either side that a feature sees, at most
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


def classify(signal: EcgSignal, beats: np.ndarray, model: LoadedModel) -> tuple[Label, ...]:
    """The nine classes with calibrated probabilities, in the order of CLASSES.

    beats: (9,) what the signal's measured beats say, see `measured_logits`.

    Raises:
        RefusedStudy: `no_signal` if there is nothing to look at.
        WeightError: if the weight's operating points are not those of this network.
    """
    operating = Operating.of(model.weight)
    x = torch.from_numpy(prepare(signal).x).to(model.device)
    with model.lock, torch.no_grad():
        logits = torch.cat([model.module(part) for part in x.split(WINDOWS_AT_ONCE)])
    network = over_windows(logits.float().cpu().numpy())
    return labels(operating.probabilities(network, beats), operating)


def measured_logits(beats: Beats, model: LoadedModel) -> np.ndarray:
    """(9,) logits: what the measured beats say of each class."""
    return measured_shares(beats, model).sum(axis=0) + model.module.measured.base.cpu().numpy()


def measured_shares(beats: Beats, model: LoadedModel) -> np.ndarray:
    """(F, 9): what each number of `engine.ecg.measured.FEATURES` adds to each class's logit."""
    numbers = torch.from_numpy(measured(beats)[None]).to(model.device)
    with torch.no_grad():
        return model.module.measured.shares(numbers)[0].float().cpu().numpy()


@dataclass(frozen=True)
class Operating:
    """How logits become answers, all (9,) in the order of CLASSES; chosen on records that the members were not trained on.

    slope, measured, offset: probability = 1 / (1 + exp(-(slope * network + measured * beats + offset))), the logits of the
        network and of the measured beats (Platt 1999, with two inputs). threshold: positive from here on.
    low, high: the abstention zone around the threshold. validated: whether enough positive cases stood behind the choice.
    """

    slope: np.ndarray
    measured: np.ndarray
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
            raise WeightError(
                f"The weight {weight.name} does not state one operating point per class; install the app again."
            )
        return points

    def probabilities(self, network: np.ndarray, beats: np.ndarray) -> np.ndarray:
        """(..., 9) calibrated probabilities from the logits of the network and of the measured beats, both (..., 9)."""
        return 1 / (1 + np.exp(-np.clip(self.slope * network + self.measured * beats + self.offset, -30, 30)))


def calibrated(network: np.ndarray, beats: np.ndarray, weight: Weight) -> np.ndarray:
    """The same by a weight's own operating points."""
    return Operating.of(weight).probabilities(network, beats)


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
        gaps = np.diff(at)
        for gap in np.flatnonzero((gaps > 1) & (gaps <= LONGEST_GAP_S * RATE_HZ)):
            given[at[gap] : at[gap + 1], k] = True
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
    """The leads that are given at a time, brought together: (B, C, 12, T') and (B, 12, T') -> (B, width, 1, T').

    Each lead has its own projection; the mean runs over given leads only, so that a missing lead counts for nothing.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(len(LEADS) * channels, width, bias=False)
        self.layout = nn.Linear(len(LEADS), width)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, features: Tensor, given: Tensor) -> Tensor:
        own = (features * given[:, None].to(features.dtype)).permute(0, 3, 2, 1).flatten(2)  # (B, T', 12 * C)
        given = given.transpose(1, 2)
        mean = self.project(own) * (len(LEADS) / given.sum(2, keepdim=True).clamp(min=1)).to(own.dtype)
        fused = mean + self.layout(given)
        return torch.relu(self.norm(fused.transpose(1, 2).unsqueeze(2)))


class Rhythm(nn.Module):
    """The time course: (B, width, 1, T') and (B, T') given -> tokens -> nine logits.

    Residual convolutions see a beat and its neighbours, attention the whole window; each class weighs the moments itself.
    """

    def __init__(self, width: int, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.beat = _TimeBlock(width, 1, dropout)  # 25 Hz
        self.neighbours = nn.Sequential(_TimeBlock(width, 1, dropout), _TimeBlock(width, 4, dropout))  # 12.5 Hz
        self.position = nn.Conv2d(width, width, (1, 31), padding=(0, 15), groups=width)
        self.attention = _Attention(width, 4)
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(2 * dropout)
        self.moment = nn.Linear(width, classes)
        self.score = nn.Linear(width, classes)

    def tokens(self, fused: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T'/2, width) and (B, T'/2) bool: where no lead is given."""
        given = given[:, None, None].to(fused.dtype)
        y = functional.avg_pool2d(self.beat(fused * given) * given, (1, 2))
        some = functional.max_pool2d(given, (1, 2))
        y = self.neighbours(y * some) * some
        y = (y + self.position(y)).squeeze(2).transpose(1, 2)
        missing = some[:, 0, 0] == 0
        return self.norm(self.attention(y, missing)), missing

    def logits(self, tokens: Tensor, missing: Tensor) -> Tensor:
        tokens = self.drop(tokens)
        moments = self.moment(tokens).float().masked_fill(missing[:, :, None], -torch.inf).softmax(1)
        return (moments * self.score(tokens).float()).sum(1)


class EcgClassifier(nn.Module):
    """An ensemble of small networks: (B, 2, 12, T) as `prepare` makes it -> (B, 9) logits, the mean over the members.

    measured: the additive curves on the measured beats, no part of the forward pass.
    lead_features: the layer to explain: (B, members * channels, 12, T/4) before any two leads meet, 25 Hz. Its gradient
        is the whole ensemble's, so that one class activation map speaks for all members.
    """

    def __init__(self, members: int = 1, channels: int = 64, width: int = 128, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.encoders = nn.ModuleList([LeadEncoder(channels) for _ in range(members)])
        self.lead_features = nn.Identity()
        self.fusions = nn.ModuleList([LeadFusion(channels, width) for _ in range(members)])
        self.rhythms: Any = nn.ModuleList([Rhythm(width, classes) for _ in range(members)])
        self.measured = AdditiveEvidence(classes=classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.member_logits(x).mean(0)

    def member_logits(self, x: Tensor) -> Tensor:
        """(members, B, 9): what each member says."""
        tokens = self.member_tokens(x)
        return torch.stack([rhythm.logits(*seen) for rhythm, seen in zip(self.rhythms, tokens, strict=True)])

    def member_tokens(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Per member the time course (B, T/8, width), and (B, T/8) bool: where no lead is given."""
        clean = torch.stack([x[:, 0] * (x[:, 1] > 0), x[:, 1]], 1)
        features = torch.cat([encoder(clean) for encoder in self.encoders], 1)
        return self.read(features, functional.avg_pool1d(x[:, 1].detach(), ENCODER_STEP))

    def read(self, features: Tensor, share: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The same from the encoders' features (B, members * C, 12, T') and the share (B, 12, T') given at each of them."""
        given = (share >= 0.5).to(features.dtype)
        parts = self.lead_features(features).chunk(len(self.encoders), 1)
        fused = [fusion(part, given) for fusion, part in zip(self.fusions, parts, strict=True)]
        return [rhythm.tokens(y, given.amax(1)) for rhythm, y in zip(self.rhythms, fused, strict=True)]


def _lead_convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), (0, kernel // 2), bias=False),
        nn.BatchNorm2d(outputs),
    )


class _TimeBlock(nn.Module):
    """Two convolutions along (B, width, 1, T) beside the identity."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Sequential(
                nn.Conv2d(width, width, (1, 5), padding=(0, 2 * dilation), dilation=(1, dilation), bias=False),
                nn.BatchNorm2d(width),
            )
            for _ in range(2)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, y: Tensor) -> Tensor:
        return torch.relu(y + self.second(self.drop(torch.relu(self.first(y)))))


class _Attention(nn.Module):
    """One layer of self-attention with its feed-forward part, pre-norm, on (B, S, width); `missing` (B, S) is not looked at.

    Written out: at this size PyTorch's fused kernels are slower on a CPU, above all backwards.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.tell = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, y: Tensor, missing: Tensor) -> Tensor:
        batch, steps, width = y.shape
        asked = self.ask(self.before(y)).reshape(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = asked.unbind(0)
        match = query @ key.transpose(-1, -2) * (width // self.heads) ** -0.5
        weight = match.float().masked_fill(missing[:, None, None], -torch.inf).softmax(-1)
        told = (weight.to(value.dtype) @ value).transpose(1, 2).reshape(batch, steps, width)
        y = y + self.tell(told)
        return y + self.think(y)
