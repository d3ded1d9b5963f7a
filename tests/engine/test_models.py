"""Networks are loaded once, for everyone, from a weight that fits."""

import threading
import time

import pytest
import torch

from engine import models, weights
from engine.errors import WeightError
from engine.settings import Settings
from training.publish import Card, publish


def card(**architecture: int) -> Card:
    return Card("ecg", "Tiny", "MIT", "python -m training tiny", "# Tiny\n", architecture)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A weights folder that holds `tiny`, a linear layer whose answer to (1, 1) is 3."""
    layer = torch.nn.Linear(2, 1)
    layer.load_state_dict({"weight": torch.tensor([[1.0, 1.5]]), "bias": torch.tensor([0.5])})
    publish("tiny", layer.state_dict(), card(in_features=2, out_features=1), tmp_path)
    monkeypatch.setattr(weights, "settings", lambda: Settings(weights=tmp_path))
    monkeypatch.setitem(models.NETWORKS, "tiny", "torch.nn:Linear")
    return tmp_path


def test_the_loaded_network_answers_as_the_published_one(folder):
    model = models.ModelStore("cpu").get("tiny")
    assert model.module(torch.ones(1, 2)).item() == 3.0
    assert not model.module.training
    assert model.weight.name == "tiny"


def test_many_threads_share_one_load(folder, monkeypatch):
    loads = []
    load = models._load

    def slow(weight, device):
        loads.append(weight.name)
        time.sleep(0.05)
        return load(weight, device)

    monkeypatch.setattr(models, "_load", slow)
    store, got = models.ModelStore("cpu"), []
    threads = [threading.Thread(target=lambda: got.append(store.get("tiny"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["tiny"]
    assert len({id(model) for model in got}) == 1


def test_a_study_s_view_shares_models_but_counts_its_own(folder):
    store = models.ModelStore("cpu")
    model = store.get("tiny")
    view = store.for_one_study()
    assert view.asked() == frozenset()
    assert view.get("tiny") is model
    assert view.asked() == {"tiny"}
    assert store.for_one_study().asked() == frozenset()


def test_a_weight_of_another_shape_does_not_load(folder):
    publish("tiny", {"weight": torch.zeros(1, 5), "bias": torch.zeros(1)}, card(in_features=2, out_features=1), folder)
    with pytest.raises(WeightError, match="does not fit its network"):
        models.ModelStore("cpu").get("tiny")


def test_a_failed_load_is_tried_again(folder):
    data = (folder / "tiny.safetensors").read_bytes()
    (folder / "tiny.safetensors").unlink()
    store = models.ModelStore("cpu")
    with pytest.raises(WeightError):
        store.get("tiny")
    assert store.asked() == frozenset()
    (folder / "tiny.safetensors").write_bytes(data)
    assert store.get("tiny").device == "cpu"


def test_a_process_has_one_store_per_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert models.store("cpu") is models.store("auto")
    assert models.store("cpu") is models.store("cpu")


@pytest.mark.parametrize("name", weights.manifest())
def test_every_shipped_weight_loads_into_its_network(name):
    model = models.ModelStore("cpu").get(name)
    assert all(torch.isfinite(value).all() for value in model.module.state_dict().values())
