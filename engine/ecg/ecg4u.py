"""A user's own ECG4U checkpoints in place of our classifier: one binary network per class, on the picture itself.

The network of ECG4U: the page as 1450 x 675 RGB with raw values 0..255, seven convolutions of 8 to 512 channels
(kernel 5, stride 2), each with batch norm and ReLU, a fully connected layer of 128, and one logit. The checkpoints are
not ours and not shipped; a state dict is mapped by the order of its layers, so its own names do not matter.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.ecg.leads import CLASS_NAMES, CLASSES
from engine.errors import WeightError
from engine.finding import Label

WIDTH, HEIGHT = 1450, 675
CHANNELS = (8, 16, 32, 64, 128, 256, 512)
KERNEL, STRIDE = 5, 2
HIDDEN = 128
THRESHOLD = 0.5  # of the sigmoid: ECG4U gives yes or no
ECG4U_NAMES = dict(zip(("afib", "iavb", "lbbb", "rbbb", "pac", "pvc", "std", "ste"), CLASSES[1:], strict=True))


class Ecg4uNet(nn.Module):
    """(B, 3, 675, 1450) raw RGB -> (B, 1) logit. `padding` (0 to 2) of the convolutions is the checkpoint's own."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *CHANNELS[:-1]), CHANNELS, strict=True):
            layers += [nn.Conv2d(inputs, outputs, KERNEL, STRIDE, padding), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(flattened(padding), HIDDEN)
        self.logit = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logit(torch.relu(self.hidden(self.convolutions(x).flatten(1))))


def flattened(padding: int) -> int:
    """How many values the last convolution leaves of a page."""
    width, height = WIDTH, HEIGHT
    for _ in CHANNELS:
        width, height = ((side + 2 * padding - KERNEL) // STRIDE + 1 for side in (width, height))
    return CHANNELS[-1] * width * height


def load_ecg4u(checkpoint: bytes) -> Ecg4uNet:
    """The network of one `.pt` file: a state dict, or a dict that holds one as `state_dict` or `model_state_dict`.

    Nothing in the file is executed (`weights_only=True`).

    Raises:
        WeightError: if the file is no state dict, or not one of this network.
    """
    layers = _layers(_state_dict(checkpoint))
    convolutions, norms = (
        [tensors for tensors in layers if _is_convolution(tensors)],
        [tensors for tensors in layers if "running_mean" in tensors],
    )
    dense = [tensors for tensors in layers if "weight" in tensors and tensors["weight"].ndim == 2]
    if (len(convolutions), len(norms), len(dense)) != (len(CHANNELS), len(CHANNELS), 2):
        raise WeightError(
            f"Expected an ECG4U network of {len(CHANNELS)} convolutions, {len(CHANNELS)} batch norms and 2 dense layers, "
            f"got {len(convolutions)}, {len(norms)} and {len(dense)}; choose the checkpoint of one ECG4U class."
        )
    network = Ecg4uNet(_padding(dense[0]["weight"].shape[1]))
    with torch.no_grad():
        for k in range(len(CHANNELS)):
            _copy(convolutions[k], network.convolutions[3 * k], f"convolution {k + 1}")
            _copy(norms[k], network.convolutions[3 * k + 1], f"batch norm {k + 1}")
        _copy(dense[0], network.hidden, "the first dense layer")
        _copy(dense[1], network.logit, "the last dense layer")
    return network.eval()


def picture(photo: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 RGB -> (1, 3, 675, 1450) float32, raw 0..255, as ECG4U was trained."""
    import cv2

    small = cv2.resize(np.ascontiguousarray(photo), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(small.transpose(2, 0, 1)[None].astype(np.float32))


def classify(photo: np.ndarray, networks: Mapping[str, Ecg4uNet]) -> tuple[Label, ...]:
    """What ECG4U networks say of a page, for the classes (codes of CLASSES) that there is a network for.

    The probabilities are not calibrated, and the labels say that they were not validated here.

    Raises:
        WeightError: if a network is given for a class that does not exist.
    """
    if unknown := set(networks) - set(CLASSES):
        raise WeightError(f"Expected classes out of {', '.join(CLASSES)}, got {', '.join(sorted(unknown))}.")
    x = picture(photo)
    found = []
    with torch.no_grad():
        for code in (code for code in CLASSES if code in networks):
            probability = float(torch.sigmoid(networks[code](x))[0, 0])
            positive = probability >= THRESHOLD
            found.append(Label(code, CLASS_NAMES[code], round(probability, 4), THRESHOLD, positive, validated=False))
    return tuple(found)


def _state_dict(checkpoint: bytes) -> dict[str, Tensor]:
    try:
        stored: Any = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise WeightError(
            "Expected a PyTorch state dict (.pt), but the file holds something else or is cut short; "
            "save it again with torch.save(model.state_dict(), path)."
        ) from error
    for name in ("state_dict", "model_state_dict"):
        if isinstance(stored, dict) and isinstance(stored.get(name), dict):
            stored = stored[name]
    if not isinstance(stored, dict) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise WeightError(
            "Expected a PyTorch state dict of tensors; save it with torch.save(model.state_dict(), path)."
        )
    return stored


def _layers(state: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors of each layer by their last name, layers in the order of the file."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        layer, _, last = name.rpartition(".")
        layers.setdefault(layer, {})[last] = tensor
    return list(layers.values())


def _is_convolution(tensors: dict[str, Tensor]) -> bool:
    return "weight" in tensors and tensors["weight"].ndim == 4


def _padding(inputs: int) -> int:
    fitting = [padding for padding in range(3) if flattened(padding) == inputs]
    if not fitting:
        raise WeightError(
            f"The dense layer takes {inputs} values, but a {WIDTH} x {HEIGHT} page leaves "
            f"{', '.join(str(flattened(p)) for p in range(3))} (padding 0, 1, 2); this network was made for another size."
        )
    return fitting[0]


def _copy(tensors: dict[str, Tensor], layer: nn.Module, name: str) -> None:
    for key, own in layer.state_dict().items():
        if key not in tensors:
            if key == "bias" and isinstance(layer, nn.Conv2d):
                own.zero_()  # a convolution before batch norm may have none
                continue
            if key == "num_batches_tracked":
                continue
            raise WeightError(f"The checkpoint has no {key} for {name}; it is not an ECG4U network.")
        if tensors[key].shape != own.shape:
            raise WeightError(
                f"Expected {key} of {name} with shape {tuple(own.shape)}, got {tuple(tensors[key].shape)}; "
                "it is not an ECG4U network."
            )
        own.copy_(tensors[key])
