"""Every setting of the process, read once from the environment. Nothing else reads environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Settings:
    """device: auto, cpu or cuda. allowed_origins: web origins that may call the HTTP API from elsewhere (CORS), none by default.

    max_request_bytes: what one HTTP request may carry. workers: analyses that run at the same time.
    """

    device: str = "auto"
    weights: Path = WEIGHTS_FOLDER
    allowed_origins: tuple[str, ...] = ()
    max_request_bytes: int = 512 << 20
    workers: int = 2


@cache
def settings() -> Settings:
    """The settings of this process: CARDIAC_DEVICE, CARDIAC_WEIGHTS, CARDIAC_ALLOWED_ORIGINS (comma separated),
    CARDIAC_MAX_REQUEST_MB, CARDIAC_WORKERS."""
    env = os.environ
    return Settings(
        device=env.get("CARDIAC_DEVICE", "auto"),
        weights=Path(env.get("CARDIAC_WEIGHTS", WEIGHTS_FOLDER)),
        allowed_origins=tuple(o.strip() for o in env.get("CARDIAC_ALLOWED_ORIGINS", "").split(",") if o.strip()),
        max_request_bytes=int(env.get("CARDIAC_MAX_REQUEST_MB", "512")) << 20,
        workers=int(env.get("CARDIAC_WORKERS", "2")),
    )
