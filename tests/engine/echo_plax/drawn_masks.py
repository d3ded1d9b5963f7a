"""A parasternal long axis as a label mask whose sizes are stated: what the callipers have to find."""

import cv2
import numpy as np

LVID, IVS, LVPW, LA, ROOT, BASE = 120.0, 25.0, 28.0, 90.0, 70.0, 130.0
TILT, TURN = np.radians(12), np.radians(-18)  # of the ventricle in the picture, and of the root
SHAPE = (480, 640)
HINGE = np.array([360.0, 160.0])  # anterior, (x, y) px


def drawn(lvid=LVID, ivs=IVS, lvpw=LVPW, without=(), shape=SHAPE, move=(0.0, 0.0)):
    """(H, W) uint8 classes. Lengths in px, perpendicular to the ventricle's axis or to the root's."""
    mask = np.zeros(shape, np.uint8)
    right, down = _axes(TILT)
    on, across = _axes(TURN)
    hinge = HINGE + move

    def fill(structure, *corners):
        if structure not in without:
            cv2.fillPoly(mask, [np.round(16 * np.array(corners)).astype(np.int32)], int(structure), shift=4)

    def at(u, w):
        return hinge + u * right + w * down

    posterior = at(0, lvid)
    fill(4, at(-220, -ivs - 60), at(40, -ivs - 60), at(40, -ivs), at(-220, -ivs))
    fill(2, at(-230, -ivs), at(0, -ivs), at(0, 0), at(-230, 0))
    fill(1, at(-260, 0), at(0, 0), posterior, at(-260, lvid))
    fill(5, at(-260, lvid), at(-5, lvid), at(-5, lvid + lvpw), at(-260, lvid + lvpw))
    edge = ROOT / float(down @ across)  # the root leaves the ventricle's base, which is not at right angles to it
    fill(6, at(0, 1), at(0, edge), at(0, edge) + 90 * on, at(0, 1) + 90 * on)
    roof = at(0, edge) + 6 * across
    fill(3, roof, roof + 120 * on, roof + 120 * on + LA * across, roof + LA * across)
    return mask


def _axes(angle):
    along = np.array([np.cos(angle), np.sin(angle)])
    return along, np.array([-along[1], along[0]])
