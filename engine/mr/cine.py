"""A stack of slices over phases, as geometry put it together: what every later step reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Patient:
    """What the volumes are indexed by. Nothing here names a person."""

    sex: str = ""  # F or M, empty where unknown
    height_cm: float | None = None
    weight_kg: float | None = None

    @property
    def body_surface_m2(self) -> float | None:
        """Mosteller 1987 (N Engl J Med 317:1098); None without height and weight."""
        if not self.height_cm or not self.weight_kg:
            return None
        return float(np.sqrt(self.height_cm * self.weight_kg / 3600))


@dataclass(frozen=True)
class Cine:
    """images: (phase, slice, H, W) float32 of any grey range, finite.

    mm_per_px: height and width of a pixel. slice_distance_mm: between neighbouring slices' positions. Either is None where
    the input does not say. axes: (2, 3) unit vectors of the rows' and columns' direction in patient coordinates (x to the
    left, y to the back, z to the head), None without. heart_rate: per minute. notes: what is missing, doubled or filled, in
    sentences. name: how a reader tells this series from others of the same upload.
    """

    images: np.ndarray
    mm_per_px: tuple[float, float] | None = None
    slice_distance_mm: float | None = None
    axes: np.ndarray | None = None
    heart_rate: float | None = None
    patient: Patient = Patient()
    notes: tuple[str, ...] = ()
    name: str = ""

    @property
    def phases(self) -> int:
        return int(self.images.shape[0])

    @property
    def slices(self) -> int:
        return int(self.images.shape[1])

    @property
    def voxel_ml(self) -> float | None:
        """Volume of one pixel up to the next slice; None where a size is unknown."""
        if self.mm_per_px is None or self.slice_distance_mm is None:
            return None
        return self.mm_per_px[0] * self.mm_per_px[1] * self.slice_distance_mm / 1000
