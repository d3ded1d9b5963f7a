"""Users' own Keras networks, rebuilt as a graph of layers and filled from their `.h5` files.

Keras lists the layers of a file by depth from the output, not as they were made; `keras_order` lists a graph's layers the same
way, so that weights are mapped by that order whatever the layers are called. TensorFlow's "same" pads right and bottom first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import WeightError
from engine.keras_file import KerasFile

EPSILON = 1e-3  # of batch normalisation in Keras
WEIGHTS_OF = {"conv": 1, "separable": 2, "transposed": 1, "norm": 3, "dense": 1}  # arrays, a bias or gamma not counted


@dataclass(frozen=True)
class Layer:
    """One layer: its kind, the numbers of the layers it reads (-1: the input), and what its kind needs.

    size: of the kernel or window; of `up` the factors. flag: conv: with bias; norm: with gamma. slope: of `leaky`, or the
    epsilon of `norm`.
    """

    kind: str
    inputs: tuple[int, ...]
    filters: int = 0
    size: tuple[int, int] = (1, 1)
    stride: int = 1
    same: bool = True
    flag: bool = True
    dilation: int = 1
    slope: float = EPSILON


class Graph:
    """Layers in the order in which they are made; every method adds one and gives its number."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []

    def add(self, kind: str, *inputs: int, **about: object) -> int:
        self.layers.append(Layer(kind, inputs, **about))  # type: ignore[arg-type]
        return len(self.layers) - 1


def keras_order(layers: Sequence[Layer]) -> list[int]:
    """Numbers of the layers as Keras lists them: deepest first, equals by their first visit from the output."""
    visited: dict[int, int] = {}
    finished: list[int] = []

    def visit(number: int) -> None:
        if number < 0 or number in visited:
            return
        visited[number] = len(visited)
        for before in layers[number].inputs:
            visit(before)
        finished.append(number)

    visit(len(layers) - 1)
    depth = dict.fromkeys(finished, 0)
    for number in reversed(finished):
        for before in layers[number].inputs:
            if before >= 0:
                depth[before] = max(depth[before], depth[number] + 1)
    return sorted(depth, key=lambda n: (-depth[n], visited[n]))


class KerasNet(nn.Module):
    """(B, C, H, W) -> the last layer's output; arrays as the file has them: kernels HWIO, transposed HWOI."""

    def __init__(self, layers: Sequence[Layer], arrays: dict[int, Sequence[np.ndarray]]) -> None:
        super().__init__()
        self.layers = tuple(layers)
        self._needed = {before: number for number, layer in enumerate(layers) for before in layer.inputs}
        for number, values in arrays.items():
            for k, value in enumerate(values):
                self.register_buffer(f"w{number}_{k}", torch.from_numpy(np.ascontiguousarray(value)).float())

    def forward(self, x: Tensor) -> Tensor:
        made: dict[int, Tensor] = {-1: x}
        for number, layer in enumerate(self.layers):
            inputs = [made[n] for n in layer.inputs]
            made[number] = _OPERATIONS[layer.kind](layer, inputs, self._weights(number))
            for before in layer.inputs:
                if self._needed[before] == number:  # large pictures: what nobody reads any more is let go
                    made.pop(before, None)
        return made[len(self.layers) - 1]

    def _weights(self, number: int) -> list[Tensor]:
        found: list[Tensor] = []
        while hasattr(self, name := f"w{number}_{len(found)}"):
            found.append(getattr(self, name))
        return found


def load(graph: Graph, file: KerasFile) -> KerasNet:
    """The network of a graph with a file's weights, mapped by `keras_order`, in evaluation mode.

    Raises:
        WeightError: if the file is another network's.
    """
    return fill(graph, keras_order(graph.layers), file)


def fill(graph: Graph, order: Sequence[int], file: KerasFile) -> KerasNet:
    """The network of a graph with a file's weights, whose layers the file lists in this order (numbers of the graph's).

    Raises:
        WeightError: if the file is another network's.
    """
    if file.layers is None:
        raise WeightError("The file holds no Keras weights (.h5); save the model with model.save_weights.")
    stored = file.layers
    places = [n for n in order if graph.layers[n].kind in WEIGHTS_OF]
    if len(stored) != len(places):
        raise WeightError(
            f"Expected the weights of {len(places)} layers, the file has {len(stored)}: it is another network's. "
            "Choose the file of this architecture."
        )
    arrays: dict[int, Sequence[np.ndarray]] = {}
    for number, (name, values) in zip(places, stored, strict=True):
        layer = graph.layers[number]
        wanted = WEIGHTS_OF[layer.kind] + layer.flag
        if len(values) != wanted or not _fits(layer, values):
            shapes = ", ".join(str(v.shape) for v in values)
            raise WeightError(
                f"Layer {name} has arrays {shapes}, which no {layer.kind} layer of {layer.filters} filters has: "
                "the file is another network's."
            )
        arrays[number] = values
    net = KerasNet(graph.layers, arrays)
    return net.eval().requires_grad_(False)


