"""Integrated Gradients: what each sample adds to a class's logit on the way from a flat line (Sundararajan 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

STEPS = 16  # Gauss-Legendre nodes between the flat line and the signal
EXAMPLES_AT_ONCE = 8  # interpolated windows in memory together


def integrated_gradients(
    network: nn.Module, x: Tensor, classes: Sequence[int], steps: int = STEPS
) -> tuple[Tensor, Tensor]:
    """The share of every sample in the logits, against a flat line that is printed where the signal is.

    Captum's IntegratedGradients on the signal plane; the mask plane stays as it is along the way.

    network: (B, 2, L, T) -> (B, N) logits. x: (B, 2, L, T), planes mV and mask. classes: K columns of the logits.
    Returns (K, B, L, T) in logits, signed, and (K, B), the convergence delta: the sum of the shares minus the
    difference of the logits that they have to add up to (arXiv:1703.01365, completeness).
    """
    import torch
    from captum.attr import IntegratedGradients

    def logits(signal: Tensor, mask: Tensor) -> Tensor:
        return network(torch.stack([signal, mask], dim=1))

    signal, mask = x.repeat(len(classes), 1, 1, 1).unbind(1)
    target = torch.as_tensor(classes, device=x.device).repeat_interleave(len(x))
    shares, delta = IntegratedGradients(logits).attribute(
        signal,
        baselines=0,
        target=target,
        additional_forward_args=(mask,),
        n_steps=steps,
        internal_batch_size=max(EXAMPLES_AT_ONCE, len(signal)),
        return_convergence_delta=True,
    )
    shape = (len(classes), len(x))
    return shares.detach().reshape(*shape, *x.shape[2:]), delta.detach().reshape(shape)
