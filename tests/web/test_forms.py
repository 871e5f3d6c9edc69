"""Forms: what is read of them, and what they may not be."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.errors import BadRequest, PayloadTooLarge, ServingError, UnsupportedMediaType
from container.web.forms import MAX_FIELD, MAX_HEADERS, MAX_PARTS, File, read_form

TYPE = "multipart/form-data; boundary=x"
DATA = bytes(range(256)) * 3


def part(data: bytes, name: str = "image", more: str = '; filename="a.png"', headers: str = "") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n'.encode() + data + b"\r\n"


def field(name: str, value: str) -> bytes:
    return part(value.encode(), name, "")


END = b"--x--\r\n"


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ("", DATA),
        ("Content-Transfer-Encoding: binary\r\n", DATA),
        ("Content-Transfer-Encoding: base64\r\n", base64.encodebytes(DATA)),
        ("Content-Transfer-Encoding: BASE64\r\n", base64.b64encode(DATA)),
        ("Content-Transfer-Encoding: quoted-printable\r\n", quopri.encodestring(DATA)),
    ],
)
def test_a_file(headers: str, sent: bytes) -> None:
    form = read_form(part(sent, headers=headers + "Content-Type: image/png\r\n") + END, TYPE)
    assert form.files == [File("image", "image/png", DATA)] and form.fields == {}


def test_fields_and_files() -> None:
    empty = part(b"", "unset", '; filename=""')
    body = field("a", "1") + empty + part(DATA, "f") + field("a", "ü") + part(b"", "g") + field("b", "") + END
    form = read_form(body, 'multipart/form-data; charset=utf-8; boundary="x"')
    assert form.files == [File("f", "", DATA), File("g", "", b"")]
    assert form.fields == {"a": "1,ü", "b": ""}


@pytest.mark.parametrize(
    ("body", "content_type", "error", "reason"),
    [
        (part(DATA) + END, "multipart/form-data", BadRequest, "without a boundary"),
        (part(DATA) + END, "multipart/form-data; boundary=é", BadRequest, "without a boundary"),
        (b"", TYPE, BadRequest, "malformed or cut short"),
        (part(DATA), TYPE, BadRequest, "malformed or cut short"),
        (part(DATA) + END, "multipart/form-data; boundary=y", BadRequest, "malformed or cut short"),
        (b"--x\r\n\r\n" + DATA + b"\r\n" + END, TYPE, BadRequest, "malformed"),
        (part(b"*", headers="Content-Transfer-Encoding: base64\r\n") + END, TYPE, BadRequest, "is not in base64"),
        (part(b"", headers="Content-Transfer-Encoding: gzip\r\n") + END, TYPE, UnsupportedMediaType, "'gzip'"),
        (field("a", "1") * MAX_PARTS + part(DATA) + END, TYPE, PayloadTooLarge, "over 100 parts"),
        (field("a", "1" * (MAX_FIELD + 1)) + END, TYPE, PayloadTooLarge, "a field over 65536 bytes"),
        (part(DATA, headers="A: " + "b" * MAX_HEADERS + "\r\n") + END, TYPE, PayloadTooLarge, "over 8192 bytes"),
        (part(DATA, headers="A: " + "b" * MAX_FIELD + "\r\n") + END, TYPE, PayloadTooLarge, "over"),
    ],
)
def test_refused(body: bytes, content_type: str, error: type[ServingError], reason: str) -> None:
    with pytest.raises(error, match=reason) as caught:
        read_form(body, content_type)
    assert "\n" not in caught.value.message


def test_a_large_file_is_no_field() -> None:
    large = bytes(3 * MAX_FIELD)
    assert read_form(part(large) + END, TYPE).files[0].data == large


@given(st.lists(st.sampled_from([b"--x", b"--", b"\r\n", b"\n", b"a: b", part(b"1"), field("a", "1"), END, b"\xff"])))
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    try:
        read_form(b"".join(pieces), TYPE)
    except ServingError as error:
        assert error.status < 500
