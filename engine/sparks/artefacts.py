"""The files of a finding: tables of sparks, other events and frames, and the label stack."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence

import numpy as np

from engine.sparks.events import SlowRelease, Spark
from engine.sparks.fit import marked_pixels
from engine.sparks.recording import Recording

PROMISED = "spark,t_start,t_peak,t_end,x,y,area_px,amplitude,fwhm_um,fdhm_ms,time_to_peak_ms,tau_ms"  # by the contract
SPARK_COLUMNS = (*PROMISED.split(","), "probability", "tau_error_ms", "fit_r2", "mass_um3", "fwhm_px")
CHUNK_BYTES = 32 << 20  # of the label stack that is packed at once


def sparks_csv(sparks: Sequence[Spark]) -> bytes:
    return _csv(
        SPARK_COLUMNS,
        [
            tuple(s.number if c == "spark" else s.fit.r2 if c == "fit_r2" else getattr(s, c) for c in SPARK_COLUMNS)
            for s in sparks
        ],
    )


def releases_csv(slow: Sequence[SlowRelease]) -> bytes:
    """Puffs and waves; x, y and extent in px, frames inclusive."""
    columns = ("kind", "t_start", "t_end", "x", "y", "extent_px", "amplitude")
    return _csv(columns, [tuple(getattr(s, c) for c in columns) for s in slow])


def frames_csv(probability: np.ndarray, attention: np.ndarray) -> bytes:
    return _csv(
        ("frame", "probability", "attention"),
        [(i, p, a) for i, (p, a) in enumerate(zip(probability, attention, strict=True))],
    )


def label_stack(recording: Recording, sparks: Sequence[Spark], start: int, stop: int) -> np.ndarray:
    """(n, H, W) uint16: spark number in frames start to stop, 0 background; where two overlap, the brighter one."""
    shape = (stop - start, *recording.shape[1:])
    labels, light = np.zeros(shape, np.uint16), np.zeros(shape, np.float32)
    for spark in sparks:
        if spark.t_end < start or spark.t_start >= stop:
            continue
        marked = marked_pixels(
            spark.fit, spark.fitted_um_per_px, spark.fitted_ms_per_frame, recording.shape, recording.line_scan
        )
        if marked is None:
            continue
        (frames, rows, columns), signal = marked
        first, last = max(frames.start, start), min(frames.stop, stop)
        if last <= first:
            continue
        signal = signal[first - frames.start : last - frames.start]
        window = (slice(first - start, last - start), rows, columns)
        brighter = signal > light[window]
        labels[window][brighter] = spark.number
        light[window] = np.maximum(light[window], signal)
    return labels


def mask_npz(recording: Recording, sparks: Sequence[Spark]) -> bytes:
    """The artefact `mask.npz`, packed piece by piece: a long recording's stack never lies in memory as a whole."""
    frames = recording.shape[0]
    piece = max(1, CHUNK_BYTES // (2 * recording.shape[1] * recording.shape[2]))
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle,
        bundle.open("mask.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "<u2", "fortran_order": False, "shape": recording.shape})
        for start in range(0, frames, piece):
            file.write(label_stack(recording, sparks, start, min(start + piece, frames)).astype("<u2").tobytes())
    return buffer.getvalue()


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(v) for v in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return "" if value is None else f"{value:.5g}" if isinstance(value, (float, np.floating)) else value
