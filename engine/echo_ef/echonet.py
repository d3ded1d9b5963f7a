"""A user's own EchoNet-Dynamic networks (Ouyang 2020, doi:10.1038/s41586-020-2145-8): LV per frame, EF per clip.

The two published checkpoints are dicts with a `state_dict` whose names begin with `module.`: torchvision's
`deeplabv3_resnet50` with one output channel, and `r2plus1d_18` with one output. Neither is ours nor shipped. What they do
not store, and what is used here as published: frames of 112 x 112 px in RGB, about mean 30.8 and deviation 47.9 on 0..255;
clips of 32 frames, every second one; a recording shorter than that is filled up with the mean.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.echo_ef.beats import Beat
from engine.errors import WeightError
from engine.models import LoadedModel
from engine.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

SEGMENTATION, VIDEO = "echonet-segmentation", "echonet-video"
NAMES = {SEGMENTATION: "Left ventricle, frame by frame", VIDEO: "Ejection fraction, clip by clip"}
SIDE = 112  # px
MEAN, DEVIATION = 30.8, 47.9  # of grey levels, every channel
CLIP_FRAMES, PERIOD = 32, 2
CLIP_SPAN = CLIP_FRAMES * PERIOD
CLIPS = ("one", "all", "beats")
FRAMES_AT_ONCE, CLIPS_AT_ONCE = 8, 2


def load(checkpoint: bytes) -> tuple[str, nn.Module]:
    """SEGMENTATION or VIDEO, and the network of a `.pt` file. Nothing in the file is executed (`weights_only=True`).

    Raises:
        WeightError: if the file is no such checkpoint.
    """
    from torchvision.models.segmentation import deeplabv3_resnet50
    from torchvision.models.video import r2plus1d_18

    state = _state_dict(checkpoint)
    if "fc.weight" in state:
        kind, network = VIDEO, r2plus1d_18(weights=None, num_classes=1)
    elif "classifier.4.weight" in state:
        kind, network = SEGMENTATION, deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=1)
        state = {name: tensor for name, tensor in state.items() if not name.startswith("aux_classifier.")}
    else:
        raise WeightError(
            "Expected EchoNet-Dynamic's deeplabv3_resnet50 or r2plus1d_18, but the checkpoint has the last layer of neither; "
            "choose one of its two published .pt files."
        )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightError(
            f"The checkpoint resembles {kind}, but its layers have other names or shapes "
            "(expected one output, as EchoNet-Dynamic published it)."
        ) from error
    return kind, network.eval().requires_grad_(False)


def _state_dict(checkpoint: bytes) -> dict[str, Tensor]:
    import torch

    try:
        with torch.serialization.safe_globals(_numbers()):
            stored: Any = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise WeightError(
            "Expected a PyTorch checkpoint (.pt), but the file holds something else or is cut short; download it again."
        ) from error
    if isinstance(stored, dict) and isinstance(stored.get("state_dict"), dict):
        stored = stored["state_dict"]
    if not isinstance(stored, dict) or not all(isinstance(value, torch.Tensor) for value in stored.values()):
        raise WeightError("Expected a checkpoint with a state_dict of tensors, as EchoNet-Dynamic saves it.")
    return {str(name).removeprefix("module."): tensor for name, tensor in stored.items()}


def _numbers() -> list[Any]:
    """NumPy's plain numbers: the published video checkpoint holds its own score as one, under NumPy 1's name for them."""
    number = np.float64(0).__reduce__()[0]
    return [number, (number, "numpy.core.multiarray.scalar"), np.dtype, np.dtypes.Float64DType]


def normalised(squares: np.ndarray) -> Tensor:
    """(T, SIDE, SIDE) uint8 grey -> (3, T, SIDE, SIDE) float32 as the networks were trained."""
    import torch

    grey = (torch.from_numpy(squares).float() - MEAN) / DEVIATION
    return grey[None].expand(3, -1, -1, -1)


def ventricle(squares: np.ndarray, model: LoadedModel, progress: Progress) -> np.ndarray:
    """(T, SIDE, SIDE) uint8 grey -> (T, SIDE, SIDE) bool: inside the left ventricle, by the user's network."""
    import torch

    x = normalised(squares).transpose(0, 1)
    parts = []
    for at in range(0, len(x), FRAMES_AT_ONCE):
        progress(at / len(x), f"Your segmentation network draws frame {at + 1} of {len(x)}")
        with model.lock, torch.inference_mode():
            logits = model.module(x[at : at + FRAMES_AT_ONCE].to(model.device))["out"]
        parts.append((logits[:, 0] > 0).cpu().numpy())
    return np.concatenate(parts)


def clip_starts(frames: int, choice: str, beats: Sequence[Beat]) -> tuple[int, ...]:
    """First frames of the clips. choice: `one` from the middle, `all`, or `beats`: one around each beat's contraction."""
    last = max(0, frames - CLIP_SPAN)
    if choice == "all":
        return tuple(range(last + 1))
    if choice == "beats" and beats:
        middles = (round((beat.ed_frame + beat.es_frame) / 2) for beat in beats)
        return tuple(sorted({min(max(middle - CLIP_SPAN // 2, 0), last) for middle in middles}))
    return (last // 2,)


def clips(squares: np.ndarray, starts: Sequence[int]) -> Tensor:
    """(n, 3, CLIP_FRAMES, SIDE, SIDE); what lies beyond the recording's end is the mean grey."""
    import torch

    x = normalised(squares)
    missing = max(starts) + CLIP_SPAN - x.shape[1]
    if missing > 0:
        x = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, missing))
    return torch.stack([x[:, start : start + CLIP_SPAN : PERIOD] for start in starts])


def ejection_fractions(
    squares: np.ndarray, starts: Sequence[int], model: LoadedModel, progress: Progress
) -> np.ndarray:
    """(n,) EF in % of each clip, by the user's network."""
    import torch

    found = []
    for at in range(0, len(starts), CLIPS_AT_ONCE):
        progress(at / len(starts), f"Your video network looks at clip {at + 1} of {len(starts)}")
        x = clips(squares, starts[at : at + CLIPS_AT_ONCE])
        with model.lock, torch.inference_mode():
            found.append(model.module(x.to(model.device))[:, 0].float().cpu().numpy())
    return np.concatenate(found)
