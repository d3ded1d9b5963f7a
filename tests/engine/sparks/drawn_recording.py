"""Recordings drawn by formula: a flat cell, photon noise of a known size, sparks of known sizes."""

import io

import numpy as np
import tifffile

from engine.sparks.kinetics import FWHM_PER_SIGMA, release, rise_of
from engine.study import Part, Study

UM, MS = 0.4, 8.0


def drawn(sparks=(), frames=60, height=24, width=40, level=200.0, noise=8.0, seed=0):
    """(T, H, W) counts of a cell of even light.

    sparks: (frame of onset, y, x in px, amplitude dF/F0, FWHM um, time to peak ms, tau ms) each.
    """
    rng = np.random.default_rng(seed)
    relative = np.zeros((frames, height, width))
    rows, columns = np.mgrid[:height, :width]
    for onset, y, x, amplitude, fwhm, to_peak, tau in sparks:
        course = release((np.arange(frames) - onset) * MS, rise_of(to_peak, tau), tau)
        distance = ((rows - y) ** 2 + (columns - x) ** 2) * UM**2
        relative += amplitude * course[:, None, None] * np.exp(-0.5 * distance / (fwhm / FWHM_PER_SIGMA) ** 2)
    return (level * (1 + relative) + noise * rng.standard_normal(relative.shape)).clip(0, 65535).astype(np.uint16)


def tiff(frames, **about):
    """Bytes of a TIFF of these frames."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, frames, **about)
    return buffer.getvalue()


def study(*files):
    """A study of (name, bytes) pairs."""
    return Study("drawn", tuple(Part(name, data) for name, data in files))


def stack(frames):
    """A study of one stack that states UM and MS."""
    return study(
        ("cell.tif", tiff(frames, ome=True, metadata={"axes": "TYX", "PhysicalSizeX": UM, "TimeIncrement": MS / 1000}))
    )
