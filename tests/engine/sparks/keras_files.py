"""Keras files as a user would have them: random weights, layers in Keras's own order, names of no meaning."""

import io

import h5py
import numpy as np

from engine.keras_graph import keras_order


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
            taps = layer.size[0] * layer.size[1] * c  # He's scale: what goes in comes out about as large
            scale = (2 / (9 if layer.kind == "separable" else taps)) ** 0.5 if layer.kind != "norm" else 0.1
            arrays[number] = [(scale * rng.standard_normal(s)).astype(np.float32) for s in shapes]
            if layer.kind == "separable":
                arrays[number][1] *= np.float32((2 / c) ** 0.5 / scale)
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


def always(graph, channels, logit):
    """A file whose network gives every picture the same two logits, 0 and `logit`."""
    arrays = random_arrays(graph, channels)
    last = max(arrays)
    arrays[last] = [np.zeros_like(arrays[last][0]), np.array([0, logit], np.float32)]
    return h5(graph, arrays, True)
