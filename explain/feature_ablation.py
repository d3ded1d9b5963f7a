"""Feature ablation by lead: how far a score falls if one lead had not been there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEADS_AT_ONCE = 4  # ablated records in memory together


def feature_ablation(score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What each lead contributes: the score of the whole record minus the score without that lead.

    Captum's FeatureAblation with one feature per lead: all of the lead's samples and its mask become 0, as in the
    records with missing leads that the network was trained on.

    score: (B, W, P, L, T) -> (B, K). x: (W, P, L, T), the record's windows with signal and mask planes.
    Returns (K, L) in the score's unit; 0 for a lead that is not given anyway.
    """
    import torch
    from captum.attr import FeatureAblation

    lead = torch.arange(x.shape[-2], device=x.device)[:, None]
    drop = FeatureAblation(score).attribute(
        x[None], baselines=0, feature_mask=lead.expand(x[None].shape), perturbations_per_eval=LEADS_AT_ONCE
    )
    return drop[:, 0, 0, :, 0]
