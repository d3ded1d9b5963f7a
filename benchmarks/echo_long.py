"""`python -m benchmarks.echo_long`: seconds and peak memory of the command line on long recordings of a drawn heart.

A recording of many large frames, one of ten minutes at few frames a second (read whole), and one of ten minutes at many, whose
container states no number of frames (told to be too long only while it is read). Each is asked in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np

SECONDS_DRAWN = 2.5  # three beats, which are then shown again and again


@dataclass(frozen=True)
class Long:
    """size: (height, width) px."""

    what: str
    suffix: str
    codec: str
    size: tuple[int, int]
    rate_hz: int
    frames: int


RECORDINGS = (
    Long("2,000 frames of 1024 x 768", ".mp4", "mpeg4", (768, 1024), 40, 2_000),
    Long("10 minutes, 8 frames of 480 x 360 a second", ".avi", "mpeg4", (360, 480), 8, 4_800),
    Long("10 minutes, 25 frames of 480 x 360 a second, number unstated", ".webm", "libvpx", (360, 480), 25, 15_000),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.echo_long", description=__doc__)
    parser.add_argument("--explain", action="store_true", help="with the explanation")
    asked = parser.parse_args(arguments)
    print("| recording | answer | s | peak memory, MB |\n| --- | --- | --- | --- |", flush=True)
    for recording in RECORDINGS:
        print(row(recording, asked.explain), flush=True)
    return 0


def row(recording: Long, explain: bool) -> str:
    """One line of the table: the recording drawn, and the command line asked for its ejection fraction."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"long{recording.suffix}"
        write(recording, path)
        command = [sys.executable, "-m", "engine", "echo-ef", str(path), "--out", str(Path(folder) / "out")]
        started = time.perf_counter()
        process = subprocess.Popen(
            command + ["--explain"] * explain, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        said = process.stderr.read().strip()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
    answer = "analysed" if process.returncode == 0 else said.splitlines()[-1].rsplit(": ", 1)[-1]
    return f"| {recording.what} | {answer} | {seconds:.0f} | {used.ru_maxrss / 1024:.0f} |"


def write(recording: Long, path: Path) -> None:
    """The recording as a video file, frame by frame."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(recording.codec, rate=recording.rate_hz)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = recording.size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        if recording.codec == "libvpx":
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
        for picture in frames(recording):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))


def frames(recording: Long) -> Iterator[np.ndarray]:
    """(H, W) uint8 pictures of a beating heart, the same beats over and over."""
    from training.echo_simulator import EchoScene, simulate

    drawn, _ = simulate(EchoScene(rate_hz=recording.rate_hz, seconds=SECONDS_DRAWN))
    large = [cv2.resize(frame, recording.size[::-1], interpolation=cv2.INTER_LINEAR) for frame in drawn]
    return islice(cycle(large), recording.frames)


if __name__ == "__main__":
    sys.exit(main())
