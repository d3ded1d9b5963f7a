"""Batch norm that trusts a picture's own statistics by a share: another machine's pictures are then met halfway.

What a channel's mean and variance tell of one picture is mostly its machine and its gain. Learnt statistics alone carry those
of the pictures learnt from; a picture's own alone (instance norm) forget how bright its tissues are. The mean of both is
the adaptation of Schneider et al. (NeurIPS 2020, batch statistics of the test data weighed against the learnt ones), here
for every picture by itself.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

MOMENTUM = 0.1  # of the learnt statistics, as BatchNorm2d has it


class OwnStatistics(nn.BatchNorm2d):
    """As BatchNorm2d, its means and variances mixed with each picture's by the share `own`, 0..1.

    While it learns, the batch's take the place of the learnt ones. Without gradients it writes over what it is given,
    picture by picture: nothing else needs that, and to fill new memory would take longer than to compute.
    """

    def __init__(self, features: int, own: float) -> None:
        super().__init__(features)
        self.own = own

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        if not self.own:
            return super().forward(input)
        if self.training or torch.is_grad_enabled():
            return self._mixed(input)
        for picture in input.split(1):
            picture.copy_(self._mixed(picture))
        return input

    def _mixed(self, input: Tensor) -> Tensor:
        learnt = self.get_buffer("running_mean"), self.get_buffer("running_var")
        wide = input.float()
        means = wide.mean((2, 3))  # (B, C); mean and norm take a third of torch.var_mean's time
        squares = torch.linalg.vector_norm(wide, dim=(2, 3)).square() / wide[0, 0].numel()
        variances = (squares - means.square()).clamp_min(0)
        if self.training:
            mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
            with torch.no_grad():
                for old, new in zip(learnt, (mean, variance), strict=True):
                    old.lerp_(new, MOMENTUM)
        else:
            mean, variance = learnt
        spread = self.own * variances + (1 - self.own) * variance
        gain = self.weight * (spread + self.eps).rsqrt()
        shift = self.bias - (self.own * means + (1 - self.own) * mean) * gain
        return torch.addcmul(shift[..., None, None], wide, gain[..., None, None]).to(input.dtype)


def learnt_alone(network: nn.Module) -> nn.Module:
    """The same network on the same weights, with learnt statistics alone: it knows less in a picture of another kind.

    The network that is given stays as it is.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    copied = copy.deepcopy(network, shared)
    for layer in copied.modules():
        if isinstance(layer, OwnStatistics):
            layer.own = 0.0
    return copied
