"""How a part of a frame lies in the square that a network sees, there and back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Letterbox:
    """The crop (rows top..bottom, columns left..right of the frame) is scaled by its longer side and centred in a square."""

    top: int
    bottom: int
    left: int
    right: int
    side: int  # px of the square

    @property
    def scale(self) -> float:
        """Square pixels per frame pixel."""
        return self.side / max(self.bottom - self.top, self.right - self.left)

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the scaled crop in the square."""
        height = max(1, round((self.bottom - self.top) * self.scale))
        width = max(1, round((self.right - self.left) * self.scale))
        return (self.side - height) // 2, (self.side - width) // 2, height, width

    def shrink(self, grey: np.ndarray) -> np.ndarray:
        """(H, W) uint8 -> (side, side) uint8."""
        top, left, height, width = self.inner
        square = np.zeros((self.side, self.side), np.uint8)
        crop = np.ascontiguousarray(grey[self.top : self.bottom, self.left : self.right])
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        square[top : top + height, left : left + width] = cv2.resize(crop, (width, height), interpolation=how)
        return square

    def enlarge(self, shares: np.ndarray, frame_shape: tuple[int, int]) -> np.ndarray:
        """(K, side, side) probabilities -> (H, W) uint8: the likeliest class of each frame pixel, 0 outside the crop."""
        top, left, height, width = self.inner
        size = (self.right - self.left, self.bottom - self.top)
        labels = np.zeros(frame_shape, np.uint8)
        found = labels[self.top : self.bottom, self.left : self.right]
        best = None
        for number, share in enumerate(
            shares
        ):  # one class after the other: a stack of all would be slower to go through
            crop = np.ascontiguousarray(share[top : top + height, left : left + width], np.float32)
            full = cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR)
            if best is None:
                best = full
            else:
                found[cv2.compare(full, best, cv2.CMP_GT) > 0] = number
                cv2.max(best, full, best)
        return labels

    def spread(self, values: np.ndarray, frame_shape: tuple[int, int], outside: float = 0.0) -> np.ndarray:
        """(side, side) numbers of the square's pixels -> (H, W) float32 on the frame's own; `outside` beyond the crop."""
        top, left, height, width = self.inner
        crop = np.ascontiguousarray(values[top : top + height, left : left + width], np.float32)
        full = np.full(frame_shape, outside, np.float32)
        full[self.top : self.bottom, self.left : self.right] = cv2.resize(
            crop, (self.right - self.left, self.bottom - self.top), interpolation=cv2.INTER_LINEAR
        )
        return full

    def to_frame(self, point: tuple[float, float]) -> tuple[float, float]:
        """(x, y) of the square as (x, y) of the frame, px."""
        top, left, _, _ = self.inner
        return (point[0] - left + 0.5) / self.scale - 0.5 + self.left, (
            point[1] - top + 0.5
        ) / self.scale - 0.5 + self.top
