"""Why a cardiac MR was read so: how sure each pixel is, what speaks for the view, what the network sees, which slices count."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from engine import devices
from engine.analysis import Analysis
from engine.models import LoadedModel, ModelStore
from engine.mr import views
from engine.mr.evidence import MrEvidence
from engine.mr.scale import normalised, warped
from engine.mr.segmentation import CAVITY, between
from engine.mr.views import CLASSES, SIZE, fitted, letterbox
from engine.progress import Progress, silent
from explain.explanation import Explanation, Faithfulness
from explain.faithfulness import deletion

PATCHES = 12  # per side: what the deletion check removes is a patch of the picture, not a pixel
STEPS = 16  # between black and the picture, for integrated gradients
AXES = {
    "confidence": "(phase, slice, y, x) 0..1: probability of what is drawn there, on the input's pixels; the phases are "
    "end-diastole and end-systole; 0 outside the network's window",
    "view_grad_cam": "(y, x) of the input, first phase, slice details.view_slice: what speaks for the view (Grad-CAM), 0 or more",
    "view_integrated_gradients": "(y, x), as view_grad_cam: signed share of each pixel in the view's logit, against black",
    "slice_influence": "(slice): points of LV ejection fraction with every slice minus without this one; NaN without an EF",
}


def explain(analysis: Analysis, store: ModelStore, progress: Progress = silent) -> Explanation:
    """Arrays as AXES says; `confidence` and `slice_influence` of a short axis only. `faithfulness`: of the view's Grad-CAM.

    `details`: `view_slice`, `phases` (of the confidence), `explained`.

    Raises:
        Cancelled: if `progress` stopped the work.
    """
    evidence: MrEvidence = analysis.evidence
    progress(0.05, "Looking for what speaks for the view")
    arrays, check, middle = _view(evidence, store.get(views.WEIGHT))
    details = {"view_slice": middle, "explained": [check.label]}
    if evidence.segmentation is not None and evidence.volumes is not None:
        progress(0.8, "Gathering how sure each pixel is")
        phases = [evidence.volumes.end_diastole, evidence.volumes.end_systole]
        arrays |= {
            "confidence": confidence(evidence, phases),
            "slice_influence": slice_influence(evidence.segmentation.labels, *phases),
        }
        details["phases"] = phases
    progress(1.0, "Explained")
    return Explanation(arrays, {name: AXES[name] for name in arrays}, (check,), details)


# --- the view -----------------------------------------------------------------------------------------------------


class _Views(nn.Module):
    """The view logits of a network as its only output: what Captum attributes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network.views(x)  # type: ignore[operator]


def _view(evidence: MrEvidence, model: LoadedModel) -> tuple[dict[str, np.ndarray], Faithfulness, int]:
    middle = evidence.cine.slices // 2
    picture = evidence.cine.images[0, middle]
    matrix = letterbox(picture.shape)
    x = torch.from_numpy(fitted(normalised(picture), matrix)[None, None]).to(model.device)
    target = int(evidence.views.argmax())
    with model.lock:
        cam, shares = view_maps(model.module, x, target)
        check = _faithful(model.module, x, target, cam)
    back = cv2.invertAffineTransform(matrix)
    height, width = picture.shape
    maps = {
        name: cv2.warpAffine(values, back, (width, height), flags=cv2.INTER_LINEAR)
        for name, values in (("view_grad_cam", cam), ("view_integrated_gradients", shares))
    }
    return maps, check, middle


