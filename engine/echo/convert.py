"""`python -m engine.echo.convert IN OUT`: de-identified videos from DICOM files and other recordings.

OUT ends in .avi for one recording; for a folder IN it is a folder. By default 112 x 112 grey AVI as EchoNet-Dynamic
expects; `--full` keeps the size. Everything outside the ultrasound sector is black, so that burned-in names are gone;
nothing of the file's header is carried over but its frame rate.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from engine.echo.letterbox import Letterbox
from engine.echo.recording import blanked, read_opening
from engine.echo.sector import Sector
from engine.errors import EngineError
from engine.study import read_path
from engine.videos import read_video

SIDE = 112  # px, of EchoNet-Dynamic (Ouyang 2020)
ASSUMED_RATE_HZ = 30.0


def convert(source: Path, target: Path, full: bool) -> int:
    """Writes `source` without its identifiers as the AVI `target` and returns the number of frames.

    Raises EngineError where the recording can't be read or shows no sector.
    """
    video = read_video(read_path(source))
    opening, frames = read_opening(video)
    top, bottom, left, right = opening.sector.box
    box = Letterbox(top, bottom, left, right, SIDE)
    size = (video.width, video.height) if full else (SIDE, SIDE)
    target.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"MJPG"), video.frame_rate_hz or ASSUMED_RATE_HZ, size)
    count = 0
    for frame in frames:
        grey = blanked(frame, opening.sector) if full else _small(frame, opening.sector, box)
        writer.write(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        count += 1
    writer.release()
    return count


def _small(frame: np.ndarray, sector: Sector, box: Letterbox) -> np.ndarray:
    return box.shrink(blanked(frame, sector))


def main(argv: list[str]) -> int:
    """0: all converted; 1: some could not be, each named with its reason on the error output."""
    parser = argparse.ArgumentParser("python -m engine.echo.convert", description=__doc__)
    parser.add_argument("source", type=Path, metavar="IN", help="a recording, or a folder of them")
    parser.add_argument("target", type=Path, metavar="OUT", help="an .avi file, or a folder")
    parser.add_argument("--full", action="store_true", help="keep the size of the recording")
    asked = parser.parse_args(argv)
    folder = asked.source.is_dir()
    sources = sorted(p for p in asked.source.rglob("*") if p.is_file()) if folder else [asked.source]
    failed = 0
    for number, source in enumerate(sources):
        # a file's name may hold a patient's: recordings of a folder are numbered
        target = asked.target / f"recording_{number + 1:04d}.avi" if folder else asked.target
        try:
            print(f"{target.name}: {convert(source, target, asked.full)} frames")
        except EngineError as error:
            failed += 1
            print(f"recording {number + 1} was left out: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
