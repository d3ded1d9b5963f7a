"""Multipart forms, read into memory while they arrive: nothing of an upload is ever written to disk."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from engine.study import MAX_PARTS

MAX_FIELDS = 100
MAX_FIELD_BYTES = 64 << 10


class FormError(Exception):
    """The body is no form that can be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Upload:
    """One file part: the form field it came in, the name the client gave it, and its bytes."""

    form_field: str
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Form:
    """A form's files in the order they came, and its text fields (the last one of a name counts)."""

    files: tuple[Upload, ...]
    fields: dict[str, str]


async def read_form(content_type: str, chunks: AsyncIterable[bytes]) -> Form:
    """The form in a `multipart/form-data` body.

    Raises:
        FormError: if the boundary is missing, the body is malformed or ends early, or it has too many parts.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise FormError("Expected a boundary in the Content-Type of the form, found none.")
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise FormError("The form's body is malformed; send it as multipart/form-data.") from error
    if not reader.ended:
        raise FormError("The form's body ends too early; send it again.")
    return Form(tuple(reader.files), reader.fields)


class _Reader:
    """Collects the parts while the parser walks over the body."""

    def __init__(self) -> None:
        self.files: list[Upload] = []
        self.fields: dict[str, str] = {}
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._pieces: list[bytes] = []
        self._size = 0
        self._field = ""
        self._file_name: str | None = None

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        if len(self.files) >= MAX_PARTS or len(self.fields) >= MAX_FIELDS:
            raise FormError(f"The form has too many parts; at most {MAX_PARTS} files and {MAX_FIELDS} fields are read.")
        self._headers, self._pieces, self._size = {}, [], 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise FormError("A part of the form has no name.")
        self._field = options[b"name"].decode("utf-8", "replace")
        file_name = options.get(b"filename")
        self._file_name = None if file_name is None else file_name.decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file_name is None and self._size > MAX_FIELD_BYTES:
            raise FormError(f"A text field of the form has more than {MAX_FIELD_BYTES >> 10} KB.")
        self._pieces.append(data[start:end])

    def _end(self) -> None:
        content = b"".join(self._pieces)
        self._pieces = []
        if self._file_name is None:
            self.fields[self._field] = content.decode("utf-8", "replace")
        elif self._file_name or content:  # a browser sends an empty, nameless file where none was chosen
            self.files.append(Upload(self._field, self._file_name, content))

    def _finish(self) -> None:
        self.ended = True