def _fits(layer: Layer, values: Sequence[np.ndarray]) -> bool:
    if layer.kind == "norm":
        return all(v.shape == values[0].shape and v.ndim == 1 for v in values)
    if layer.kind == "dense":
        return values[0].ndim == 2 and values[0].shape[1] == layer.filters
    if layer.kind == "separable":
        return values[0].shape[:2] == layer.size and values[0].shape[3] == 1 and values[1].shape[3] == layer.filters
    filters = values[0].shape[2 if layer.kind == "transposed" else 3] if values[0].ndim == 4 else -1
    return filters == layer.filters and values[0].shape[:2] == layer.size


# --- operations -----------------------------------------------------------------------------------------------------


def _padded(x: Tensor, layer: Layer, fill: float = 0.0) -> Tensor:
    """As TensorFlow's "same" pads: what is odd goes to the right and the bottom."""
    if not layer.same:
        return x
    pads = []
    for side, taps in ((x.shape[3], layer.size[1]), (x.shape[2], layer.size[0])):
        kernel = (taps - 1) * layer.dilation + 1
        total = max((-(-side // layer.stride) - 1) * layer.stride + kernel - side, 0)
        pads += [total // 2, total - total // 2]
    return functional.pad(x, pads, value=fill)


def _conv(layer: Layer, x: list[Tensor], w: list[Tensor]) -> Tensor:
    bias = w[1] if layer.flag else None
    return functional.conv2d(
        _padded(x[0], layer), w[0].permute(3, 2, 0, 1), bias, layer.stride, dilation=layer.dilation
    )


def _separable(layer: Layer, x: list[Tensor], w: list[Tensor]) -> Tensor:
    depthwise = w[0].permute(2, 3, 0, 1)
    spread = functional.conv2d(_padded(x[0], layer), depthwise, None, layer.stride, groups=len(depthwise))
    return functional.conv2d(spread, w[1].permute(3, 2, 0, 1), w[2] if layer.flag else None)


def _transposed(layer: Layer, x: list[Tensor], w: list[Tensor]) -> Tensor:
    """ "same" is stride times as large as the input: what "same" of the forward convolution pads is cut off again."""
    whole = functional.conv_transpose2d(x[0], w[0].permute(3, 2, 0, 1), None, layer.stride)
    if layer.same:
        rows, columns = (side * layer.stride for side in x[0].shape[2:])
        top, left = (max(taps - layer.stride, 0) // 2 for taps in layer.size)
        whole = whole[:, :, top : top + rows, left : left + columns]
        whole = functional.pad(whole, (0, columns - whole.shape[3], 0, rows - whole.shape[2]))
    return whole + w[1][:, None, None] if layer.flag else whole


def _norm(layer: Layer, x: list[Tensor], w: list[Tensor]) -> Tensor:
    gamma, (beta, mean, spread) = (w[0], w[1:]) if layer.flag else (torch.ones_like(w[0]), w)
    scale = gamma / torch.sqrt(spread + layer.slope)
    return x[0] * scale[:, None, None] + (beta - mean * scale)[:, None, None]


def _largest(layer: Layer, x: list[Tensor], w: list[Tensor]) -> Tensor:
    return functional.max_pool2d(_padded(x[0], layer, -torch.inf), layer.size, layer.stride)


def _average(layer: Layer, x: list[Tensor], w: list[Tensor]) -> Tensor:
    """Of stride 1, "same"; what is padded does not count."""
    half = (layer.size[0] // 2, layer.size[1] // 2)
    return functional.avg_pool2d(x[0], layer.size, 1, half, count_include_pad=False)


_OPERATIONS = {
    "conv": _conv,
    "separable": _separable,
    "transposed": _transposed,
    "norm": _norm,
    "max": _largest,
    "average": _average,
    "same": lambda layer, x, w: x[0],
    "up": lambda layer, x, w: functional.interpolate(x[0], scale_factor=layer.size, mode="nearest"),
    "leaky": lambda layer, x, w: functional.leaky_relu(x[0], layer.slope),
    "elu": lambda layer, x, w: functional.elu(x[0]),
    "sigmoid": lambda layer, x, w: torch.sigmoid(x[0]),
    "relu": lambda layer, x, w: torch.relu(x[0]),
    "add": lambda layer, x, w: x[0] + x[1],
    "concat": lambda layer, x, w: torch.cat(x, 1),
    "double": lambda layer, x, w: functional.interpolate(x[0], scale_factor=2, mode="nearest"),
    "mean": lambda layer, x, w: x[0].mean((2, 3)),
    "dense": lambda layer, x, w: x[0] @ w[0] + w[1],
    "softmax": lambda layer, x, w: torch.softmax(x[0], 1),
}
