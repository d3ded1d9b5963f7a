"""What the direction of a plane says about its view: scouts lie along the body's axes, the others along the heart's.

The heart's planes are those of one patient (biv-me's example) and of the short axes of another (Sunnybrook SC-HF-I-1), so
their spread is set wide: hearts lie differently by 20 degrees and more.
"""

from __future__ import annotations

import numpy as np

from engine.mr.views import CLASSES, OTHER

NORMALS = {  # x to the left, y to the back, z to the head; either sign
    "VIEW_SAX": (-0.672, 0.624, 0.399),
    "VIEW_2CH": (0.782, 0.621, 0.046),
    "VIEW_3CH": (-0.741, 0.259, -0.620),
    "VIEW_4CH": (0.055, 0.822, -0.567),
    "VIEW_AXIAL": (0.0, 0.0, 1.0),
    "VIEW_CORONAL": (0.0, 1.0, 0.0),
    "VIEW_SAGITTAL": (1.0, 0.0, 0.0),
}
SPREAD_DEG = {"VIEW_AXIAL": 12.0, "VIEW_CORONAL": 12.0, "VIEW_SAGITTAL": 12.0}
HEART_SPREAD_DEG = 22.0
UNTYPICAL = 2.0  # spreads; what is no cardiac view may lie in any plane
FARTHEST = 3.0  # spreads: no plane says more against a view than this


def angle_deg(axes: np.ndarray, view: str) -> float:
    """Angle between a plane's normal and a view's usual one, 0 to 90. axes: (2, 3) unit vectors."""
    normal = np.cross(axes[0], axes[1])
    usual = np.array(NORMALS[view]) / np.linalg.norm(NORMALS[view])
    return float(np.degrees(np.arccos(np.clip(abs(normal @ usual) / np.linalg.norm(normal), 0, 1))))


def with_plane(probabilities: np.ndarray, axes: np.ndarray | None) -> np.ndarray:
    """(8,) probabilities of CLASSES from the picture, with what its plane says; unchanged where the plane is unknown."""
    if axes is None:
        return probabilities
    spreads = np.array(
        [
            UNTYPICAL if view == OTHER else angle_deg(axes, view) / SPREAD_DEG.get(view, HEART_SPREAD_DEG)
            for view in CLASSES
        ]
    )
    joint = probabilities * np.exp(-0.5 * np.minimum(spreads, FARTHEST) ** 2)
    return joint / joint.sum()
