"""The two learned readers: one judges candidate events, one judges frames by attending to all frames of the recording.

Both are small on purpose: the matched filters and the fit have done the physics, and what is left to decide has few inputs.
"""

from __future__ import annotations

import torch
from torch import nn

from engine.sparks.features import EVENT_FEATURES, FRAME_FEATURES

KINDS = ("noise", "spark", "slow")  # slow: part of a puff or a wave


class EventReader(nn.Module):
    """(N, at least `features`) -> logits (N, len(KINDS)) in the order of KINDS; what lies beyond is not looked at.

    features: how many of CELL_FEATURES it reads. members: networks trained from different starts whose probabilities are
    averaged; of one, the logits are its own.
    """

    def __init__(self, features: int = len(EVENT_FEATURES), width: int = 32, members: int = 1) -> None:
        super().__init__()
        self.features = features
        self.members = nn.ModuleList(_event_network(features, width) for _ in range(members))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        said = torch.stack([member(features[:, : self.features]) for member in self.members])
        return said[0] if len(said) == 1 else torch.logsumexp(torch.log_softmax(said, 2), 0)


def _event_network(features: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, len(KINDS))
    )


class FrameReader(nn.Module):
    """Which frames hold a spark, and whether the recording does.

    Frames are described by themselves and their neighbours (convolutions over time). Gated attention (Ilse 2018,
    arXiv:1802.04712) weighs them into one description of the recording, from which its logit is read; the same weights are
    the explanation. Each frame's own logit is read from its description.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.describe = nn.Sequential(
            nn.Conv1d(FRAME_FEATURES, width, 5, padding=2), nn.SiLU(), nn.Conv1d(width, width, 5, padding=2), nn.SiLU()
        )
        self.gate = nn.Linear(width, width)
        self.content = nn.Linear(width, width)
        self.weigh = nn.Linear(width, 1)
        self.frame = nn.Linear(width, 1)
        self.recording = nn.Linear(width, 1)

    def forward(
        self, features: torch.Tensor, kept: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(T, FRAME_FEATURES) -> frame logits (T,), attention (T,) that sums to 1, recording logit ().

        `kept`: (T,) bool; frames that are False are removed from the recording: they get no attention.
        """
        described = self.describe(features.T[None])[0].T  # (T, width)
        score = self.weigh(torch.tanh(self.content(described)) * torch.sigmoid(self.gate(described)))[:, 0]
        if kept is not None:
            score = score.masked_fill(~kept, -torch.inf)
        attention = torch.softmax(score, 0)
        pooled = (attention[:, None] * described).sum(0)
        return self.frame(described)[:, 0], attention, self.recording(pooled)[0]
