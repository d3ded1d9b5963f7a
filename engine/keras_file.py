"""A user's Keras file (`.h5`) taken apart by a process of its own.

HDF5's library follows what damaged or hostile bytes say: it may loop without end or crash, and while it reads, nobody else can.
In a process of its own it takes nothing along, and can be stopped.
"""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import WeightError

SECONDS = 60  # InceptionV3's file takes 2
CHILD = Path(__file__).with_name("keras_file_child.py")


@dataclass(frozen=True)
class KerasFile:
    """description: of the layers, JSON; None where the file holds weights alone. layers: name and float32 arrays of each layer
    with weights, in the file's own order; None where it lists none."""

    description: str | None
    layers: tuple[tuple[str, tuple[np.ndarray, ...]], ...] | None


def read_keras_file(data: bytes) -> KerasFile:
    """What a Keras file holds; nothing in it is executed.

    Raises:
        WeightError: if the bytes are no HDF5 file that can be read in SECONDS and within the bounds of `keras_file_child`.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-P", str(CHILD)], input=data, capture_output=True, timeout=SECONDS, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise WeightError(
            "The file is no Keras model (.h5) that can be read; choose the file that model.save wrote."
        ) from error
    with np.load(io.BytesIO(child.stdout), allow_pickle=False) as found:
        description = str(found["description"]) if "description" in found else None
        names = [str(name) for name in found["names"]] if "names" in found else None
        layers = names and tuple(
            (name, tuple(found[f"{k}/{n}"] for n in range(int(found["counts"][k])))) for k, name in enumerate(names)
        )
    return KerasFile(description, None if names is None else tuple(layers or ()))
