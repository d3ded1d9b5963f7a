"""Every setting of the process, read once from the environment. Nothing else reads environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.errors import EngineError

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Settings:
    """device: auto, cpu or cuda. allowed_origins: web origins that may call the HTTP API from elsewhere (CORS).

    weights: the folder of the shipped weights. max_request_bytes: what one HTTP request may carry.
    workers: analyses that run at the same time.
    """

    device: str = "auto"
    weights: Path = WEIGHTS_FOLDER
    allowed_origins: tuple[str, ...] = ()
    max_request_bytes: int = 512 << 20
    workers: int = 2


@cache
def settings() -> Settings:
    """The settings of this process: CARDIAC_DEVICE, CARDIAC_WEIGHTS, CARDIAC_ALLOWED_ORIGINS (comma separated),
    CARDIAC_MAX_REQUEST_MB, CARDIAC_WORKERS.

    Raises:
        EngineError: if a number is none, or smaller than 1.
    """
    env = os.environ
    return Settings(
        device=env.get("CARDIAC_DEVICE", "auto"),
        weights=Path(env.get("CARDIAC_WEIGHTS", WEIGHTS_FOLDER)),
        allowed_origins=tuple(o.strip() for o in env.get("CARDIAC_ALLOWED_ORIGINS", "").split(",") if o.strip()),
        max_request_bytes=_count("CARDIAC_MAX_REQUEST_MB", 512) << 20,
        workers=_count("CARDIAC_WORKERS", 2),
    )


def _count(name: str, default: int) -> int:
    text = os.environ.get(name, str(default)).strip()
    if not text.isdecimal() or int(text) < 1:
        raise EngineError(f"Expected the setting {name} to be a whole number from 1, got {text!r}.")
    return int(text)
