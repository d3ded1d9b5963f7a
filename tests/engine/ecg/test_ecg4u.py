"""ECG4U checkpoints: mapped by layer order, equal to a network built here, refused where they do not fit."""

from __future__ import annotations

import io
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from engine.ecg.ecg4u import CHANNELS, classify, flattened, load_ecg4u, picture
from engine.errors import WeightError


class Reference(nn.Module):
    """The design as a stranger would write it, with names of their own."""

    def __init__(self, padding: int, bias: bool = True) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.ModuleDict({"c": nn.Conv2d(i, o, 5, stride=2, padding=padding, bias=bias), "n": nn.BatchNorm2d(o)})
            for i, o in zip((3, *CHANNELS[:-1]), CHANNELS, strict=True)
        )
        self.fc_a = nn.Linear(flattened(padding), 128)
        self.fc_b = nn.Linear(128, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for stage in self.stages:
            x = torch.relu(stage["n"](stage["c"](x)))
        return self.fc_b(torch.relu(self.fc_a(x.flatten(1))))


def saved(state: object) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (337, 725, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def reference() -> Reference:
    torch.manual_seed(0)
    network = Reference(0).eval()
    for stage in network.stages:
        stage["n"].running_mean.normal_()
        stage["n"].running_var.uniform_(0.5, 2)
    return network


def test_flattened_size_is_that_of_the_page() -> None:
    assert flattened(0) == 512 * 8 * 2  # 1450 -> 723 360 178 87 42 19 8 and 675 -> 336 166 81 39 18 7 2


def test_mapping_by_order_gives_the_same_logit(reference: Reference) -> None:
    x = picture(photo())
    assert x.shape == (1, 3, 675, 1450)
    assert x.max() > 200
    with torch.no_grad():
        torch.testing.assert_close(load_ecg4u(saved(reference.state_dict()))(x), reference(x))


def test_checkpoint_within_a_dict_and_without_conv_bias() -> None:
    torch.manual_seed(1)
    network = Reference(2, bias=False).eval()
    x = picture(photo())
    with torch.no_grad():
        loaded = load_ecg4u(saved({"epoch": 3, "state_dict": network.state_dict()}))
        torch.testing.assert_close(loaded(x), network(x))


def test_labels_name_the_class_and_are_not_validated(reference: Reference) -> None:
    labels = classify(photo(), {"AF": load_ecg4u(saved(reference.state_dict()))})
    assert [label.code for label in labels] == ["AF"]
    assert not labels[0].validated
    assert labels[0].positive == (labels[0].probability >= 0.5)


def test_unknown_class_is_named(reference: Reference) -> None:
    with pytest.raises(WeightError, match="afib"):
        classify(photo(), {"afib": load_ecg4u(saved(reference.state_dict()))})


def test_other_networks_are_refused(reference: Reference) -> None:
    state = reference.state_dict()
    fewer = OrderedDict((k, v) for k, v in state.items() if not k.startswith("stages.6"))
    with pytest.raises(WeightError, match="6, 6 and 2"):
        load_ecg4u(saved(fewer))
    with pytest.raises(WeightError, match="another size"):
        load_ecg4u(saved(state | {"fc_a.weight": torch.zeros(128, 100)}))
    with pytest.raises(WeightError, match="convolution 2"):
        load_ecg4u(saved(state | {"stages.1.c.weight": torch.zeros(16, 8, 3, 3)}))


class Innocent:
    """An object that only a full unpickling could make again."""


@pytest.mark.parametrize("data", [b"", b"not a checkpoint", saved(Innocent()), saved([1, 2]), saved({"a": "text"})])
def test_files_that_hold_no_state_dict(data: bytes) -> None:
    with pytest.raises(WeightError, match="state dict"):
        load_ecg4u(data)
