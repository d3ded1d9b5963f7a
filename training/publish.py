"""Writes a trained network as a shipped weight: safetensors in float16, model card, manifest entry with SHA-256."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_BYTES = 25 << 20  # of one weight file


@dataclass(frozen=True)
class Card:
    """What the manifest states of a weight (see engine/weights.py) and the card's Markdown text."""

    task: str
    title: str
    licence: str
    training_command: str
    text: str
    architecture: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    operating: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


def publish(name: str, state_dict: dict[str, Any], card: Card, folder: Path = Path("weights")) -> Path:
    """Writes `folder/NAME.safetensors`, `folder/NAME.md` and the entry in `folder/manifest.json`; returns the weight's path.

    Raises:
        ValueError: if the file would be larger than a shipped weight may be.
    """
    import torch
    from safetensors.torch import save

    half = {k: v.detach().cpu().contiguous() for k, v in state_dict.items()}
    half = {k: v.to(torch.float16) if v.dtype == torch.float32 else v for k, v in half.items()}
    data = save(half)
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"{name} has {len(data) / 2**20:.1f} MB in float16, a shipped weight at most {MAX_BYTES >> 20} MB"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    path.write_bytes(data)
    (folder / f"{name}.md").write_text(card.text, encoding="utf-8")
    entry = {k: v for k, v in vars(card).items() if k != "text"}
    entry |= {"file": path.name, "sha256": hashlib.sha256(data).hexdigest()}
    manifest = folder / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    entries[name] = entry
    manifest.write_text(json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
