"""`python -m training.examples`: draws the app's synthetic examples again, bit for bit, from fixed seeds.

No patient stands behind them: simulated hearts on drawn paper, seen by a drawn camera, and a simulated cell.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.cardiac_mr_simulator import Heart, dicom_zip
from training.cardiac_mr_simulator import simulate as simulate_heart
from training.ecg_page import PageStyle, TextItem, phone_style, plain_style, render
from training.ecg_simulator import EcgProfile, simulate
from training.echo_dicom import cine
from training.echo_plax_simulator import PlaxScene
from training.echo_plax_simulator import simulate as simulate_plax
from training.echo_simulator import EchoScene
from training.echo_simulator import simulate as simulate_echo

FOLDER = Path("app_pages/examples")
SEED = 20
ECG = EcgProfile(heart_rate=92, rhythm="AF", qrs="RBBB", voltage=0.95)
TITLE = (
    TextItem("SIMULATED ECG - NO PATIENT", 6, 4, 3.6),
    TextItem("25mm/s", 30, -8, 3.0, "speed"),
    TextItem("10mm/mV", 60, -8, 3.0, "gain"),
)


def ecg() -> bytes:
    """JPEG of a page with atrial fibrillation and right bundle branch block, as a phone sees it."""
    from PIL import Image

    rng = np.random.default_rng(SEED)
    page: PageStyle = replace(plain_style(), texts=TITLE, margin_mm=(8.0, 18.0, 8.0, 14.0))
    photo = render(simulate(ECG, page.seconds, rng), phone_style(page, rng), rng).image
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def calcium_sparks() -> bytes:
    """OME-TIFF of a simulated cell that sparks eight times and has one puff; its sizes are stated in the file."""
    import tifffile

    from training import sparks_simulator

    scene = sparks_simulator.Scene(
        frames=80, height=48, width=144, um_per_px=0.25, ms_per_frame=8.0, sparks=8, puffs=1, peak_snr=2.0, photons=14.0,
        gain=1.5, offset=6.0, read_noise=1.0, full_scale=255, bleaching=0.08, nuclei=0,
    )  # fmt: skip
    frames = sparks_simulator.simulate(scene, np.random.default_rng(SEED)).frames.astype(np.uint8)
    count, height, width = frames.shape
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="{width}" SizeY="{height}" '
        f'SizeC="1" SizeZ="1" SizeT="{count}" PhysicalSizeX="{scene.um_per_px}" PhysicalSizeY="{scene.um_per_px}" '
        f'TimeIncrement="{scene.ms_per_frame / 1000}"><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData/></Pixels>'
        "</Image></OME>"
    )
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as stack:
        for number, frame in enumerate(frames):
            stack.write(frame, compression="zlib", description=xml if number == 0 else None, metadata=None)
    return buffer.getvalue()


def echo_ef() -> bytes:
    """WebM of a drawn four-chamber view over three beats, ejection fraction 58 %."""
    import av

    scene = EchoScene(rate_hz=30, seconds=2.4)
    frames, _ = simulate_echo(scene)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=round(scene.rate_hz))
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt, stream.bit_rate, stream.thread_count = "yuv420p", 900_000, 1
        stream.options = {"deadline": "good", "cpu-used": "4"}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, axis=2), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def echo_plax() -> bytes:
    """Multi-frame DICOM of a drawn parasternal long axis over two beats, its sizes those of a healthy heart."""
    scene = PlaxScene(rate_hz=25, seconds=2.2)
    return cine(simulate_plax(scene)[0], scene.rate_hz, scene.mm_per_px)


def cardiac_mr() -> bytes:
    """Zip of the DICOM files of a simulated short-axis cine: eight slices, twelve phases."""
    heart = Heart()
    return dicom_zip(simulate_heart(heart)[0], heart)


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "ecg.jpg").write_bytes(ecg())
    (FOLDER / "calcium-sparks.tif").write_bytes(calcium_sparks())
    (FOLDER / "echo-ef.webm").write_bytes(echo_ef())
    (FOLDER / "echo-plax.dcm").write_bytes(echo_plax())
    (FOLDER / "cardiac-mr.zip").write_bytes(cardiac_mr())
    return 0


if __name__ == "__main__":
    sys.exit(main())
