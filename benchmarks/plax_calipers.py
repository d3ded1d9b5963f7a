"""`python -m benchmarks.plax_calipers --data DIR`: the measuring of `echo-plax` alone, on masks that people traced.

DIR holds CLIP_FRAME_mask.png (our class numbers) and CLIP_FRAME.json beside it, whose "lines" are the callipers that the same
people laid: name -> two ends, px. No network answers here: what is left is where our callipers go. Printed per size: the median
relative error of its length with a 95 % bootstrap interval over clips.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engine.echo_plax.calipers import NAMES, measure

DRAWS, SEED = 1000, 40


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plax_calipers", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of traced masks and callipers")
    asked = parser.parse_args(arguments)
    print(table(errors(asked.data)))
    return 0


def errors(folder: Path) -> dict[str, dict[str, list[float]]]:
    """size -> clip -> relative errors of its frames (signed), NaN where ours is empty."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in NAMES}
    for path in sorted(folder.glob("*_mask.png")):
        name = path.name.removesuffix("_mask.png")
        traced = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["lines"]
        ours = measure(np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))
        for size in NAMES:
            if size in traced:
                line = getattr(ours, size)
                length = float(np.hypot(*np.subtract(*traced[size])))
                error = line.length / length - 1 if line else float("nan")
                found[size].setdefault(name.rsplit("_", 1)[0], []).append(error)
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    rows = ["| size | median error, % (95 % interval) | lines | clips | empty |", "| --- | --- | --- | --- | --- |"]
    for size, clips in found.items():
        if not clips:
            continue
        every = np.concatenate([np.array(values) for values in clips.values()])
        low, high = interval([np.abs(values) for values in clips.values()])
        rows.append(
            f"| {size} | {100 * np.nanmedian(np.abs(every)):.1f} ({100 * low:.1f} to {100 * high:.1f}) | {len(every)} "
            f"| {len(clips)} | {int(np.isnan(every).sum())} |"
        )
    return "\n".join(rows)


def interval(clips: list[np.ndarray]) -> tuple[float, float]:
    """95 % bootstrap interval of the median over clips, each drawn whole."""
    rng = np.random.default_rng(SEED)
    medians = []
    for _ in range(DRAWS):
        drawn = np.concatenate([clips[k] for k in rng.integers(len(clips), size=len(clips))])
        if np.isfinite(drawn).any():
            medians.append(float(np.nanmedian(drawn)))
    low, high = np.percentile(medians, [2.5, 97.5]) if medians else (float("nan"), float("nan"))
    return float(low), float(high)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
