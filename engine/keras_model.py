"""A user's whole Keras model (`model.save(...)`, `.h5`): its layers as the file describes them, its weights by layer order.

The description is JSON: nothing in the file is executed, and a layer that is not known here is named and turned away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from engine.errors import WeightError
from engine.keras_file import KerasFile, read_keras_file
from engine.keras_graph import Graph, KerasNet, fill

MOST_LAYERS = 2000
ACTIVATIONS = {"linear": "same", "relu": "relu", "elu": "elu", "sigmoid": "sigmoid", "softmax": "softmax"}
DAMAGED = "The file's description of its layers can't be read; save the model again with model.save."


def load_model(data: bytes) -> tuple[KerasNet, tuple[int | None, ...]]:
    """The network in evaluation mode, (B, C, H, W) -> (B, K, H, W), and its input's (H, W, C); None where any size goes.

    Raises:
        WeightError: if the file holds no whole model, one with unknown layers, or weights that do not fit them.
    """
    file = read_keras_file(data)
    layers = _described(file)
    try:
        graph, shape = _graph(layers)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise WeightError(DAMAGED) from error
    return fill(graph, range(len(graph.layers)), file), shape


def _described(file: KerasFile) -> list[dict[str, Any]]:
    """The layers of the file's `model_config`."""
    if file.description is None:
        raise WeightError(
            "The file holds weights alone, without its layers; save the whole model with model.save and choose that file."
        )
    try:
        layers = json.loads(file.description)["config"]["layers"]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightError(DAMAGED) from error
    if not isinstance(layers, list) or not 1 < len(layers) <= MOST_LAYERS:
        raise WeightError(DAMAGED)
    return layers


def _graph(layers: list[dict[str, Any]]) -> tuple[Graph, tuple[int | None, ...]]:
    """The graph in the file's order, and the input's (H, W, C)."""
    graph, numbers, shape = Graph(), {}, None
    for layer in layers:
        kind, config = layer["class_name"], layer["config"]
        name = layer.get("name") or config["name"]
        if kind == "InputLayer":
            stated = config.get("batch_input_shape") or config.get("batch_shape")
            numbers[name], shape = -1, tuple(stated[1:])
            continue
        if kind not in _KINDS:
            raise WeightError(
                f"The model has a layer of kind {kind} ({name}), which is not known here; it can't be used."
            )
        inputs = [numbers[source] for source in _sources(layer["inbound_nodes"])]
        numbers[name] = _KINDS[kind](graph, inputs, config)
    if shape is None or len(shape) != 3:
        raise WeightError(
            "Expected a model with one picture as its input (rows, columns, channels); this one has another."
        )
    return graph, shape


def _sources(nodes: Any) -> Iterator[str]:
    """Names of the layers that a layer reads, in order: as Keras 2 lists them, [name, 0, 0, {}], or as Keras 3 does."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
        else:
            for value in nodes.values():
                yield from _sources(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
        else:
            for value in nodes:
                yield from _sources(value)


def _activated(graph: Graph, number: int, config: dict[str, Any]) -> int:
    name = config.get("activation", "linear")
    if name not in ACTIVATIONS:
        raise WeightError(f"The model uses the activation {name!r}, which is not known here; it can't be used.")
    return graph.add(ACTIVATIONS[name], number)


def _pair(value: Any) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


def _one(value: Any) -> int:
    """A stride or dilation that is the same both ways."""
    first, second = _pair(value)
    if first != second:
        raise WeightError(f"The model has a layer of uneven stride or dilation {first} x {second}; it can't be used.")
    return first


def _convolution(kind: str) -> Callable[[Graph, list[int], dict[str, Any]], int]:
    def add(graph: Graph, inputs: list[int], config: dict[str, Any]) -> int:
        number = graph.add(
            kind, *inputs, filters=int(config["filters"]), size=_pair(config["kernel_size"]),
            stride=_one(config.get("strides", 1)), same=config.get("padding") == "same",
            flag=bool(config.get("use_bias", True)), dilation=_one(config.get("dilation_rate", 1)),
        )  # fmt: skip
        return _activated(graph, number, config)

    return add


def _pool(kind: str) -> Callable[[Graph, list[int], dict[str, Any]], int]:
    def add(graph: Graph, inputs: list[int], config: dict[str, Any]) -> int:
        size = _pair(config["pool_size"])
        stride = _one(config.get("strides") or size)
        return graph.add(kind, *inputs, size=size, stride=stride, same=config.get("padding") == "same")

    return add


def _norm(graph: Graph, inputs: list[int], config: dict[str, Any]) -> int:
    if not config.get("center", True):
        raise WeightError("The model normalises without an offset (center=False); it can't be used.")
    return graph.add("norm", *inputs, flag=bool(config.get("scale", True)), slope=float(config.get("epsilon", 1e-3)))


def _up(graph: Graph, inputs: list[int], config: dict[str, Any]) -> int:
    if config.get("interpolation", "nearest") != "nearest":
        raise WeightError(f"The model enlarges by {config['interpolation']} interpolation; only nearest is known here.")
    return graph.add("up", *inputs, size=_pair(config["size"]))


def _leaky(graph: Graph, inputs: list[int], config: dict[str, Any]) -> int:
    return graph.add("leaky", *inputs, slope=float(config.get("alpha", config.get("negative_slope", 0.3))))


def _plain(kind: str) -> Callable[[Graph, list[int], dict[str, Any]], int]:
    return lambda graph, inputs, config: graph.add(kind, *inputs)


_KINDS: dict[str, Callable[[Graph, list[int], dict[str, Any]], int]] = {
    "Conv2D": _convolution("conv"),
    "SeparableConv2D": _convolution("separable"),
    "Conv2DTranspose": _convolution("transposed"),
    "BatchNormalization": _norm,
    "MaxPooling2D": _pool("max"),
    "UpSampling2D": _up,
    "Concatenate": _plain("concat"),
    "Add": _plain("add"),
    "Activation": lambda graph, inputs, config: _activated(graph, inputs[0], config),
    "ReLU": _plain("relu"),
    "LeakyReLU": _leaky,
    "Softmax": _plain("softmax"),
    "Dropout": _plain("same"),
    "SpatialDropout2D": _plain("same"),
    "GaussianNoise": _plain("same"),
}
