"""What is timed, per task: one drawn study, and the design of the peer that answers the same question."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from training.ecg_page_style import PageStyle

Reads = Callable[[bytes], tuple["Part", ...]]  # a study's bytes -> the work that a peer does to answer it
SEED = 20
BATCH = 16  # frames at once, at most
PIXELS = 2e6  # of a photo as a phone's app sends it


@dataclass(frozen=True)
class Part:
    """Work that a peer does `count` times over for one study, each time on an input of the same size; `once` does it once."""

    name: str
    count: int
    once: Callable[[], object]


@dataclass(frozen=True)
class Subject:
    """One task's benchmark.

    draw: makes the study: its file name and bytes. peer_name: whose design stands beside ours. build_peer: makes the peer's
    networks, with random weights, and gives what reads one study for them and names all the work that answers it.
    """

    what: str
    draw: Callable[[], tuple[str, bytes]]
    peer_name: str
    build_peer: Callable[[], Reads]


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


def ecg4u_design() -> Reads:
    """Eight binary networks on the picture, one after another, as ECG4U asks them; already in memory, which favours it."""
    import torch
    from PIL import Image

    from engine.ecg.ecg4u import ECG4U_NAMES, HEIGHT, WIDTH, Ecg4uNet

    torch.manual_seed(SEED)
    networks = [Ecg4uNet(padding=0).eval() for _ in ECG4U_NAMES]

    def read(data: bytes) -> tuple[Part, ...]:
        photo = Image.open(io.BytesIO(data)).convert("RGB").resize((WIDTH, HEIGHT))
        page = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float()
        waiting = cycle(networks)
        return (Part("networks", len(networks), lambda: next(waiting)(page)),)

    return read


def echo_video() -> tuple[str, bytes]:
    """A drawn four-chamber view at EchoNet-Dynamic's size: 96 frames of 112 x 112 px at 50 per second, as AVI."""
    import cv2

    from training.echo_simulator import EchoScene, simulate

    frames, _ = simulate(EchoScene(rate_hz=50, seconds=1.92))
    return "video.avi", _avi([cv2.resize(frame, (112, 112), interpolation=cv2.INTER_AREA) for frame in frames], 50)


def plax_video() -> tuple[str, bytes]:
    """A drawn parasternal long axis, 64 frames of 384 x 384 px at 30 per second, as AVI."""
    import cv2

    from training.echo_plax_simulator import PlaxScene, simulate

    frames, _ = simulate(PlaxScene(seconds=64 / 30, size=(400, 400)))
    return "video.avi", _avi([cv2.resize(frame, (384, 384), interpolation=cv2.INTER_AREA) for frame in frames], 30)


def seed_plax_design() -> Reads:
    """A U-Net as wide as published on every frame at 384 x 384 px, one after the other, as echo-plax-segmentation asks it."""
    import av
    import torch

    from engine.unet import UNet

    torch.manual_seed(SEED)
    network = UNet(1, 7, (64, 128, 256, 512, 1024)).eval()

    def read(data: bytes) -> tuple[Part, ...]:
        with av.open(io.BytesIO(data), mode="r") as video:
            frames = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
        return (
            Part("frames", len(frames), lambda: network(torch.from_numpy(frames[0])[None, None].float()).argmax(1)),
        )

    return read


def _avi(frames: list[np.ndarray], rate_hz: int) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="avi") as container:
        stream = container.add_stream("ffv1", rate=rate_hz)
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt = "gray"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def echonet_design() -> Reads:
    """EchoNet-Dynamic's two networks (Ouyang 2020): segmentation of every frame, EF of every clip (32 frames, period 2)."""
    import av
    import torch
    from torchvision.models.segmentation import deeplabv3_resnet50
    from torchvision.models.video import r2plus1d_18

    torch.manual_seed(SEED)
    segmentation = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=1).eval()
    regression = r2plus1d_18(num_classes=1).eval()

    def read(data: bytes) -> tuple[Part, ...]:
        with av.open(io.BytesIO(data), mode="r") as video:
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
        x = (torch.from_numpy(frames).permute(0, 3, 1, 2).float() - 30.8) / 47.9
        clip = x[:64:2].permute(1, 0, 2, 3)[None]
        return in_batches(segmentation, x), Part("clips", len(x) - 63, lambda: regression(clip))

    return read


