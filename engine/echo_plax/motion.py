"""Each frame's probabilities together with its neighbours', moved along with the tissue.

What drop-out or noise hides in one frame is seen in those around it. A plain mean over frames blurs walls that move; here
every neighbour is first laid on the frame by dense optical flow (DIS; Kroeger et al., ECCV 2016). Means of three frames are
taken one after the other, further and further apart (the à trous scheme of Holschneider 1989): that reaches far for few steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import cv2
import numpy as np

STRIDES = (1, 3, 5)  # frames between those that one mean takes together
REACH = sum(STRIDES)  # frames on either side that a frame depends on
SEEN_PX = 320  # side of the pictures that motion is found in: on smaller ones the search for it is coarser
KEPT_PX = 160  # side of the motion that is kept
REFINED = 2  # rounds of the search's last, smoothing step: more take longer and change nothing here
INVERTED = 3  # rounds in which a motion is turned back

Motion = np.ndarray  # (KEPT_PX, KEPT_PX, 2) float32: by how many px of such a square each place goes right and down


def steadied_along(squares: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(T, S, S) uint8 neighbouring squares and their (T, K, S, S) float16 probabilities -> (T, K, S, S) float16.

    A frame with REACH others on either side is the same whatever comes before and after them. One frame stays as it is.
    """
    if len(squares) < 2:
        return shares
    onward = _motion(squares)
    backward = [_inverse(motion) for motion in reversed(onward)]
    frames = [np.ascontiguousarray(np.moveaxis(frame.astype(np.float32), 0, 2)) for frame in shares]
    for stride in STRIDES:
        frames = _means_of_three(frames, stride, _further(onward, stride), _further(backward, stride)[::-1])
    return np.stack([np.moveaxis(frame, 2, 0) for frame in frames]).astype(np.float16)


def _motion(squares: np.ndarray) -> list[Motion]:
    """T - 1 motions, of each square to the next."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setVariationalRefinementIterations(REFINED)
    seen = [cv2.resize(square, (SEEN_PX, SEEN_PX), interpolation=cv2.INTER_LINEAR) for square in squares]
    found = []
    for here, there in pairwise(seen):
        fine = flow.calc(here, there, None)  # type: ignore[call-overload]
        found.append(cv2.resize(fine, (KEPT_PX, KEPT_PX), interpolation=cv2.INTER_AREA) * np.float32(KEPT_PX / SEEN_PX))
    return found


def _inverse(motion: Motion) -> Motion:
    """The motion back: what leads from where `motion` leads to where it came from (Chen et al., Med Phys 2008)."""
    back = -motion
    for _ in range(INVERTED):
        back = -_moved(motion, back)
    return back


def _further(steps: Sequence[Motion], stride: int) -> list[Motion]:
    """The motions of each frame to the one `stride` frames on, of those to the next; none where the frames end before."""
    found = list(steps)
    for _ in range(stride - 1):
        found = [step + _moved(rest, step) for step, rest in zip(steps, found[1:], strict=False)]
    return found


def _means_of_three(
    frames: Sequence[np.ndarray], stride: int, onward: Sequence[Motion], backward: Sequence[Motion]
) -> list[np.ndarray]:
    """The mean of each (S, S, K) frame with those `stride` before and after it, where there are any, laid on it.

    onward: of each frame that has a later one to it. backward: of each that has an earlier one.
    """
    found = []
    for k, frame in enumerate(frames):
        parts = [frame]
        if k + stride < len(frames):
            parts.append(_moved(frames[k + stride], onward[k]))
        if k >= stride:
            parts.append(_moved(frames[k - stride], backward[k - stride]))
        found.append(sum(parts[1:], parts[0]) / len(parts))
    return found


def _moved(values: np.ndarray, motion: Motion) -> np.ndarray:
    """(S, S, K) float32 of another frame -> the same, seen from the frame whose motion leads there."""
    side = len(values)
    if side != len(motion):
        motion = cv2.resize(motion, (side, side), interpolation=cv2.INTER_LINEAR) * np.float32(side / len(motion))
    there = _places(side) + motion
    return cv2.remap(values, there[..., 0], there[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@cache
def _places(side: int) -> np.ndarray:
    """(side, side, 2) float32: of each pixel its column and its row."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=2).astype(np.float32)
