import numpy as np
import torch
from torch import Tensor, nn

from engine.echo_plax.anatomy import SEPTUM, VENTRICLE
from training.echo_plax_data import BASE
from training.echo_plax_drawn import drawn
from training.echo_plax_segmentation import UNSURE


class ByGrey(nn.Module):
    """Bright is the ventricle, dim is the septum as likely as the ventricle, black is background."""

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.zeros(x.shape[0], 7, *x.shape[2:])
        bright, dim = x[:, 0] > 0.7, (x[:, 0] > 0.2) & (x[:, 0] <= 0.7)
        logits[:, VENTRICLE][bright] = 9
        logits[:, 0][~bright & ~dim] = 9
        logits[:, VENTRICLE][dim] = logits[:, SEPTUM][dim] = 4
        return logits


def test_what_the_network_draws_lies_where_it_saw_it_and_doubt_is_left_open():
    square = np.zeros((BASE, BASE), np.uint8)
    square[100:180, 60:130] = 255
    square[100:180, 160:230] = 110
    mask = drawn(square, ByGrey())
    assert (mask[108:172, 68:122] == VENTRICLE).all()
    assert (mask[108:172, 168:222] == UNSURE).all()
    assert (mask[:80] == 0).all()
