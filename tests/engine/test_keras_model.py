"""Whole Keras models that the tests write themselves, against float64, and files that must be turned away."""

import json

import h5py
import numpy as np
import pytest
import torch

from engine.errors import WeightError
from engine.keras_model import load_model
from tests.engine.keras_file import answer, h5, layers, weights


@pytest.mark.parametrize("keras", [2, 3])
@pytest.mark.parametrize("norm", [True, False])
def test_a_model_answers_as_float64_does(keras, norm):
    described = layers(norm=norm)
    arrays = weights(described)
    network, shape = load_model(h5(described, arrays, keras=keras))
    picture = np.random.default_rng(1).uniform(0, 1, (16, 24))
    with torch.no_grad():
        said = network(torch.from_numpy(picture[None, None]).float())[0].permute(1, 2, 0).numpy()
    true = answer(described, arrays, picture)
    assert shape == (384, 384, 1)
    assert said.shape == true.shape == (16, 24, 7)
    assert np.abs(said - true).max() < 1e-5
    assert np.ptp(true) > 0.1


def test_layers_may_have_any_names():
    described = layers()
    arrays = weights(described)
    names = {name: f"layer_{900 - k}" for k, (name, *_) in enumerate(described)}
    renamed = [(names[n], kind, config, [names[i] for i in inputs]) for n, kind, config, inputs in described]
    picture = np.random.default_rng(1).uniform(0, 1, (16, 16)).astype(np.float32)
    one, other = (
        load_model(h5(d, a))[0](torch.from_numpy(picture)[None, None])
        for d, a in ((described, arrays), (renamed, {names[n]: a for n, a in arrays.items()}))
    )
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_weights_alone_are_not_enough():
    described = layers()
    with pytest.raises(WeightError, match="weights alone"):
        load_model(h5(described, weights(described), config=False))


def test_an_unknown_layer_is_named():
    described = [*layers(), ("own", "Lambda", {}, ["classes"])]
    with pytest.raises(WeightError, match="kind Lambda"):
        load_model(h5(described, weights(layers())))


def test_weights_of_another_network_are_turned_away():
    described = layers()
    with pytest.raises(WeightError, match="another network"):
        load_model(h5(described, weights(layers(widths=(5, 7)))))


@pytest.mark.parametrize(
    "config", ["{", "{}", json.dumps({"config": {"layers": [1, 2]}}), json.dumps({"config": {"layers": []}})]
)
def test_a_damaged_description_is_said(tmp_path, config):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config
    with pytest.raises(WeightError, match="description"):
        load_model(path.read_bytes())


def test_other_bytes_are_no_model():
    with pytest.raises(WeightError, match="no Keras model"):
        load_model(b"something else")
