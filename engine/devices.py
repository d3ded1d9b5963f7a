"""Where networks run, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from engine.errors import EngineError
from engine.settings import settings


def choose(asked: str | None = None) -> str:
    """`cpu` or `cuda`, for `auto`, `cpu` or `cuda` (None: the process's setting).

    Raises:
        EngineError: if CUDA is asked for and there is none.
    """
    import torch

    asked = asked or settings().device
    if asked not in ("auto", "cpu", "cuda"):
        raise EngineError(f"Expected the device auto, cpu or cuda, got {asked!r}.")
    if asked == "cuda" and not torch.cuda.is_available():
        raise EngineError("A CUDA device was asked for, but PyTorch sees none; use --device cpu.")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"


@cache
def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 natively (AMX or AVX512-BF16): elsewhere it is slower than float32."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def autocast(device: str) -> AbstractContextManager[Any]:
    """bfloat16 where the device is quick at it, else full precision."""
    import torch

    if device == "cpu" and not fast_bfloat16():
        return nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16)
