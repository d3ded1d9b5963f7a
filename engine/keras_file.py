"""What a user's Keras file (`.h5`) holds: the description of its layers, and their arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.apart import read_apart
from engine.errors import WeightError


@dataclass(frozen=True)
class KerasFile:
    """description: of the layers, JSON; None where the file holds weights alone. layers: name and float32 arrays of each layer
    with weights, in the file's own order; None where it lists none."""

    description: str | None
    layers: tuple[tuple[str, tuple[np.ndarray, ...]], ...] | None


def read_keras_file(data: bytes) -> KerasFile:
    """What a Keras file holds; nothing in it is executed.

    Raises:
        WeightError: if the bytes are no HDF5 file that can be read (see `engine.apart`).
    """
    found = read_apart("keras", data)
    if found is None:
        raise WeightError("The file is no Keras model (.h5) that can be read; choose the file that model.save wrote.")
    description = str(found["description"]) if "description" in found else None
    if "names" not in found:
        return KerasFile(description, None)
    listed = enumerate(zip(found["names"], found["counts"], strict=True))
    layers = ((str(name), tuple(found[f"{k}/{n}"] for n in range(int(count)))) for k, (name, count) in listed)
    return KerasFile(description, tuple(layers))
