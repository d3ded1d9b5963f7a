"""Networks in memory: each loaded once per process, shared by pages and API, with one lock each."""

from __future__ import annotations

import copy
import importlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from engine import devices, weights
from engine.errors import WeightError
from engine.finding import WeightUsed

NETWORKS = {  # weight -> its network class, built with the manifest's `architecture`
    "ecg-page": "engine.ecg.segmentation:PageNet",
    "ecg-classifier": "engine.ecg.classifier:EcgClassifier",
    "sparks-events": "engine.sparks.readers:EventReader",
    "sparks-lines": "engine.sparks.readers:EventReader",
    "sparks-frames": "engine.sparks.readers:FrameReader",
    "echo-apical": "engine.unet:UNet",
    "echo-apical-second": "engine.unet:UNet",
    "echo-ef-view": "engine.echo_ef.view:ViewNet",
    "echo-plax": "engine.unet:UNet",
    "cardiac-mr-segmentation": "engine.unet:UNet",
    "cardiac-mr-stack": "engine.mr.stack_network:StackNet",
    "cardiac-mr-beat": "engine.mr.stack_network:StackNet",
    "cardiac-mr-views": "engine.mr.views:ViewNet",
}
MOST_LENT = 4  # users' own networks in memory at once; the one unused for longest goes first


@dataclass(frozen=True)
class LoadedModel:
    """A network in evaluation mode, its weights without gradients.

    Hold `lock` around prediction and attribution alike: Captum is not thread-safe.
    """

    weight: weights.Weight
    module: Any  # the nn.Module that NETWORKS names for the weight
    device: str
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)


class ModelStore:
    """The models of one process on one device; safe to use from many threads."""

    def __init__(self, device: str | None = None) -> None:
        self.device = devices.choose(device)
        self._models: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()
        self._asked: set[str] = set()
        self._lent: OrderedDict[str, LoadedModel] = OrderedDict()
        self._lent_asked: list[WeightUsed] = []

    def for_one_study(self) -> ModelStore:
        """The same models, with a record of its own of which were `asked` for: a finding names only what answered it."""
        view = copy.copy(self)
        view._asked, view._lent_asked = set(), []
        return view

    def get(self, name: str) -> LoadedModel:
        """The model of a shipped weight, loaded at its first use.

        Raises:
            WeightError: if the weight is missing, altered, or does not fit its network.
        """
        with self._lock:
            if name not in self._models:
                self._models[name] = _load(weights.weight(name), self.device)
            self._asked.add(name)
            return self._models[name]

    def lend(self, kind: str, sha256: str, network: Any) -> None:
        """Takes in a user's own network, in evaluation mode; it stays in memory until others push it out."""
        entry = weights.Weight(kind, "", "A user's own network", "", sha256, "the user's", "")
        with self._lock:
            self._lent[sha256] = LoadedModel(entry, network.to(self.device), self.device)
            self._lent.move_to_end(sha256)
            while len(self._lent) > MOST_LENT:
                self._lent.popitem(last=False)

    def lent(self, kind: str, sha256: str) -> LoadedModel:
        """A user's own network of this kind and file hash. Raises WeightError if it is not, or no more, in memory."""
        with self._lock:
            found = self._lent.get(sha256)
            if found is None or found.weight.name != kind:
                raise WeightError(f"Your network ({kind}) is not in memory any more; choose its file again.")
            self._lent.move_to_end(sha256)
            self._lent_asked.append(found.weight.used)
            return found

    def lent_asked(self) -> tuple[WeightUsed, ...]:
        """Which users' networks this store gave out."""
        return tuple(dict.fromkeys(self._lent_asked))

    def with_model(self, model: LoadedModel) -> ModelStore:
        """The same models with this one in place of the shipped one of its name: what training measures."""
        view = self.for_one_study()
        view._models = {**self._models, model.weight.name: model}
        return view

    def loaded(self) -> tuple[str, ...]:
        """Names of the models in memory."""
        return tuple(self._models)

    def asked(self) -> frozenset[str]:
        """Names of the models that this store gave out."""
        return frozenset(self._asked)


def _load(weight: weights.Weight, device: str) -> LoadedModel:
    module_name, class_name = NETWORKS[weight.name].split(":")
    network = getattr(importlib.import_module(module_name), class_name)(**weight.architecture)
    try:
        network.load_state_dict(weight.state_dict())
    except RuntimeError as error:
        raise WeightError(f"The weight file {weight.file} does not fit its network; install the app again.") from error
    return LoadedModel(weight, network.eval().requires_grad_(False).to(device), device)


def store(device: str | None = None) -> ModelStore:
    """The process's one store for a device: `auto`, `cpu` or `cuda` (None: the process's setting)."""
    return _store(devices.choose(device))


@cache
def _store(device: str) -> ModelStore:
    return ModelStore(device)
