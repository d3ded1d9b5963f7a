"""A parasternal U-Net as Keras would save it whole, written without Keras, and its answer in float64 by NumPy alone."""

import io
import json

import h5py
import numpy as np

CLASSES = 7


def layers(widths=(4, 6), classes=CLASSES, side=384, norm=True):
    """(name, class, config, inputs) of a U-Net: two convolutions a level, transposed and plain enlargement in turn."""
    made = [("picture", "InputLayer", {"batch_input_shape": [None, side, side, 1]}, [])]

    def add(name, kind, inputs, **config):
        made.append((name, kind, config, inputs))
        return name

    def double(x, name, width):
        for k in (1, 2):
            x = add(
                f"{name}_{k}", "Conv2D", [x], filters=width, kernel_size=[3, 3], strides=[1, 1], padding="same",
                activation="relu", use_bias=True, dilation_rate=[1, 1],
            )  # fmt: skip
            if norm:
                x = add(f"{name}_{k}_norm", "BatchNormalization", [x], epsilon=0.001, scale=True, center=True)
        return x

    x, skips = "picture", []
    for level, width in enumerate(widths):
        x = double(x, f"down{level}", width)
        skips.append(x)
        x = add(f"pool{level}", "MaxPooling2D", [x], pool_size=[2, 2], strides=[2, 2], padding="valid")
    x = add("drop", "Dropout", [double(x, "middle", 2 * widths[-1])], rate=0.5)
    for level, width in reversed(list(enumerate(widths))):
        if level % 2:
            x = add(
                f"up{level}", "Conv2DTranspose", [x], filters=width, kernel_size=[2, 2], strides=[2, 2], padding="same",
                activation="relu", use_bias=True,
            )  # fmt: skip
        else:
            x = add(f"up{level}", "UpSampling2D", [x], size=[2, 2], interpolation="nearest")
            x = add(
                f"up{level}_conv", "Conv2D", [x], filters=width, kernel_size=[2, 2], strides=[1, 1], padding="same",
                activation="relu", use_bias=True,
            )  # fmt: skip
        x = double(add(f"join{level}", "Concatenate", [skips[level], x], axis=-1), f"merge{level}", width)
    add(
        "classes",
        "Conv2D",
        [x],
        filters=classes,
        kernel_size=[1, 1],
        padding="same",
        activation="softmax",
        use_bias=True,
    )
    return made


def weights(described, seed=0):
    """name -> arrays in Keras's order and shapes, by following the channels through the layers."""
    rng = np.random.default_rng(seed)
    width, found = {}, {}
    for name, kind, config, inputs in described:
        before = sum(width[i] for i in inputs) if inputs else 1
        width[name] = config.get("filters", before)
        if kind == "Conv2D":
            shape = (*config["kernel_size"], before, width[name])
        elif kind == "Conv2DTranspose":
            shape = (*config["kernel_size"], width[name], before)
        elif kind == "BatchNormalization":
            normal = [0.3 * rng.standard_normal(before) + offset for offset in (1, 0, 0)]
            found[name] = [*normal, rng.uniform(0.5, 1.5, before)]
            continue
        else:
            continue
        scale = np.sqrt(2 / (shape[0] * shape[1] * before))
        found[name] = [scale * rng.standard_normal(shape), 0.1 * rng.standard_normal(width[name])]
    return {name: [a.astype(np.float32) for a in arrays] for name, arrays in found.items()}


def h5(described, arrays, config=True, keras=2):
    """The file of `model.save`; config=False: of `model.save_weights`. keras: 2 or 3, how the layers' inputs are listed."""

    def inbound(inputs):
        if keras == 2:
            return [[[i, 0, 0, {}] for i in inputs]] if inputs else []
        tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [i, 0, 0]}} for i in inputs]
        return [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}] if inputs else []

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        if config:
            listed = [
                {"name": n, "class_name": k, "config": {"name": n, **c}, "inbound_nodes": inbound(i)}
                for n, k, c, i in described
            ]
            file.attrs["model_config"] = json.dumps({"class_name": "Model", "config": {"layers": listed}}).encode()
        root = file.create_group("model_weights") if config else file
        root.attrs["layer_names"] = [n.encode() for n, _, _, _ in described]
        for name, _, _, _ in described:
            group = root.create_group(name)
            stored = [f"{name}/w{k}:0" for k in range(len(arrays.get(name, [])))]
            group.attrs["weight_names"] = [s.encode() for s in stored]
            for s, value in zip(stored, arrays.get(name, []), strict=True):
                group.create_dataset(s, data=value)
    return buffer.getvalue()


def answer(described, arrays, picture):
    """(H, W) -> (H, W, classes) in float64, layer after layer."""
    made = {}
    for name, kind, config, inputs in described:
        x = made[inputs[0]] if inputs else picture[..., None].astype(np.float64)
        w = [a.astype(np.float64) for a in arrays.get(name, [])]
        if kind == "Conv2D":
            x = _convolved(x, w[0]) + w[1]
        elif kind == "Conv2DTranspose":  # stride 2, kernel 2: every pixel becomes a square of its own
            rows, columns = x.shape[:2]
            big = np.zeros((2 * rows, 2 * columns, config["filters"]))
            for i in range(2):
                for j in range(2):
                    big[i::2, j::2] = x @ w[0][i, j].T
            x = big + w[1]
        elif kind == "BatchNormalization":
            x = (x - w[2]) / np.sqrt(w[3] + config["epsilon"]) * w[0] + w[1]
        elif kind == "MaxPooling2D":
            x = np.max([x[i::2, j::2] for i in range(2) for j in range(2)], axis=0)
        elif kind == "UpSampling2D":
            x = x.repeat(2, 0).repeat(2, 1)
        elif kind == "Concatenate":
            x = np.concatenate([made[i] for i in inputs], -1)
        if config.get("activation") == "relu":
            x = np.maximum(x, 0)
        elif config.get("activation") == "softmax":
            x = np.exp(x - x.max(-1, keepdims=True))
            x /= x.sum(-1, keepdims=True)
        made[name] = x
    return x


def _convolved(x, kernel):
    """(H, W, C) by (h, w, C, F), stride 1, padded as "same": what is odd goes right and below."""
    h, w = kernel.shape[:2]
    padded = np.pad(x, (((h - 1) // 2, h // 2), ((w - 1) // 2, w // 2), (0, 0)))
    return sum(padded[i : i + x.shape[0], j : j + x.shape[1]] @ kernel[i, j] for i in range(h) for j in range(w))