def in_batches(network: Callable[[Tensor], object], frames: Tensor, most: int = BATCH) -> Part:
    """A network on all frames (N, C, H, W), in batches of one size."""
    size = max(k for k in range(1, most + 1) if len(frames) % k == 0)
    return Part(f"batches of {size} frames", len(frames) // size, lambda: network(frames[:size]))


def spark_recording() -> tuple[str, bytes]:
    """A simulated cell in 480 frames of 40 x 256 px, as a TIFF stack: the size of Deepcardio's own recordings."""
    import tifffile

    from training.sparks_simulator import Scene, simulate

    scene = Scene(frames=480, height=40, width=256, um_per_px=0.2, sparks=20, peak_snr=2.0)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, simulate(scene, np.random.default_rng(SEED)).frames, photometric="minisblack")
    return "recording.tif", buffer.getvalue()


def deepcardio_design() -> Reads:
    """Deepcardio's two networks on every frame: InceptionV3 (75 rows) and the Xception-style U-Net, random weights."""
    import tifffile
    import torch
    from torchvision.models import inception_v3

    from benchmarks.seed_unet import SeedUNet

    torch.manual_seed(SEED)
    frame_network = inception_v3(weights=None, num_classes=2, init_weights=False, aux_logits=False).eval()
    pixel_network = SeedUNet().eval()

    def read(data: bytes) -> tuple[Part, ...]:
        frames = tifffile.imread(io.BytesIO(data)).astype(np.float32)
        x = torch.from_numpy(frames / max(float(frames.max()), 1.0))[:, None].expand(-1, 3, -1, -1)
        tall, wide = (max(0, 75 - side) for side in x.shape[-2:])
        filled = torch.nn.functional.pad(x, (0, wide, 0, tall))  # its input has 75 rows or more, zeros below
        return (in_batches(frame_network, filled), in_batches(pixel_network, x))

    return read


def cardiac_mr_cine() -> tuple[str, bytes]:
    """The app's simulated short-axis cine, as a zip of DICOM files."""
    from training.examples import cardiac_mr

    return "cine.zip", cardiac_mr()


def unet_design() -> Reads:
    """A U-Net as wide as published (Ronneberger 2015: 64 to 1024 channels) on every image at 256 x 256 px."""
    import zipfile

    import torch

    from engine.unet import UNet

    torch.manual_seed(SEED)
    network = UNet(1, 4, (64, 128, 256, 512, 1024)).eval()

    def read(data: bytes) -> tuple[Part, ...]:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            images = len(bundle.namelist())
        return (in_batches(network, torch.zeros(images, 1, 256, 256), 4),)

    return read


SUBJECTS = {
    "ecg": Subject("one phone photo of a 3x4 page", ecg_photo, "ECG4U: one CNN per class on the picture", ecg4u_design),
    "echo-ef": Subject(
        "96 frames of 112 x 112 px", echo_video, "EchoNet-Dynamic: every frame and every clip", echonet_design
    ),
    "echo-plax": Subject(
        "64 frames of 384 x 384 px", plax_video, "a U-Net as wide as published, every frame at 384 px", seed_plax_design
    ),
    "cardiac-mr": Subject(
        "a short-axis cine of 96 images",
        cardiac_mr_cine,
        "a U-Net as wide as published, every image at 256 px",
        unet_design,
    ),
    "calcium-sparks": Subject(
        "480 frames of 40 x 256 px",
        spark_recording,
        "Deepcardio: InceptionV3 and U-Net on every frame",
        deepcardio_design,
    ),
}
