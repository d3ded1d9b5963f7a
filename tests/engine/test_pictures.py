"""Pictures drawn and encoded here: every kind gives the same pixels; hostile and broken ones give one clear sentence."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.pictures import KEPT_PIXELS, is_picture, read_picture, read_pictures
from engine.study import Part

HEIGHT, WIDTH = 60, 90


def drawn() -> np.ndarray:
    """(60, 90, 3) uint8: red left, blue right, a white corner at the top left."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[:, : WIDTH // 2, 0] = 220
    picture[:, WIDTH // 2 :, 2] = 220
    picture[:20, :20] = 255
    return picture


def encode(image: Image.Image, kind: str, **options) -> Part:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Part(f"picture.{kind.lower()}", file.getvalue())


def heic(picture: np.ndarray) -> Part:
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(picture)).save(file, quality=95)
    return Part("picture.heic", file.getvalue())


def png(width: int, height: int, rows: bytes = b"", colour: int = 0) -> Part:
    """A PNG by hand, whose header may promise what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return Part("picture.png", b"\x89PNG\r\n\x1a\n" + body)


PDF_POINTS = (216, 144)  # 3 x 2 inch


def pdf(*boxes: tuple[int, int], pages: int = 1) -> Part:
    """A PDF by hand: each page has a black square of 72 points at its lower left; `boxes` adds embedded pictures of that size."""
    names = " ".join(f"/I{k} {90 + k} 0 R" for k in range(len(boxes)))
    draws = "0 0 72 72 re f " + " ".join(f"q 10 0 0 10 0 0 cm /I{k} Do Q" for k in range(len(boxes)))
    objects = {1: "<< /Type /Catalog /Pages 2 0 R >>"}
    kids = " ".join(f"{10 + k} 0 R" for k in range(pages))
    objects[2] = f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>"
    objects[3] = f"<< /Length {len(draws)} >>\nstream\n{draws}\nendstream"
    for k in range(pages):
        box = f"[0 0 {PDF_POINTS[0]} {PDF_POINTS[1]}]"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 3 0 R "
        objects[10 + k] = page + f"/Resources << /XObject << {names} >> >> >>"
    for k, (width, height) in enumerate(boxes):
        packed = "/Filter /ASCIIHexDecode /Length 3"
        kind = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8"
        objects[90 + k] = f"<< {kind} {packed} >>\nstream\n00>\nendstream"
    return Part("page.pdf", _pdf_file(objects))


def _pdf_file(objects: dict[int, str], trailer: str = "") -> bytes:
    body, places = b"%PDF-1.4\n", {}
    for number, text in objects.items():
        places[number] = len(body)
        body += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{n} 1\n{places[n]:010d} 00000 n \n" for n in sorted(places))
    end = f"xref\n0 1\n0000000000 65535 f \n{table}trailer\n<< /Size {max(places) + 1} /Root 1 0 R {trailer}>>\n"
    return body + end.encode() + f"startxref\n{len(body)}\n%%EOF\n".encode()


def locked_pdf() -> Part:
    """A PDF that states the standard encryption with keys that no empty password fits."""
    lock = "<< /Filter /Standard /V 1 /R 2 /P -4 /O <" + "11" * 32 + "> /U <" + "22" * 32 + "> >>"
    objects = {1: "<< /Type /Catalog /Pages 2 0 R >>", 2: "<< /Type /Pages /Kids [] /Count 0 >>", 5: lock}
    return Part("locked.pdf", _pdf_file(objects, f"/Encrypt 5 0 R /ID [<{'33' * 16}> <{'33' * 16}>] "))


# --- kinds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_kinds_give_the_pixels_that_were_drawn(kind):
    np.testing.assert_array_equal(read_picture(encode(Image.fromarray(drawn()), kind)), drawn())


@pytest.mark.parametrize("part", [encode(Image.fromarray(drawn()), "JPEG", quality=95, subsampling=0), heic(drawn())])
def test_lossy_kinds_give_nearly_the_same_pixels(part):
    difference = np.abs(read_picture(part).astype(int) - drawn())
    assert difference.mean() < 4


def test_lossless_webp():
    np.testing.assert_array_equal(read_picture(encode(Image.fromarray(drawn()), "WEBP", lossless=True)), drawn())


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_undone(turn):
    stored = {
        1: drawn(),
        2: drawn()[:, ::-1],
        3: drawn()[::-1, ::-1],
        4: drawn()[::-1],
        5: drawn().transpose(1, 0, 2),
        6: np.rot90(drawn(), 1),
        7: np.rot90(drawn().transpose(1, 0, 2), 2),
        8: np.rot90(drawn(), -1),
    }[turn]
    exif = Image.Exif()
    exif[0x0112] = turn
    part = encode(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    np.testing.assert_array_equal(read_picture(part), drawn())


def test_transparency_lies_on_white():
    alpha = np.dstack([drawn(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    alpha[30:, :, 3] = 0
    seen = read_picture(encode(Image.fromarray(alpha), "PNG"))
    np.testing.assert_array_equal(seen[:30], drawn()[:30])
    assert (seen[30:] == 255).all()


def test_palette_grey_and_bilevel():
    palette = read_picture(encode(Image.fromarray(drawn()).quantize(8), "PNG"))
    assert np.abs(palette.astype(int) - drawn()).max() < 6
    grey = Image.fromarray(drawn()[:, :, 0])
    np.testing.assert_array_equal(read_picture(encode(grey, "PNG"))[:, :, 1], drawn()[:, :, 0])
    assert set(np.unique(read_picture(encode(grey.convert("1"), "PNG")))) == {0, 255}


def test_cmyk_keeps_its_colours():
    seen = read_picture(encode(Image.fromarray(drawn()).convert("CMYK"), "JPEG", quality=95)).astype(int)
    assert seen[40, 10, 0] > 150 > seen[40, 10, 2]
    assert seen[40, 80, 2] > 150 > seen[40, 80, 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("most", [900, 65000])
def test_sixteen_bits_are_stretched(kind, most):
    ramp = np.tile(np.linspace(0, most, WIDTH).astype(np.uint16), (HEIGHT, 1))
    seen = read_picture(encode(Image.fromarray(ramp), kind))
    assert seen.shape == (HEIGHT, WIDTH, 3)
    assert seen.min() == 0
    assert seen.max() == 255
    assert np.all(np.diff(seen[0, :, 0].astype(int)) >= 0)


def test_animations_give_their_first_frame():
    frames = [Image.fromarray(drawn()), Image.fromarray(drawn()[::-1])]
    for kind in ("GIF", "PNG"):
        part = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert len(read_pictures(part)) == 1
        np.testing.assert_array_equal(read_picture(part), drawn())


def test_pages_of_a_tiff():
    pages = [Image.fromarray(np.full((40, 50, 3), value, np.uint8)) for value in (10, 20, 30)]
    part = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert [page.decode()[0, 0, 0] for page in read_pictures(part)] == [10, 20, 30]
    assert len(read_pictures(part, max_pages=2)) == 2
    with pytest.raises(UnreadableInput, match="no page 4"):
        read_picture(part, 3)


def test_the_name_does_not_matter():
    part = encode(Image.fromarray(drawn()), "PNG")
    np.testing.assert_array_equal(read_picture(Part("photo.jpg", part.data)), drawn())
    assert is_picture(Part("noname", part.data))
    assert is_picture(heic(drawn()))
    assert is_picture(pdf())
    assert not is_picture(Part("picture.png", b"a letter"))
    assert not is_picture(Part("picture.png", b""))


# --- PDF ----------------------------------------------------------------------------------------------------------


def test_pdf_pages_at_200_dpi():
    pages = read_pictures(pdf(pages=3))
    assert len(pages) == 3
    seen = pages[2].decode()
    assert seen.shape == (400, 600, 3)
    assert (seen[250:395, 5:195] == 0).all()  # the square of one inch
    assert (seen[:190, 210:] == 255).all()
    with pytest.raises(UnreadableInput, match="no page 4"):
        read_picture(pdf(pages=3), 3)


def test_a_locked_pdf_is_named():
    with pytest.raises(UnreadableInput, match="password"):
        read_picture(locked_pdf())


def test_a_pdf_with_a_huge_picture_inside_is_not_decoded():
    with pytest.raises(UnreadableInput, match="40000 x 40000"):
        read_picture(pdf((40_000, 40_000)))
    assert read_picture(pdf((40, 40))).shape == (400, 600, 3)


def test_a_cut_pdf_is_unreadable():
    with pytest.raises(UnreadableInput, match="PDF is damaged"):
        read_picture(Part("a.pdf", pdf().data[:60]))


# --- sizes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [13_000, 20_000, 40_000])
def test_a_bomb_is_refused_by_its_header(side):
    tracemalloc.start()
    with pytest.raises(UnreadableInput, match="is not opened"):
        read_picture(png(side, side, bytes(1000)))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 500), (500, 4)])
def test_too_small_pictures_are_refused(width, height):
    with pytest.raises(RefusedStudy, match=f"{width} x {height}") as refused:
        read_picture(encode(Image.new("RGB", (width, height)), "PNG"))
    assert refused.value.code == "too_small"


def test_a_picture_without_a_size_is_unreadable():
    with pytest.raises(EngineError):
        read_picture(png(0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_pictures_are_made_smaller_in_proportion(kind):
    large = Image.fromarray(drawn()).resize((4500, 3000), Image.Resampling.NEAREST)
    seen = read_picture(encode(large, kind))
    assert 0.9 * KEPT_PIXELS < seen.shape[0] * seen.shape[1] <= KEPT_PIXELS
    assert seen.shape[1] / seen.shape[0] == pytest.approx(1.5, rel=0.01)
    assert seen[-10, 10, 0] > 200
    assert seen[-10, -10, 2] > 200


# --- broken and hostile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_cut_pictures_are_unreadable(kind):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    part = encode(Image.fromarray(noise), kind)
    for share in (0.1, 0.5, 0.8):
        with pytest.raises(UnreadableInput):
            read_picture(Part(part.name, part.data[: int(len(part.data) * share)]))


def test_text_is_named_as_no_picture():
    with pytest.raises(UnreadableInput, match="Expected a picture"):
        read_picture(Part("renamed.png", b"This is a letter, not a recording.\n" * 50))


WHOLE = [encode(Image.fromarray(drawn()), kind).data for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")]
WHOLE += [heic(drawn()).data, pdf().data]


def decode_all(data: bytes) -> None:
    """Decodes the first two pages; only our errors may come out."""
    try:
        for page in read_pictures(Part("x", data), max_pages=2):
            assert page.decode().shape[2] == 3
    except EngineError:
        pass


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([b"", b"%PDF-1.4\n", *(data[:12] for data in WHOLE)]), st.binary(max_size=400))
def test_random_bytes_raise_only_our_errors(head, data):
    decode_all(head + data)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(WHOLE), st.integers(0, 4000), st.binary(min_size=1, max_size=8), st.booleans())
def test_damaged_pictures_raise_only_our_errors(whole, place, damage, cut):
    place = min(place, len(whole))
    decode_all(whole[:place] if cut else whole[:place] + damage + whole[place + len(damage) :])
