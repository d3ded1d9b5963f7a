"""What a Keras file holds, and that nothing else is taken for one."""

import io

import h5py
import numpy as np
import pytest

from engine.errors import WeightError
from engine.keras_file import KerasFile, read_keras_file

TURNED_AWAY = "no Keras model .* that can be read"


def h5(arrays: dict[str, list[np.ndarray]], **about) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, values in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"w{k}".encode() for k in range(len(values))]
            for k, value in enumerate(values):
                group.create_dataset(f"w{k}", data=value, **about)
    return buffer.getvalue()


def test_layers_come_in_the_files_order_and_those_without_weights_are_left_out():
    kernel, bias = np.arange(6.0).reshape(2, 3), np.array([0.5, 1.5])
    found = read_keras_file(h5({"last": [kernel, bias], "pool": [], "first": [bias]}))
    assert found.description is None
    assert found.layers is not None
    assert [name for name, _ in found.layers] == ["last", "first"]
    np.testing.assert_array_equal(found.layers[0][1][0], kernel)
    np.testing.assert_array_equal(found.layers[0][1][1], bias)
    assert found.layers[1][1][0].dtype == np.float32


def test_a_file_that_lists_no_layers_has_none():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["model_config"] = "{}"
    assert read_keras_file(buffer.getvalue()) == KerasFile("{}", None)


@pytest.mark.parametrize("data", [b"", b"something else", h5({"a": [np.zeros(50)]})[:900]])
def test_other_bytes_are_turned_away(data):
    with pytest.raises(WeightError, match=TURNED_AWAY):
        read_keras_file(data)


def test_an_array_that_promises_more_than_any_network_has_is_not_unpacked():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [b"a"]
        file.create_group("a").attrs["weight_names"] = [b"w"]
        file["a"].create_dataset("w", (10**12,), np.float32, chunks=(10**6,), compression="gzip")
    with pytest.raises(WeightError, match=TURNED_AWAY):
        read_keras_file(buffer.getvalue())
