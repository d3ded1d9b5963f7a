"""Grad-CAM: which stretches of which lead speak for a class (Selvaraju 2017, doi:10.1109/ICCV.2017.74)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

LEAD_AXIS = 2  # of a layer's output (B, C, leads, T')


def grad_cam(network: nn.Module, layer: nn.Module, x: Tensor, given: Tensor, classes: Sequence[int]) -> Tensor:
    """How much each stretch of each lead raises the logits of some classes.

    Captum's LayerGradCam with the ReLU of the paper, each lead's features taken as one feature map of their own: a
    channel's weight is its gradient averaged over one lead's time course, not over all leads. The network mixes the
    leads by weights that differ from lead to lead (a tall R speaks for right bundle branch block in V1, not in V6), so
    that one weight for all leads would cancel what they say. The average runs over the stretch that is given, as a
    lead printed for 2.5 s must not count a quarter of one printed for 10 s.

    network: (B, ...) -> (B, N) logits. layer: its output is (B, C, L, T') before leads are mixed.
    x: (B, ...). given: (B, L, T'), 1 where a lead is given. classes: K columns of the logits.
    Returns (K, B, L, T'), 0 or more, NaN where a lead is not given. Leaves no hook and no gradient behind.
    """
    import torch
    from captum.attr import LayerGradCam

    repeated = x.repeat(len(classes), *[1] * (x.ndim - 1))
    target = torch.as_tensor(classes, device=x.device).repeat_interleave(len(x))
    with torch.enable_grad(), _leads_apart(layer) as leads:
        maps = LayerGradCam(network, leads).attribute(repeated, target=target, relu_attributions=True)
    together = torch.cat(maps, dim=1).detach().reshape(len(classes), *given.shape)
    share = given.float().mean(dim=-1, keepdim=True)
    return torch.where(given > 0, together / share.clamp(min=1e-9), torch.nan)


@contextmanager
def _leads_apart(layer: nn.Module) -> Iterator[nn.Module]:
    """A module whose output is the layer's as one tensor per lead, as long as the context lasts: what Captum hooks."""
    import torch
    from torch import nn

    class Leads(nn.Module):
        def forward(self, features: Tensor) -> tuple[Tensor, ...]:
            return features.unbind(LEAD_AXIS)

    leads = Leads()
    hook = layer.register_forward_hook(lambda module, inputs, output: torch.stack(leads(output), LEAD_AXIS))
    try:
        yield leads
    finally:
        hook.remove()
