"""Files whose libraries crash, loop without end or swell on damaged bytes are read by a process of its own, which can be stopped.

HDF5 was seen to loop, with everybody who reads another such file waiting, and SciPy's reader of MATLAB files to crash the whole
application. This file is both sides: imported, it starts the process; run as a script, it is that process and imports nothing of
the engine.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py

SECONDS = 20  # InceptionV3's 88 MB take less than one
MOST_BYTES = 4 << 30  # of the process's memory: a compressed array may promise any size
MOST_NUMBERS = 200_000_000  # of all arrays together; InceptionV3 has 22 million
Arrays = dict[str, np.ndarray]


def read_apart(kind: str, data: bytes) -> Arrays | None:
    """What the reader of this kind (READERS) finds in the bytes; None where they can't be read in SECONDS and MOST_BYTES."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", __file__, kind], input=data, capture_output=True, timeout=SECONDS, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        return dict(found)


# --- the process --------------------------------------------------------------------------------------------------


def read_keras(data: bytes) -> Arrays:
    """description: of the layers, JSON. names, counts: of the layers with weights; K/N: array N of layer K, float32.

    What the file does not hold is left out.
    """
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        text = file.attrs.get("model_config")
        return ({} if text is None else {"description": np.array(_text(text))}) | _keras_layers(file)


def _keras_layers(file: h5py.File) -> Arrays:
    root = file.get("model_weights", file)
    if "layer_names" not in root.attrs:
        return {}
    names: list[str] = []
    counts: list[int] = []
    arrays: Arrays = {}
    numbers = 0
    for name in (_text(n) for n in root.attrs["layer_names"]):
        stored = [root[name][_text(w)] for w in root[name].attrs["weight_names"]]
        numbers += sum(int(np.prod(one.shape)) for one in stored)
        if numbers > MOST_NUMBERS:
            raise ValueError("more numbers than any network here has")
        if stored:
            arrays |= {f"{len(names)}/{n}": np.asarray(one, np.float32) for n, one in enumerate(stored)}
            names.append(name)
            counts.append(len(stored))
    return {"names": np.array(names, str), "counts": np.array(counts, int)} | arrays


def read_annotations(data: bytes) -> Arrays:
    """xytspark: (N, 3 or 4) float64, the variable of that name in a MATLAB file."""
    from scipy.io import loadmat

    table = loadmat(io.BytesIO(data), variable_names=["xytspark"])["xytspark"]
    return {"xytspark": np.atleast_2d(table).astype(np.float64)}


READERS: dict[str, Callable[[bytes], Arrays]] = {"keras": read_keras, "annotations": read_annotations}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES if hard < 0 else min(MOST_BYTES, hard), hard))


def _main() -> None:
    _bound_memory()
    packed = io.BytesIO()
    np.savez(packed, **READERS[sys.argv[1]](sys.stdin.buffer.read()))  # type: ignore[arg-type]
    sys.stdout.buffer.write(packed.getbuffer())


if __name__ == "__main__":
    _main()
