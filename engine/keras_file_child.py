"""The process that `engine.keras_file` starts: a Keras file on standard input, its description and arrays as `.npz` on standard
output; an exit code above 0 where it cannot be read. It imports nothing of the engine."""

import io
import sys

import h5py
import numpy as np

MOST_BYTES = 4 << 30  # of memory: a compressed array may promise any size
MOST_NUMBERS = 200_000_000  # InceptionV3 has 22 million


def main() -> None:
    _bound_memory()
    with h5py.File(io.BytesIO(sys.stdin.buffer.read()), "r") as file:
        found = _description(file) | _layers(file)
    packed = io.BytesIO()
    np.savez(packed, **found)  # type: ignore[arg-type]
    sys.stdout.buffer.write(packed.getbuffer())


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # no such bound on Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES if hard < 0 else min(MOST_BYTES, hard), hard))


def _description(file: h5py.File) -> dict[str, np.ndarray]:
    text = file.attrs.get("model_config")
    return {} if text is None else {"description": np.array(_text(text))}


def _layers(file: h5py.File) -> dict[str, np.ndarray]:
    """names, counts: of the layers with weights; K/N: array N of layer K. Empty where the file lists no layers."""
    root = file.get("model_weights", file)
    if "layer_names" not in root.attrs:
        return {}
    names: list[str] = []
    counts: list[int] = []
    arrays: dict[str, np.ndarray] = {}
    numbers = 0
    for name in (_text(n) for n in root.attrs["layer_names"]):
        stored = [root[name][_text(w)] for w in root[name].attrs["weight_names"]]
        numbers += sum(int(np.prod(one.shape)) for one in stored)
        if numbers > MOST_NUMBERS:
            raise SystemExit(2)
        if stored:
            arrays |= {f"{len(names)}/{n}": np.asarray(one, np.float32) for n, one in enumerate(stored)}
            names.append(name)
            counts.append(len(stored))
    return {"names": np.array(names, str), "counts": np.array(counts, int)} | arrays


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
