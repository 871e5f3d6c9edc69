"""Forms (multipart/form-data), which browsers, curl -F and Postman send: files and fields, read by werkzeug in memory.

read_form(body, "multipart/form-data; boundary=x")  # Form(files=[File("image", "image/jpeg", b"…")], fields={})
"""

import base64
import binascii
import io
from collections.abc import Mapping
from typing import IO, Any, NamedTuple

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from container.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 100
MAX_FIELD = 65_536  # bytes of a field, and of the headers before it
MAX_HEADERS = 8192  # bytes of the headers of a file
_PIECE = 16_384  # bytes that the parser gets at once; it counts what it holds of them against MAX_FIELD


class File(NamedTuple):
    """A part with a file name."""

    name: str
    media_type: str  # with its parameters; "" if there is none
    data: bytes


class Form(NamedTuple):
    """The parts of a form."""

    files: list[File]
    fields: Mapping[str, str]  # those of one name are joined by commas


def read_form(body: bytes, content_type: str) -> Form:
    """Return the files and fields of a form, without the empty files that browsers send where none was chosen.

    Raises BadRequest if it is malformed, PayloadTooLarge over a limit, UnsupportedMediaType for an unknown encoding.
    """
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary or not boundary.isascii():
        raise BadRequest(
            f"Content-Type is {MEDIA_TYPE} without a boundary", hint="leave this header to the client, which adds one"
        )
    parser = MultiPartParser(
        stream_factory=_in_memory,
        max_form_memory_size=MAX_FIELD,
        max_form_parts=MAX_PARTS,
        buffer_size=_PIECE,
    )
    try:
        fields, files = parser.parse(io.BytesIO(body), boundary.encode(), len(body))
    except RequestEntityTooLarge:
        raise PayloadTooLarge(
            f"the form has over {MAX_PARTS} parts, or a field over {MAX_FIELD} bytes", hint="send a picture as a file"
        ) from None
    except ValueError:
        raise BadRequest(
            "the form is malformed or cut short: its parts do not begin and end with its boundary"
        ) from None
    read = [_read_file(file) for _, file in files.items(multi=True)]
    texts = {name or "": ",".join(fields.getlist(name)) for name in fields}
    return Form([file for file in read if file is not None], texts)


def _in_memory(*_: Any, **__: Any) -> IO[bytes]:
    return io.BytesIO()


def _read_file(part: FileStorage) -> File | None:
    """Return a file with its transfer encoding undone; None if it has neither a name nor bytes."""
    name, data = part.name or "", part.read()
    if not part.filename and not data:
        return None
    if sum(len(key) + len(value) for key, value in part.headers) > MAX_HEADERS:
        raise PayloadTooLarge(f"the headers of the file {name[:40]!r} are over {MAX_HEADERS} bytes")
    coding = part.headers.get("Content-Transfer-Encoding", "").strip().lower()
    if coding == "base64":
        try:
            data = base64.b64decode(data.translate(None, b" \t\r\n"), validate=True)
        except binascii.Error:
            raise BadRequest(f"the file {name[:40]!r} is not in base64, and its headers say so") from None
    elif coding == "quoted-printable":
        data = binascii.a2b_qp(data)
    elif coding not in ("", "7bit", "8bit", "binary"):
        raise UnsupportedMediaType(
            f"Content-Transfer-Encoding {coding[:40]!r} is not read; send the file as it is, or in base64"
        )
    return File(name, part.content_type or "", data)
