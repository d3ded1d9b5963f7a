"""A user's own networks in place of our two readers, as the Deepcardio dashboard used them (Keras `.h5` files).

The frame network says of each frame whether it holds a spark. The pixel network says of each candidate event whether it is
a spark: what it gives the event's pixels, averaged over them in the frame where that is highest. Search, sizes and outlines
stay ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.errors import WeightError
from engine.keras_file import KerasFile, read_keras_file
from engine.keras_graph import KerasNet
from engine.models import LoadedModel, ModelStore
from engine.progress import Progress
from engine.sparks import keras_networks
from engine.sparks.detect import Detection, Judged
from engine.sparks.fit import marked_pixels
from engine.sparks.readers import KINDS
from engine.sparks.recording import Recording

FRAMES, PIXELS = "deepcardio-frames", "deepcardio-pixels"
THRESHOLD = 0.5  # of a softmax of two
BLOCK = 16  # frames that a network looks at together
SAMPLED = 24  # frames that tell how bright the recording becomes


@dataclass(frozen=True)
class Asked:
    """Which of the user's networks answer in place of ours, by the SHA-256 of their files."""

    frames: str | None = None
    pixels: str | None = None


def lend(checkpoint: bytes, store: ModelStore) -> dict[str, str]:
    """Takes in one of the two networks and returns the option that asks for it. Raises WeightError if it is neither."""
    sha256 = hashlib.sha256(checkpoint).hexdigest()
    try:
        kind, network = _told(read_keras_file(checkpoint))
    except WeightError as error:
        raise WeightError(
            "The file holds neither of the two networks that Deepcardio uses, InceptionV3 for frames or the U-Net for pixels. "
            f"{error}"
        ) from error
    store.lend(kind, sha256, network)
    return {kind.replace("-", "_"): sha256}


def _told(file: KerasFile) -> tuple[str, KerasNet]:
    """Which of the two networks the file holds; raises WeightError where it is neither."""
    try:
        return PIXELS, keras_networks.load_unet(file)
    except WeightError:
        return FRAMES, keras_networks.load_inception(file)


def frame_probabilities(model: LoadedModel, recording: Recording, progress: Progress) -> np.ndarray:
    """(T,) probability of a spark in each frame of the recording.

    Raises:
        EngineError: if the frames have more rows than the network takes.
    """
    said = []
    for start, frames in _colour(recording, 3):
        progress(start / recording.shape[0], "asking your network about the frames")
        with model.lock:
            said.append(keras_networks.frame_probabilities(model.module, frames))
    return np.concatenate(said)


def judged_by(model: LoadedModel, recording: Recording, detection: Detection, progress: Progress) -> Detection:
    """The detection with the probability of every candidate as the pixel network sees it."""
    um, ms = detection.grid.um / detection.grid.bin_px, detection.grid.ms / detection.grid.bin_frames
    marked = [marked_pixels(j.candidate.fit, um, ms, recording.shape, recording.line_scan) for j in detection.judged]
    best = np.zeros(len(marked))
    for start, frames in _colour(recording, keras_networks.input_channels(model.module)):
        progress(start / recording.shape[0], "asking your network about the pixels")
        with model.lock:
            said = keras_networks.pixel_probabilities(model.module, _to_multiples(frames))
        for k, found in enumerate(marked):
            if found is not None:
                best[k] = max(best[k], _mean_inside(said, start, *found))
    return replace(detection, judged=tuple(map(_with_probability, detection.judged, best)))


def _mean_inside(said: np.ndarray, start: int, window: tuple[slice, slice, slice], light: np.ndarray) -> float:
    """The highest mean, over the frames of this block, of what was said of an event's pixels."""
    frames, rows, columns = window
    means = [0.0]
    for t in range(max(frames.start, start), min(frames.stop, start + len(said))):
        inside = light[t - frames.start] > 0
        if inside.any():
            means.append(float(said[t - start, rows, columns][inside].mean()))
    return max(means)


def _with_probability(judged: Judged, spark: float) -> Judged:
    """What is no spark is noise: the network knows no slower releases."""
    probabilities = np.zeros(len(KINDS))
    probabilities[[KINDS.index("spark"), KINDS.index("noise")]] = spark, 1 - spark
    return replace(judged, probabilities=probabilities)


def _colour(recording: Recording, channels: int) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks of frames (first frame, (n, H, W, channels) 0..255) with the signal in the red channel, or in the only one.

    8-bit counts stay as they are; others are divided so that the brightest of some frames is 255.
    """
    count = recording.shape[0]
    some = sorted({int(t) for t in np.linspace(0, count - 1, min(count, SAMPLED))})
    bytes_already = recording.read(0, 1).dtype == np.uint8
    brightest = 255.0 if bytes_already else max(float(recording.read(t, t + 1).max()) for t in some)
    for start in range(0, count, BLOCK):
        grey = recording.read(start, min(start + BLOCK, count)).astype(np.float32)
        frames = np.zeros((*grey.shape, channels), np.float32)
        frames[..., 0] = np.clip(grey * (255.0 / max(brightest, 1e-6)), 0, 255)
        yield start, frames


def _to_multiples(frames: np.ndarray) -> np.ndarray:
    """The frames filled up with zeros at the bottom and the right to sides that the pixel network takes."""
    below, right = (-side % keras_networks.MULTIPLE for side in frames.shape[1:3])
    return np.pad(frames, ((0, 0), (0, below), (0, right), (0, 0)))