def view_maps(network: nn.Module, x: torch.Tensor, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Grad-CAM (Selvaraju 2017) and integrated gradients (Sundararajan 2017) of a view's logit, each (SIZE, SIZE).

    x: (1, 1, SIZE, SIZE). Leaves no hook and no gradient behind.
    """
    from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam

    asked = _Views(network)
    with torch.enable_grad():
        cam = LayerGradCam(asked, network.coarse).attribute(x, target=target, relu_attributions=True)
        shares = IntegratedGradients(asked).attribute(x, target=target, n_steps=STEPS)
    full = LayerAttribution.interpolate(cam.detach(), (SIZE, SIZE), "bilinear")
    return full[0, 0].float().cpu().numpy(), shares[0, 0].detach().float().cpu().numpy()


def _faithful(network: nn.Module, x: torch.Tensor, target: int, cam: np.ndarray) -> Faithfulness:
    """The deletion curve over patches: a removed patch gets the picture's mean grey."""
    side = SIZE // PATCHES
    coarse = cam.reshape(PATCHES, side, PATCHES, side).mean((1, 3)).ravel()

    def score(removed: np.ndarray) -> np.ndarray:
        gone = np.kron(removed.reshape(-1, PATCHES, PATCHES), np.ones((1, side, side)))
        mask = torch.from_numpy(gone.astype(np.float32))[:, None].to(x.device)
        with torch.no_grad():
            logits = network.views(x * (1 - mask) + x.mean() * mask)  # type: ignore[operator]
        return logits.float().softmax(1)[:, target].cpu().numpy()

    return deletion(CLASSES[target], score, coarse)


# --- the outlines -------------------------------------------------------------------------------------------------


def confidence(evidence: MrEvidence, phases: list[int]) -> np.ndarray:
    """(len(phases), slice, H, W) float16: probability of what is drawn, on the input's own pixels."""
    found = evidence.segmentation
    assert found is not None
    back = cv2.invertAffineTransform(found.matrix)
    height, width = found.labels.shape[2:]
    return np.stack(
        [
            np.stack(
                [
                    cv2.warpAffine(window.astype(np.float32), back, (width, height), flags=cv2.INTER_LINEAR)
                    for window in found.confidence[phase]
                ]
            )
            for phase in phases
        ]
    ).astype(np.float16)


def slice_influence(labels: np.ndarray, end_diastole: int, end_systole: int) -> np.ndarray:
    """(slice,) points of ejection fraction that each slice adds, from labels (phase, slice, H, W)."""
    full = (labels[end_diastole] == CAVITY).sum((1, 2)).astype(float)
    empty = (labels[end_systole] == CAVITY).sum((1, 2)).astype(float)
    if end_diastole == end_systole or full.sum() <= 0:
        return np.full(labels.shape[1], np.nan)
    rest = full.sum() - full
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.where(rest > 0, 100 * (1 - (empty.sum() - empty) / rest), np.nan)
    return 100 * (1 - empty.sum() / full.sum()) - without


# --- what the layers see ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer of the network that draws the outlines, by what it is to a reader."""

    name: str
    path: str  # in the module


LAYERS = (
    Layer("First look: edges, 1.5 mm", "slices.stem"),
    Layer("Second: 3 mm", "slices.down.0"),
    Layer("Third: 6 mm, joined with the slices beside", "through.3"),
    Layer("Fourth: 12 mm, joined with the slices beside", "through.2"),
    Layer("Coarsest: 24 mm, joined with the slices beside", "through.1"),
    Layer("Before the outlines: 1.5 mm", "slices.up.3"),
)


def feature_maps(evidence: MrEvidence, model: LoadedModel, layer: Layer, phase: int, slice_: int) -> np.ndarray:
    """(channel, h, w) float32: what each channel of a layer makes of this very picture among its stack, strongest first.

    model: of STACK_WEIGHT.
    """
    found = evidence.segmentation
    assert found is not None
    stack = [warped(normalised(picture), found.matrix) for picture in evidence.cine.images[phase]]
    kept: list[torch.Tensor] = []
    place = model.module.get_submodule(layer.path)
    with model.lock, torch.no_grad(), devices.autocast(model.device):
        hook = place.register_forward_hook(lambda module, inputs, output: kept.append(output[slice_].detach()))
        try:
            model.module(torch.from_numpy(between(np.stack(stack))).to(model.device))
        finally:
            hook.remove()
    maps = kept[0].float().cpu().numpy()
    return maps[np.argsort(-maps.std((1, 2)), kind="stable")]
