"""How sure a drawn pixel is. Networks that learn from one outline per picture say they are surer than they turn out to be."""

from __future__ import annotations

import numpy as np


def calibrated(shares: np.ndarray, temperature: float) -> np.ndarray:
    """(..., K, S, S) probabilities -> the same, float32, as often right as they say: as if logits were divided by `temperature`.

    The likeliest class stays the likeliest. Source: Guo 2017, temperature scaling; here of the mean of two networks, after it.
    """
    tempered = shares.astype(np.float32) ** (1 / temperature)
    return tempered / tempered.sum(axis=-3, keepdims=True)
