"""A DICOM file's elements, with those left out whose bytes make no value.

pydicom turns an element's bytes into its value when somebody first asks for it, and raises errors of many kinds where they make
none. Asked for once here, a damaged date or unit is absent everywhere after.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UnreadableInput

if TYPE_CHECKING:
    import pydicom


def read_elements(data: bytes, without_preamble: bool = False) -> pydicom.Dataset:
    """The elements of a file; `without_preamble`: it may begin with its first element.

    Raises:
        UnreadableInput: if the bytes are no DICOM file.
    """
    import pydicom

    warnings.filterwarnings("ignore", module="pydicom")  # it warns in the words of the file, which no log may hold
    try:
        elements = pydicom.dcmread(io.BytesIO(data), force=without_preamble)
        _without_damaged(elements)
        _without_damaged(elements.file_meta)
    except Exception as error:  # pydicom raises anything on damaged bytes
        raise UnreadableInput("The DICOM file is damaged or incomplete; export it again.") from error
    return elements


def number(elements: pydicom.Dataset, name: str) -> float | None:
    """An element that is one finite number; None where it is absent or something else."""
    try:
        value = float(elements.get(name))
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None


def whole(elements: pydicom.Dataset, name: str) -> int | None:
    """An element that is one whole number; None where it is absent or something else."""
    value = number(elements, name)
    return int(value) if value is not None and value == int(value) else None


def items(elements: pydicom.Dataset, name: str) -> list[pydicom.Dataset]:
    """The items of a sequence; none where it is absent or something else."""
    return list(elements[name].value) if name in elements and elements[name].VR == "SQ" else []


def _without_damaged(elements: pydicom.Dataset) -> None:
    for tag in list(elements.keys()):
        try:
            element = elements[tag]
        except Exception:  # as above
            del elements[tag]
            continue
        if element.VR == "SQ":
            for item in element.value:
                _without_damaged(item)
