"""A weight is used only if it is the file that its card describes."""

import hashlib

import pytest
import torch

from engine import weights
from engine.errors import WeightError
from engine.settings import WEIGHTS_FOLDER, Settings
from training.publish import Card, publish

SHIPPED = weights.manifest()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A weights folder with one published weight, `tiny`."""
    card = Card("ecg", "Tiny", "MIT", "python -m training tiny", "# Tiny\n", {"width": 2}, ("A", "B"), {"A": 0.5})
    publish("tiny", {"w": torch.tensor([[1.0, -2.0]]), "steps": torch.tensor(7)}, card, tmp_path)
    monkeypatch.setattr(weights, "settings", lambda: Settings(weights=tmp_path))
    return tmp_path


def test_what_was_published_comes_back(folder):
    tiny = weights.weight("tiny")
    assert (tiny.name, tiny.task, tiny.classes, tiny.architecture) == ("tiny", "ecg", ("A", "B"), {"width": 2})
    assert tiny.card() == "# Tiny\n"
    assert tiny.used.sha256 == hashlib.sha256((folder / "tiny.safetensors").read_bytes()).hexdigest()
    state = tiny.state_dict()
    assert state["w"].dtype == torch.float32
    assert state["w"].tolist() == [[1.0, -2.0]]
    assert state["steps"].item() == 7


def test_one_changed_byte_is_noticed(folder):
    path = folder / "tiny.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightError, match="not the one that its card describes"):
        weights.weight("tiny").state_dict()


def test_a_missing_file_is_named(folder):
    (folder / "tiny.safetensors").unlink()
    with pytest.raises(WeightError, match=r"tiny\.safetensors is missing"):
        weights.weight("tiny").state_dict()


def test_a_missing_card_is_named(folder):
    (folder / "tiny.md").unlink()
    with pytest.raises(WeightError, match=r"tiny\.md is missing"):
        weights.weight("tiny").card()


def test_an_unknown_weight_names_the_shipped_ones(folder):
    with pytest.raises(WeightError, match="no weight named other; shipped are tiny"):
        weights.weight("other")


def test_without_a_manifest_there_is_no_weight(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "settings", lambda: Settings(weights=tmp_path))
    assert weights.manifest() == {}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_weight_is_whole(name):
    shipped = SHIPPED[name]
    assert shipped.path.stat().st_size < 25 << 20
    assert shipped.state_dict()
    assert "research use" in shipped.card().lower()
    assert shipped.licence
    assert shipped.training_command.startswith("python -m training ")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_figure_of_a_shipped_weight_says_where_it_comes_from(name):
    for figure, stated in SHIPPED[name].metrics.items():
        assert {"value", "n", "on", "command"} <= set(stated), figure


def test_all_shipped_weights_together_stay_small():
    assert sum(path.stat().st_size for path in WEIGHTS_FOLDER.glob("*.safetensors")) < 100 << 20
