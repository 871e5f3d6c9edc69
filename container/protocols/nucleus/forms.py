"""Bodies on disk: JSON of any size, and multipart forms with a JSON document and files, written as they arrive.

with read_files(request, folder) as form:
    form.document  # the JSON of `serialized_request`, to be read by `documents`
    form.files[0].path  # a mask, there until the block ends

Flask takes 500,000 bytes of a field without a file name; a `serialized_request` may be as long as a body.
"""

import hashlib
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData, State

from container.errors import BadRequest, PayloadTooLarge, Unavailable, UnsupportedMediaType, shown
from container.web.body import check_plain, read_pieces
from container.web.forms import MEDIA_TYPE

DOCUMENTS = ("serialized_request", "items")
MAX_PARTS = 1000
MAX_HEADERS = 8192  # bytes of the headers of a part
_PIECE = 1 << 16
_MALFORMED = "the form is malformed or cut short: its parts do not begin and end with its boundary"


@dataclass(frozen=True)
class Part:
    """A file of a form."""

    name: str
    filename: str  # without percent-encoding: clients send the path that they have read it from
    media_type: str
    path: Path
    sha256: str
    size: int


@dataclass
class Form:
    """A form whose parts lie on disk."""

    name: str  # of the document, one of DOCUMENTS
    document: BinaryIO
    files: list[Part] = field(default_factory=list)  # in the order of the body


@contextmanager
def spool(request: Request, folder: Path) -> Generator[BinaryIO]:
    """Write the body into a file of `folder` that has no name, and give it, from its beginning.

    A client that sends slowly holds no lock of the database meanwhile. Raises the errors of `read_pieces`,
    UnsupportedMediaType for a compressed body, and Unavailable if the disk is full.
    """
    check_plain(request)
    with _file(folder) as file:
        for piece in read_pieces(request, _PIECE):
            with _disk():
                file.write(piece)
        _rewind(file)
        yield file


@contextmanager
def read_files(request: Request, folder: Path) -> Generator[Form]:
    """Write the parts of a multipart body into files, which are in `folder` until the block ends.

    Raises BadRequest for a form that is malformed, cut short or has no document, PayloadTooLarge for one over a limit,
    and the errors of `spool`.
    """
    check_plain(request)
    boundary = parse_options_header(request.content_type or "")[1].get("boundary", "")
    if not boundary or not boundary.isascii():
        raise BadRequest(f"Content-Type is {MEDIA_TYPE} without a boundary")
    with _file(folder) as document, _folder(folder) as parts, closing(_Writer(document, parts)) as writer:
        for event in _events(request, boundary.encode()):
            writer.take(event)
        if writer.document_name is None:
            raise BadRequest(f"the form has no field {' or '.join(DOCUMENTS)}")
        _rewind(document)
        yield Form(writer.document_name, document, writer.files)


@contextmanager
def _disk() -> Iterator[None]:
    """Translate what goes wrong while a file is written."""
    try:
        yield
    except OSError:
        raise Unavailable("the body cannot be written to disk now", retry_after=10) from None


@contextmanager
def _file(folder: Path) -> Generator[BinaryIO]:
    """Give a file that vanishes with the process; what stands in its buffer at the end is of no use."""
    with _disk():
        file = tempfile.TemporaryFile(dir=folder)
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()


@contextmanager
def _folder(folder: Path) -> Generator[Path]:
    with _disk():
        made = tempfile.TemporaryDirectory(prefix="form-", dir=folder, ignore_cleanup_errors=True)
    with made as path:
        yield Path(path)


def _rewind(file: BinaryIO) -> None:
    with _disk():
        file.seek(0)  # which writes the buffer


def _events(request: Request, boundary: bytes) -> Iterator[Event]:
    """Yield the events of a multipart body, which end with its last boundary."""
    # What the decoder holds beside a piece are headers that have not ended, or a boundary.
    decoder = MultipartDecoder(boundary, _PIECE + MAX_HEADERS, max_parts=MAX_PARTS)
    pieces = read_pieces(request, _PIECE)
    piece: bytes | None = b""
    while piece is not None:
        piece = next(pieces, None)
        try:
            decoder.receive_data(piece)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                yield event
        except RequestEntityTooLarge:
            if decoder.state in (State.PREAMBLE, State.EPILOGUE):
                raise BadRequest(_MALFORMED) from None
            raise PayloadTooLarge(
                f"the form has over {MAX_PARTS:,} parts, or a part with over {MAX_HEADERS} bytes of headers"
            ) from None
        except ValueError:
            raise BadRequest(_MALFORMED) from None


class _Writer:
    """Writes the parts of a form as their events come."""

    def __init__(self, document: BinaryIO, folder: Path) -> None:
        self.document_name: str | None = None
        self.files: list[Part] = []
        self._document = document
        self._folder = folder
        self._part: File | Field | None = None
        self._output: BinaryIO | None = None  # None: a field that nobody asked for
        self._path = folder
        self._sha256 = hashlib.sha256()
        self._size = 0

    def take(self, event: Event) -> None:
        """Go on with the part that the event is of."""
        if isinstance(event, File | Field):
            self._begin(event)
        elif isinstance(event, Data) and self._part is not None:
            if self._output is not None:
                with _disk():
                    self._output.write(event.data)
                self._sha256.update(event.data)
                self._size += len(event.data)
            if not event.more_data:
                self._end(self._part)

    def _begin(self, part: File | Field) -> None:
        name = part.name or ""
        if sum(len(key) + len(value) for key, value in part.headers) > MAX_HEADERS:
            raise PayloadTooLarge(f"the headers of the part {shown(name)} are over {MAX_HEADERS} bytes")
        coding = part.headers.get("Content-Transfer-Encoding", "").strip().lower()
        if coding not in ("", "7bit", "8bit", "binary"):
            raise UnsupportedMediaType(f"Content-Transfer-Encoding {shown(coding)} is not read; send files as they are")
        self._part, self._output = part, None
        if isinstance(part, File):
            self._path = self._folder / str(len(self.files))
            self._sha256, self._size = hashlib.sha256(), 0
            with _disk():
                self._output = self._path.open("wb")
        elif name in DOCUMENTS:
            if self.document_name is not None:
                raise BadRequest(f"the form has both {self.document_name} and {name}; one document is read")
            self.document_name, self._output = name, self._document

    def _end(self, part: File | Field) -> None:
        if isinstance(part, File) and self._output is not None:
            with _disk():
                self._output.close()  # which writes the buffer
            media_type = part.headers.get("Content-Type", "")
            filename = unquote(part.filename)
            self.files.append(
                Part(part.name or "", filename, media_type, self._path, self._sha256.hexdigest(), self._size)
            )
        self._part = None

    def close(self) -> None:
        """Close the file that a form which broke off was writing."""
        if self._output is not None:
            with suppress(OSError):
                self._output.close()
