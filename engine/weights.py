"""Weights: one object holds a file's hash, network, classes, operating points, measured figures, licence and origin.

The manifest `weights/manifest.json` is written by `training/publish.py`. A file is used only if its SHA-256 is the
manifest's. Files are safetensors, so loading one runs no code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import WeightError
from engine.finding import WeightUsed
from engine.settings import settings


@dataclass(frozen=True)
class Weight:
    """One shipped weight.

    architecture: keyword arguments of its network class. operating: thresholds and calibration, by the task's own names.
    metrics: measured figures, each {"value", "low", "high", "n", "on", "command"}.
    """

    name: str
    task: str
    title: str
    file: str
    sha256: str
    licence: str
    training_command: str
    architecture: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    operating: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def used(self) -> WeightUsed:
        return WeightUsed(self.name, self.sha256)

    @property
    def path(self) -> Path:
        return settings().weights / self.file

    def card(self) -> str:
        """The model card, Markdown."""
        card = settings().weights / f"{self.name}.md"
        if not card.is_file():
            raise WeightError(f"The model card {card.name} is missing; install the app again.")
        return card.read_text(encoding="utf-8")

    def state_dict(self) -> dict[str, Any]:
        """Tensors by name, float32, from a file whose hash was checked.

        Raises:
            WeightError: if the file is missing or altered.
        """
        import torch
        from safetensors.torch import load

        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise WeightError(f"The weight file {self.file} is missing; install the app again.") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise WeightError(
                f"The weight file {self.file} is not the one that its card describes; install the app again."
            )
        return {k: v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for k, v in load(data).items()}


def manifest() -> dict[str, Weight]:
    """Every shipped weight by name."""
    path = settings().weights / "manifest.json"
    if not path.is_file():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Weight(name=name, **{**entry, "classes": tuple(entry.get("classes", ()))})
        for name, entry in entries.items()
    }


def weight(name: str) -> Weight:
    """One shipped weight. Raises WeightError if there is none of this name."""
    try:
        return manifest()[name]
    except KeyError:
        raise WeightError(
            f"There is no weight named {name}; shipped are {', '.join(sorted(manifest())) or 'none'}."
        ) from None
