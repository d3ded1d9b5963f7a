"""Keras files that the tests write themselves, against outputs computed in float64 by NumPy alone."""

import numpy as np
import pytest

from engine.errors import EngineError, WeightError
from engine.keras_file import read_keras_file
from engine.keras_graph import WEIGHTS_OF, keras_order, load
from engine.sparks.keras_networks import (
    frame_probabilities,
    inception,
    load_inception,
    load_unet,
    pixel_probabilities,
    unet,
)
from tests.engine.sparks.keras_files import h5, random_arrays

EPSILON = 1e-3  # of Keras's batch normalisation


def same(side, kernel, stride):
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def conv(x, kernel, stride=1, padded=True):
    """(H, W, C) by (h, w, C, F), padded as "same" or not at all, one tap after the other."""
    h, w = kernel.shape[:2]
    pads = (same(x.shape[0], h, stride), same(x.shape[1], w, stride)) if padded else ((0, 0), (0, 0))
    return sum(part @ kernel[i, j] for i, j, part in taps(np.pad(x, (*pads, (0, 0))), (h, w), stride))


def taps(x, size, stride):
    """(row, column, picture under it) for every tap of a kernel that stays inside (H, W, C)."""
    rows, columns = ((side - k) // stride + 1 for side, k in zip(x.shape, size, strict=False))
    for i in range(size[0]):
        for j in range(size[1]):
            yield i, j, x[i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]


def pooled(layer, x):
    """Largest or mean of each window of 3 x 3; a mean counts only what lies in the picture."""
    pads = [same(side, 3, layer.stride) if layer.same else (0, 0) for side in x.shape[:2]]
    if layer.kind == "max":
        full = np.pad(x, (*pads, (0, 0)), constant_values=-np.inf)
        return np.max([part for *_, part in taps(full, (3, 3), layer.stride)], axis=0)
    total = sum(part for *_, part in taps(np.pad(x, (*pads, (0, 0))), (3, 3), 1))
    return total / sum(part for *_, part in taps(np.pad(np.ones_like(x), (*pads, (0, 0))), (3, 3), 1))


def softmax(a):
    out = np.exp(a - a.max(-1, keepdims=True))
    return out / out.sum(-1, keepdims=True)


def reference(graph, arrays, x):
    """The graph in float64: (H, W, C) -> what its last layer gives."""
    made = {-1: x}
    for number, layer in enumerate(graph.layers):
        inputs, w = [made[n] for n in layer.inputs], [v.astype(np.float64) for v in arrays.get(number, [])]
        a = inputs[0]
        if layer.kind == "conv":
            out = conv(a, w[0], layer.stride, layer.same) + (w[1] if layer.flag else 0)
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
            gamma, beta, mean, variance = w if layer.flag else (1.0, *w)
            out = (a - mean) / np.sqrt(variance + EPSILON) * gamma + beta
        else:
            out = {
                "max": lambda a=a, layer=layer: pooled(layer, a),
                "average": lambda a=a, layer=layer: pooled(layer, a),
                "relu": lambda a=a: np.maximum(a, 0),
                "add": lambda i=inputs: i[0] + i[1],
                "concat": lambda i=inputs: np.concatenate(i, -1),
                "double": lambda a=a: a.repeat(2, 0).repeat(2, 1),
                "mean": lambda a=a: a.mean((0, 1)),
                "dense": lambda a=a, w=w: a @ w[0] + w[1],
                "softmax": lambda a=a: softmax(a),
            }[layer.kind]()
        made[number] = out
    return made[len(graph.layers) - 1]


@pytest.mark.parametrize("full_model", [False, True])
def test_the_u_net_answers_as_float64_does(full_model):
    graph = unet()
    arrays = random_arrays(graph, 3)
    network = load_unet(read_keras_file(h5(graph, arrays, full_model)))
    frames = np.random.default_rng(1).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    said = pixel_probabilities(network, frames)
    true = np.stack([reference(graph, arrays, frame / 255.0)[..., 1] for frame in frames])
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


@pytest.mark.parametrize("full_model", [False, True])
def test_inception_answers_as_float64_does_on_frames_as_it_was_taught(full_model):
    graph = inception()
    arrays = random_arrays(graph, 3)
    network = load_inception(read_keras_file(h5(graph, arrays, full_model)))
    frames = np.random.default_rng(1).integers(0, 256, (2, 60, 80, 3), dtype=np.uint8)
    frames[1] //= 4
    said = frame_probabilities(network, frames)
    true = []
    for frame in frames:
        filled = np.zeros((75, 80, 3))  # rows of zeros at the bottom
        filled[:60] = frame[:, :, ::-1] / 255.0  # BGR
        true.append(reference(graph, arrays, filled)[1])
    assert said == pytest.approx(true, abs=1e-5)
    assert 0.001 < true[0] < 0.999
    assert abs(true[0] - true[1]) > 0.01
    with pytest.raises(EngineError, match="75 rows"):
        frame_probabilities(network, np.zeros((1, 80, 80, 3), np.uint8))
    with pytest.raises(EngineError, match="75 columns"):
        frame_probabilities(network, np.zeros((1, 40, 64, 3), np.uint8))


def test_another_network_s_file_is_turned_away():
    graph = unet()
    file = read_keras_file(h5(graph, random_arrays(graph, 3), False))
    with pytest.raises(WeightError, match="another network"):
        load_inception(file)
    changed = unet()
    changed.layers[0] = type(changed.layers[0])("conv", (-1,), filters=16, size=(3, 3), stride=2)
    with pytest.raises(WeightError, match="another network"):
        load(changed, file)


def test_other_bytes_are_no_keras_file():
    with pytest.raises(WeightError, match="no Keras model"):
        load_unet(read_keras_file(b"something else"))
    assert set(WEIGHTS_OF) == {"conv", "separable", "transposed", "norm", "dense"}


def test_a_side_that_is_no_multiple_of_eight_is_said():
    network = load_unet(read_keras_file(h5(unet(), random_arrays(unet(), 1), False)))
    with pytest.raises(EngineError, match="multiples of 8"):
        pixel_probabilities(network, np.zeros((1, 12, 16, 1), np.uint8))
