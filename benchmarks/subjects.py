"""What is timed, per task: one drawn study, and the design of the peer that answers the same question."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from training.ecg_page_style import PageStyle

SEED = 20
PIXELS = 2e6  # of a photo as a phone's app sends it


@dataclass(frozen=True)
class Subject:
    """One task's benchmark.

    draw: makes the study: its file name and bytes. peer_name: whose design stands beside ours. build_peer: makes the peer's
    networks, with random weights, and gives what answers one study with them.
    """

    what: str
    draw: Callable[[], tuple[str, bytes]]
    peer_name: str
    build_peer: Callable[[], Callable[[bytes], None]]


def ecg_photo() -> tuple[str, bytes]:
    """A simulated ECG on a page of 3x4 with a rhythm strip, photographed at two megapixels, as JPEG."""
    from PIL import Image

    from training.ecg_page import phone_style, plain_style, render
    from training.ecg_simulator import EcgProfile, simulate

    rng = np.random.default_rng(SEED)
    page = render(simulate(EcgProfile(), 10, rng), _at(PIXELS, phone_style(plain_style(), rng)), rng)
    buffer = io.BytesIO()
    Image.fromarray(page.image).save(buffer, "JPEG", quality=90)
    return "photo.jpg", buffer.getvalue()


def _at(pixels: float, style: PageStyle) -> PageStyle:
    """The photographed page, with a camera of so many pixels."""
    assert style.camera is not None
    width, height = style.camera.size_px
    scale = (pixels / (width * height)) ** 0.5
    size = (round(width * scale), round(height * scale))
    camera = replace(style.camera, size_px=size, px_per_mm=style.camera.px_per_mm * scale)
    return replace(style, camera=camera, px_per_mm=style.px_per_mm * scale)


def ecg4u_design() -> Callable[[bytes], None]:
    """Eight binary networks on the picture, one after another, as ECG4U asks them; already in memory, which favours it."""
    import torch
    from PIL import Image

    from engine.ecg.ecg4u import ECG4U_NAMES, HEIGHT, WIDTH, Ecg4uNet

    torch.manual_seed(SEED)
    networks = [Ecg4uNet(padding=0).eval() for _ in ECG4U_NAMES]

    def answer(data: bytes) -> None:
        photo = Image.open(io.BytesIO(data)).convert("RGB").resize((WIDTH, HEIGHT))
        page = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float()
        with torch.inference_mode():
            for network in networks:
                network(page)

    return answer


SUBJECTS = {
    "ecg": Subject("one phone photo of a 3x4 page", ecg_photo, "ECG4U: one CNN per class on the picture", ecg4u_design)
}
