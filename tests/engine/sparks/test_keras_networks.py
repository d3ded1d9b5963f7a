"""Keras files that the tests write themselves, against outputs computed in float64 by NumPy alone."""

import io

import h5py
import numpy as np
import pytest
import torch

from engine.errors import EngineError, WeightError
from engine.keras_graph import EPSILON, WEIGHTS_OF, keras_order, load, read_h5
from engine.sparks.keras_networks import (
    frame_probabilities,
    inception,
    load_inception,
    load_unet,
    pixel_probabilities,
    unet,
)


def random_arrays(graph, channels, seed=0):
    """layer -> arrays with the shapes that Keras gives them, by following the channels through the graph."""
    rng = np.random.default_rng(seed)
    width, arrays = {-1: channels}, {}
    for number, layer in enumerate(graph.layers):
        inputs = [width[n] for n in layer.inputs]
        width[number] = sum(inputs) if layer.kind == "concat" else layer.filters or inputs[0]
        c, f = inputs[0], layer.filters
        shapes = {
            "conv": [(*layer.size, c, f), (f,)][: 1 + layer.flag],
            "separable": [(*layer.size, c, 1), (1, 1, c, f), (f,)],
            "transposed": [(*layer.size, f, c), (f,)],
            "norm": [(c,)] * (3 + layer.flag),
            "dense": [(c, f), (f,)],
        }.get(layer.kind)
        if shapes:
            arrays[number] = [(0.1 * rng.standard_normal(s)).astype(np.float32) for s in shapes]
            if layer.kind == "norm":
                arrays[number][-1] = rng.uniform(0.5, 1.5, c).astype(np.float32)
    return arrays


