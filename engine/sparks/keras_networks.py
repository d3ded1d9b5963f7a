"""The two networks that a user of the Deepcardio dashboard may have weights of: frames by InceptionV3, pixels by a U-Net.

InceptionV3: Szegedy 2015, arXiv:1512.00567, as Keras builds it. U-Net: separable convolutions and shortcuts as in Xception
(Chollet 2016, arXiv:1610.02357). Neither is shipped.
"""

from __future__ import annotations

import numpy as np
import torch

from engine.errors import EngineError
from engine.keras_file import KerasFile
from engine.keras_graph import Graph, KerasNet, load

ROWS = 75  # and the fewest columns: the smallest picture that InceptionV3 takes
CLASSES = 2
MULTIPLE = 8  # rows and columns of the U-Net's picture
FULL_SCALE = 255.0


def load_inception(file: KerasFile) -> KerasNet:
    """(B, 3, 75, W) -> (B, 2) softmax: whether a frame holds a spark. Raises WeightError for another network's file."""
    return load(inception(), file)


def load_unet(file: KerasFile) -> KerasNet:
    """(B, C, H, W) -> (B, 2, H, W) softmax, H and W multiples of 8. Raises WeightError for another network's file."""
    return load(unet(), file)


def input_channels(network: KerasNet) -> int:
    """How many channels the network takes, as its first layer's kernel has them."""
    first = next(number for number, layer in enumerate(network.layers) if layer.inputs == (-1,))
    return int(getattr(network, f"w{first}_0").shape[2])


def frame_probabilities(network: KerasNet, frames: np.ndarray) -> np.ndarray:
    """(T,) probability of a spark in each of (T, H, W, 3) RGB frames 0..255, H at most 75.

    As the network was taught: channels BGR, divided by 255, rows filled up with zeros at the bottom.

    Raises:
        EngineError: if the frames have more rows, or fewer columns, than the network takes.
    """
    if frames.shape[1] > ROWS or frames.shape[2] < ROWS:
        raise EngineError(
            f"The network takes frames of at most {ROWS} rows and at least {ROWS} columns, these have "
            f"{frames.shape[2]} x {frames.shape[1]} pixels; crop or turn them."
        )
    filled = np.pad(frames[..., ::-1], ((0, 0), (0, ROWS - frames.shape[1]), (0, 0), (0, 0)))
    return _spark(network, filled)


def pixel_probabilities(network: KerasNet, frames: np.ndarray) -> np.ndarray:
    """(T, H, W) probability of a spark at each pixel of (T, H, W, C) frames 0..255.

    Raises:
        EngineError: if H or W is no multiple of 8.
    """
    if frames.shape[1] % MULTIPLE or frames.shape[2] % MULTIPLE:
        raise EngineError(
            f"The network takes pictures whose sides are multiples of {MULTIPLE}, these have "
            f"{frames.shape[2]} x {frames.shape[1]} pixels; crop them."
        )
    return _spark(network, frames)


def _spark(network: KerasNet, pictures: np.ndarray) -> np.ndarray:
    """What the network gives the second class for (T, H, W, C) pictures 0..255, on the device that it lies on."""
    x = torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32) / FULL_SCALE)
    device = next(network.buffers()).device
    with torch.no_grad():
        return network(x.to(device))[:, 1].cpu().numpy()


def unet() -> Graph:
    g = Graph()
    x = _relu(g, g.add("norm", g.add("conv", -1, filters=32, size=(3, 3), stride=2)))
    before = x
    for filters in (64, 128):
        for _ in range(2):
            x = g.add("norm", g.add("separable", _relu(g, x), filters=filters, size=(3, 3)))
        x = g.add("max", x, size=(3, 3), stride=2)
        before = x = g.add("add", x, g.add("conv", before, filters=filters, stride=2))
    for filters in (128, 64, 32):
        for _ in range(2):
            x = g.add("norm", g.add("transposed", _relu(g, x), filters=filters, size=(3, 3)))
        x = g.add("double", x)
        before = x = g.add("add", x, g.add("conv", g.add("double", before), filters=filters))
    g.add("softmax", g.add("conv", x, filters=CLASSES, size=(3, 3)))
    return g


def inception() -> Graph:
    g = Graph()
    x = _bn(g, -1, 32, (3, 3), 2, False)
    x = _bn(g, x, 32, (3, 3), 1, False)
    x = _pool(g, _bn(g, x, 64, (3, 3)))
    x = _bn(g, x, 80, (1, 1), 1, False)
    x = _pool(g, _bn(g, x, 192, (3, 3), 1, False))
    for last in (32, 64, 64):
        one = _bn(g, x, 64)
        five = _chain(g, x, (48, (1, 1)), (64, (5, 5)))
        three = _chain(g, x, (64, (1, 1)), (96, (3, 3)), (96, (3, 3)))
        x = g.add("concat", one, five, three, _averaged(g, x, last))
    three = _bn(g, x, 384, (3, 3), 2, False)
    double = _bn(g, _chain(g, x, (64, (1, 1)), (96, (3, 3))), 96, (3, 3), 2, False)
    x = g.add("concat", three, double, _pool(g, x))
    for c in (128, 160, 160, 192):
        one = _bn(g, x, 192)
        seven = _chain(g, x, (c, (1, 1)), (c, (1, 7)), (192, (7, 1)))
        double = _chain(g, x, (c, (1, 1)), (c, (7, 1)), (c, (1, 7)), (c, (7, 1)), (192, (1, 7)))
        x = g.add("concat", one, seven, double, _averaged(g, x, 192))
    three = _bn(g, _bn(g, x, 192), 320, (3, 3), 2, False)
    seven = _bn(g, _chain(g, x, (192, (1, 1)), (192, (1, 7)), (192, (7, 1))), 192, (3, 3), 2, False)
    x = g.add("concat", three, seven, _pool(g, x))
    for _ in range(2):
        one = _bn(g, x, 320)
        three = _both_ways(g, _bn(g, x, 384))
        double = _both_ways(g, _chain(g, x, (448, (1, 1)), (384, (3, 3))))
        x = g.add("concat", one, three, double, _averaged(g, x, 192))
    g.add("softmax", g.add("dense", g.add("mean", x), filters=CLASSES))
    return g


def _relu(g: Graph, x: int) -> int:
    return g.add("relu", x)


def _bn(g: Graph, x: int, filters: int, size: tuple[int, int] = (1, 1), stride: int = 1, same: bool = True) -> int:
    """Convolution without bias, normalisation without gamma, ReLU."""
    x = g.add("conv", x, filters=filters, size=size, stride=stride, same=same, flag=False)
    return _relu(g, g.add("norm", x, flag=False))


def _chain(g: Graph, x: int, *steps: tuple[int, tuple[int, int]]) -> int:
    for filters, size in steps:
        x = _bn(g, x, filters, size)
    return x


def _pool(g: Graph, x: int) -> int:
    return g.add("max", x, size=(3, 3), stride=2, same=False)


def _averaged(g: Graph, x: int, filters: int) -> int:
    return _bn(g, g.add("average", x, size=(3, 3)), filters)


def _both_ways(g: Graph, x: int) -> int:
    return g.add("concat", _bn(g, x, 384, (1, 3)), _bn(g, x, 384, (3, 1)))
