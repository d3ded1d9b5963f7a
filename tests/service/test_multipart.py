"""Multipart forms read in memory, in pieces of any size."""

import asyncio
import tempfile

import pytest

from service import multipart
from service.multipart import FormError, Upload, read_form

TYPE = "multipart/form-data; boundary=cut"
BODY = (
    b'--cut\r\nContent-Disposition: form-data; name="explain"\r\n\r\ntrue\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="Z\xc3\xbcrich.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--cu\r\n\x00\r\n"
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="b.dat"\r\n\r\nb\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="none"; filename=""\r\n\r\n\r\n--cut--\r\n'
)


def read(body: bytes, content_type: str = TYPE, size: int = 1 << 16):
    async def pieces():
        for start in range(0, len(body), size):
            yield body[start : start + size]

    return asyncio.run(read_form(content_type, pieces()))


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 16])
def test_the_form_is_the_same_however_it_arrives(size):
    form = read(BODY, size=size)
    assert form.fields == {"explain": "true"}
    assert form.files == (Upload("file", "Zürich.png", b"\x89PNG\r\n--cu\r\n\x00"), Upload("file", "b.dat", b"b"))


def test_large_files_stay_in_memory(monkeypatch):
    def refuse(*arguments, **more):
        raise AssertionError("a temporary file was opened")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    large = b"x" * (5 << 20)
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    assert read(head + large + b"\r\n--cut--\r\n").files[0].data == large


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (BODY, "multipart/form-data", "boundary"),
        (BODY[:-20], TYPE, "too early"),
        (b"", TYPE, "too early"),
        (b"not a form at all", TYPE, "malformed"),
        (b"--cut\r\nContent-Type: text/plain\r\n\r\nx\r\n--cut--\r\n", TYPE, "no name"),
        (
            b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
            + b"x" * (multipart.MAX_FIELD_BYTES + 1)
            + b"\r\n--cut--\r\n",
            TYPE,
            "more than 64 KB",
        ),
        (
            b"".join(
                b'--cut\r\nContent-Disposition: form-data; name="%d"\r\n\r\nx\r\n' % k
                for k in range(multipart.MAX_FIELDS + 1)
            )
            + b"--cut--\r\n",
            TYPE,
            "too many parts",
        ),
    ],
)
def test_what_is_no_form_is_named(body, content_type, words):
    with pytest.raises(FormError, match=words):
        read(body, content_type)
