"""Decoding of pictures for every task: bytes become (H, W, 3) uint8 RGB. Sizes are bounded before anything is decoded."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.study import Part

if TYPE_CHECKING:
    import pypdfium2
    from PIL import Image

MAX_PIXELS = 100_000_000  # of a picture as stored; more is not decoded
KEPT_PIXELS = 8_000_000  # of a picture as handed on; more detail than any print shows
MIN_SIDE = 16  # px; nothing can be read on less
MAX_PAGES = 20
PDF_DPI = 200
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "HEIF")
KINDS = "PNG, JPEG, WebP, TIFF, HEIC, GIF, BMP or PDF"

_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF87a", b"GIF89a", b"BM")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION = 0x0112  # EXIF tag
_PDF_HEADER_WITHIN = 1024  # bytes; ISO 32000-1, implementation note 13
_PDF_PASSWORD = 4  # FPDF_ERR_PASSWORD
_STRETCH = (0.5, 99.5)  # percentiles that become black and white where a picture has more than 8 bits
_pdf_lock = threading.Lock()  # PDFium is not thread-safe


@dataclass(frozen=True)
class Page:
    """One page of a picture file, not decoded yet."""

    part: Part
    number: int  # from 0

    def decode(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB; errors as `read_picture`."""
        return read_picture(self.part, self.number)


def is_picture(part: Part) -> bool:
    """Whether the first bytes are those of a picture or a PDF, whatever the file is called."""
    head = part.data[:_PDF_HEADER_WITHIN]
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    heif = head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS
    return head.startswith(_MAGIC) or webp or heif or _is_pdf(part)


def read_pictures(part: Part, max_pages: int = MAX_PAGES) -> list[Page]:
    """The pages of a PDF or multi-page TIFF (the first `max_pages`), one page for other pictures; each is decoded when asked.

    Raises:
        UnreadableInput: if the bytes are no readable picture, or larger than is decoded.
    """
    if _is_pdf(part):
        with _pdf_document(part) as document:
            count = len(document)
    else:
        with _opened(part) as image:
            count = _tiff_pages(image, max_pages) if image.format == "TIFF" else 1
    return [Page(part, number) for number in range(min(count, max_pages))]


def read_picture(part: Part, page: int = 0) -> np.ndarray:
    """One page as (H, W, 3) uint8 RGB, upright by its EXIF tag, transparency on white, at most KEPT_PIXELS large.

    More than 8 bits a channel are stretched from the 0.5th to the 99.5th percentile; an animation gives its first frame.

    Raises:
        UnreadableInput: if the bytes are no readable picture, are damaged, or larger than MAX_PIXELS.
        RefusedStudy: `too_small`, if a side has fewer than MIN_SIDE pixels.
    """
    return _render_pdf_page(part, page) if _is_pdf(part) else _decode(part, page)


# --- pictures -----------------------------------------------------------------------------------------------------


@contextmanager
def _opened(part: Part) -> Iterator[Image.Image]:
    """The picture with its header read and its size checked, nothing decoded; every decoder's error becomes ours."""
    import warnings

    import pillow_heif
    from PIL import Image, UnidentifiedImageError

    pillow_heif.register_heif_opener()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns below our own bound
            image = Image.open(io.BytesIO(part.data), formats=FORMATS)
        with image:
            _check_size(*image.size)
            yield image
    except EngineError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableInput(_too_large("more than 170")) from error
    except UnidentifiedImageError as error:
        raise UnreadableInput(_unknown(part)) from error
    except Exception as error:  # decoders raise anything from OSError to struct.error on damaged bytes
        raise UnreadableInput("The picture is damaged or incomplete; export or photograph it again.") from error


def _decode(part: Part, page: int) -> np.ndarray:
    from PIL import Image

    with _opened(part) as image:
        if page:
            _seek(image, page)
            _check_size(*image.size)
        turn = _upright(image)
        width, height = _kept_size(*image.size)
        if image.format in ("JPEG", "MPO"):
            image.draft("RGB", (width, height))  # decodes at 1/2, 1/4 or 1/8 where that is still large enough
        flat = _eight_bit_rgb(image)
        if flat.width * flat.height > KEPT_PIXELS:
            flat = flat.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
        return np.ascontiguousarray(flat if turn is None else flat.transpose(turn))


