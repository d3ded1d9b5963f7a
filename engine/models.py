"""Networks in memory: each loaded once per process, shared by pages and API, with one lock each."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from engine import devices, weights
from engine.errors import WeightError

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {  # weight -> its network class, built with the manifest's `architecture`
    "ecg-page": "engine.ecg.segmentation:PageNet",
    "ecg-classifier": "engine.ecg.classifier:EcgClassifier",
}


@dataclass(frozen=True)
class LoadedModel:
    """A network in evaluation mode. Hold `lock` around prediction and attribution alike: Captum's hooks are not thread-safe."""

    weight: weights.Weight
    module: nn.Module
    device: str
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)


class ModelStore:
    """The models of one process on one device; safe to use from many threads."""

    def __init__(self, device: str | None = None) -> None:
        self.device = devices.choose(device)
        self._models: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> LoadedModel:
        """The model of a shipped weight, loaded at its first use.

        Raises:
            WeightError: if the weight is missing, altered, or does not fit its network.
        """
        with self._lock:
            if name not in self._models:
                self._models[name] = _load(weights.weight(name), self.device)
            return self._models[name]

    def loaded(self) -> tuple[str, ...]:
        return tuple(self._models)


def _load(weight: weights.Weight, device: str) -> LoadedModel:
    module_name, class_name = NETWORKS[weight.name].split(":")
    network = getattr(importlib.import_module(module_name), class_name)(**weight.architecture)
    try:
        network.load_state_dict(weight.state_dict())
    except RuntimeError as error:
        raise WeightError(f"The weight file {weight.file} does not fit its network; install the app again.") from error
    return LoadedModel(weight, network.eval().to(device), device)


@cache
def store(device: str | None = None) -> ModelStore:
    """The process's store for a device (None: the process's setting)."""
    return ModelStore(device)