def h5(graph, arrays, full_model):
    """The file that Keras would write: layers by depth, names of no meaning."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        root = file.create_group("model_weights") if full_model else file
        names = [f"{graph.layers[n].kind}_{900 - n}" for n in keras_order(graph.layers)]
        root.attrs["layer_names"] = [name.encode() for name in names]
        for name, number in zip(names, keras_order(graph.layers), strict=True):
            group = root.create_group(name)
            stored = [f"{name}/w{k}:0" for k in range(len(arrays.get(number, [])))]
            group.attrs["weight_names"] = [s.encode() for s in stored]
            for s, value in zip(stored, arrays.get(number, []), strict=True):
                group.create_dataset(s, data=value)
    return buffer.getvalue()


def same(side, kernel, stride):
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def conv(x, kernel, stride=1):
    """(H, W, C) by (h, w, C, F), padded as "same", one tap after the other."""
    h, w = kernel.shape[:2]
    padded = np.pad(x, (same(x.shape[0], h, stride), same(x.shape[1], w, stride), (0, 0)))
    rows, columns = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
    out = np.zeros((rows, columns, kernel.shape[3]))
    for i in range(h):
        for j in range(w):
            part = padded[i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
            out += part @ kernel[i, j]
    return out


def reference_unet(graph, arrays, x):
    """The graph in float64, (H, W, C) -> (H, W, 2)."""
    made = {-1: x}
    for number, layer in enumerate(graph.layers):
        a, w = made[layer.inputs[0]], [v.astype(np.float64) for v in arrays.get(number, [])]
        if layer.kind == "conv":
            out = conv(a, w[0], layer.stride) + w[1]
        elif layer.kind == "separable":
            each = [conv(a[..., c : c + 1], w[0][:, :, c : c + 1]) for c in range(a.shape[2])]
            out = np.concatenate(each, -1) @ w[1][0, 0] + w[2]
        elif layer.kind == "transposed":  # every input pixel paints the kernel around itself
            painted = np.zeros((a.shape[0] + 2, a.shape[1] + 2, layer.filters))
            for i in range(3):
                for j in range(3):
                    painted[i : i + a.shape[0], j : j + a.shape[1]] += a @ w[0][i, j].T
            out = painted[1:-1, 1:-1] + w[1]
        elif layer.kind == "norm":
            out = (a - w[2]) / np.sqrt(w[3] + EPSILON) * w[0] + w[1]
        elif layer.kind == "max":
            padded = np.pad(a, (same(a.shape[0], 3, 2), same(a.shape[1], 3, 2), (0, 0)), constant_values=-np.inf)
            rows, columns = a.shape[0] // 2, a.shape[1] // 2
            taps = [padded[i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] for i in range(3) for j in range(3)]
            out = np.max(taps, axis=0)
        elif layer.kind == "softmax":
            out = np.exp(a - a.max(-1, keepdims=True))
            out /= out.sum(-1, keepdims=True)
        else:
            out = {
                "relu": lambda a=a: np.maximum(a, 0),
                "add": lambda a=a, b=made[layer.inputs[-1]]: a + b,
                "double": lambda a=a: a.repeat(2, 0).repeat(2, 1),
            }[layer.kind]()
        made[number] = out
    return made[len(graph.layers) - 1]


@pytest.mark.parametrize("full_model", [False, True])
def test_the_u_net_answers_as_float64_does(full_model):
    graph = unet()
    arrays = random_arrays(graph, 3)
    network = load_unet(h5(graph, arrays, full_model))
    frames = np.random.default_rng(1).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    said = pixel_probabilities(network, frames)
    true = np.stack([reference_unet(graph, arrays, frame / 255.0)[..., 1] for frame in frames])
    assert said.shape == (2, 16, 24)
    assert np.abs(said - true).max() < 1e-5
    assert np.ptp(true) > 0.01


def test_inception_has_keras_s_layers_parameters_and_order():
    graph = inception()
    arrays = random_arrays(graph, 3)
    assert sum(v.size for values in arrays.values() for v in values) == 21_802_784 + 2048 * 2 + 2
    convolutions = [n for n, layer in enumerate(graph.layers) if layer.kind == "conv"]
    assert len(convolutions) == 94
    listed = [convolutions.index(n) for n in keras_order(graph.layers) if n in convolutions]
    assert listed[:12] == [0, 1, 2, 3, 4, 8, 6, 9, 5, 7, 10, 11]  # as Keras prints InceptionV3's summary


def test_inception_takes_frames_as_it_was_taught():
    graph = inception()
    network = load_inception(h5(graph, random_arrays(graph, 3), True))
    frames = np.random.default_rng(1).integers(0, 256, (1, 60, 80, 3), dtype=np.uint8)
    filled = np.zeros((75, 80, 3), np.float32)
    filled[:60] = frames[0, :, :, ::-1] / np.float32(255)
    with torch.no_grad():
        true = network(torch.from_numpy(filled.transpose(2, 0, 1)[None].copy()))
    assert true.sum() == pytest.approx(1, abs=1e-5)
    assert frame_probabilities(network, frames) == pytest.approx(true[:, 1].numpy(), abs=1e-6)
    with pytest.raises(EngineError, match="75 rows"):
        frame_probabilities(network, np.zeros((1, 80, 80, 3), np.uint8))


def test_another_network_s_file_is_turned_away():
    graph = unet()
    data = h5(graph, random_arrays(graph, 3), False)
    with pytest.raises(WeightError, match="another network"):
        load_inception(data)
    changed = unet()
    changed.layers[0] = type(changed.layers[0])("conv", (-1,), filters=16, size=(3, 3), stride=2)
    with pytest.raises(WeightError, match="another network"):
        load(changed, data)


def test_other_bytes_are_no_keras_file():
    with pytest.raises(WeightError, match="no Keras weights"):
        read_h5(b"something else")
    assert set(WEIGHTS_OF) == {"conv", "separable", "transposed", "norm", "dense"}


def test_a_side_that_is_no_multiple_of_eight_is_said():
    with pytest.raises(EngineError, match="multiples of 8"):
        pixel_probabilities(load_unet(h5(unet(), random_arrays(unet(), 1), False)), np.zeros((1, 12, 16, 1), np.uint8))