def _upright(image: Image.Image) -> Image.Transpose | None:
    """The turn that the EXIF orientation asks for (Exif 2.32, tag 0x0112)."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        return turns.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block does not spoil the picture
        return None


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_stretched(np.asarray(image, np.float32))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        above = image.convert("RGBA")
        white = Image.new("RGB", above.size, "white")
        white.paste(above, mask=above.getchannel("A"))
        return white
    return image.convert("RGB")


def _stretched(values: np.ndarray) -> np.ndarray:
    """(H, W) of any range as uint8; the percentiles of `_STRETCH` become 0 and 255."""
    low, high = np.percentile(np.nan_to_num(values), _STRETCH)
    return np.clip((np.nan_to_num(values) - low) * (255 / max(high - low, 1e-9)), 0, 255).astype(np.uint8)


def _tiff_pages(image: Image.Image, most: int) -> int:
    """Counts by seeking, so that a file with endless directories costs no more than `most` steps."""
    for number in range(1, most):
        try:
            image.seek(number)
        except EOFError:
            return number
    return most


def _seek(image: Image.Image, page: int) -> None:
    try:
        image.seek(page)
    except EOFError as error:
        raise UnreadableInput(_no_page(page)) from error


# --- PDF ----------------------------------------------------------------------------------------------------------


def _is_pdf(part: Part) -> bool:
    return b"%PDF-" in part.data[:_PDF_HEADER_WITHIN]


@contextmanager
def _pdf_document(part: Part) -> Iterator[pypdfium2.PdfDocument]:
    import pypdfium2

    with _pdf_lock:
        try:
            document = pypdfium2.PdfDocument(part.data)
            try:
                yield document
            finally:
                document.close()
        except EngineError:
            raise
        except Exception as error:  # PdfiumError, and what ctypes makes of damaged files
            if getattr(error, "err_code", None) == _PDF_PASSWORD:
                raise UnreadableInput(
                    "The PDF is protected by a password; save it without one and upload it again."
                ) from error
            raise UnreadableInput(
                "The PDF is damaged or incomplete; export it again, or photograph the page."
            ) from error


def _render_pdf_page(part: Part, page: int) -> np.ndarray:
    """The page at PDF_DPI, with fewer dots where it is so large that KEPT_PIXELS would be exceeded."""
    with _pdf_document(part) as document:
        if not 0 <= page < len(document):
            raise UnreadableInput(_no_page(page))
        sheet = document[page]
        _check_pdf_images(sheet)
        width, height = sheet.get_size()  # points of 1/72 inch
        if min(width, height) < 1:
            raise UnreadableInput("The PDF's page has no size; export it again.")
        scale = min(PDF_DPI / 72, math.sqrt(KEPT_PIXELS / (width * height)))
        if min(width, height) * scale < MIN_SIDE:
            raise RefusedStudy("too_small", _too_small(round(width * scale), round(height * scale)))
        return np.ascontiguousarray(sheet.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB"))


def _check_pdf_images(sheet: pypdfium2.PdfPage) -> None:
    """PDFium decodes embedded pictures whole: their stored size is bounded as any other picture's."""
    import pypdfium2.raw as pdfium

    for item in sheet.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]):
        width, height = item.get_px_size()
        if width * height > MAX_PIXELS:
            raise UnreadableInput(_too_large(f"{width} x {height}"))


# --- sizes and sentences ------------------------------------------------------------------------------------------


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableInput(_too_large(f"{width} x {height}"))
    if min(width, height) < MIN_SIDE:
        raise RefusedStudy("too_small", _too_small(width, height))


def _kept_size(width: int, height: int) -> tuple[int, int]:
    shrink = min(1.0, math.sqrt(KEPT_PIXELS / (width * height)))
    return max(1, int(width * shrink)), max(1, int(height * shrink))


def _too_large(size: str) -> str:
    unit = "pixels" if "x" in size else "million pixels"
    return f"The picture has {size} {unit} and is not opened; at most {MAX_PIXELS // 10**6} million are read. Save it smaller."


def _too_small(width: int, height: int) -> str:
    return f"The picture has {width} x {height} pixels; nothing can be read on it. Use a larger picture."


def _no_page(page: int) -> str:
    return f"The file has no page {page + 1}; choose another page."


def _unknown(part: Part) -> str:
    if is_picture(part):
        return "The picture is damaged or incomplete; export or photograph it again."
    return f"Expected a picture ({KINDS}), but the file's content is none of these; check that it is the right file."
