"""Bodies on disk: forms as the clients send them, and all that is none."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask, Request, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from container.errors import BadRequest, PayloadTooLarge, ServingError, Unavailable, UnsupportedMediaType
from container.protocols.nucleus.forms import MAX_HEADERS, MAX_PARTS, read_files, spool

TYPE = "multipart/form-data; boundary=x"
PNG = bytes(range(256)) * 700
JSON = b'{"segmentations": []}'
END = b"--x--\r\n"


def part(data: bytes, name: str = "mask", more: str = '; filename="%2Ftmp%2Fm.png"', headers: str = "") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n'.encode() + data + b"\r\n"


def document(data: bytes = JSON, name: str = "serialized_request") -> bytes:
    return part(data, name, "", "Content-Type: application/json\r\n")


@contextmanager
def sent(body: bytes, content_type: str = TYPE, headers: dict[str, str] | None = None) -> Iterator[Request]:
    with Flask("x").test_request_context(
        method="POST",
        input_stream=io.BytesIO(body),
        content_length=len(body),
        content_type=content_type,
        headers=headers,
    ):
        yield request


def test_a_document_and_its_masks(tmp_path: Path) -> None:
    image = "Content-Type: image/png\r\n"
    body = document() + part(PNG, headers=image) + part(b"", more='; filename="b%20%C3%A9.png"') + END
    with sent(body) as received, read_files(received, tmp_path) as form:
        assert (form.name, form.document.read()) == ("serialized_request", JSON)
        first, second = form.files
        assert (first.name, first.filename, first.media_type) == ("mask", "/tmp/m.png", "image/png")
        assert first.path.read_bytes() == PNG and first.path.is_relative_to(tmp_path)
        assert (first.sha256, first.size) == (hashlib.sha256(PNG).hexdigest(), len(PNG))
        assert (second.filename, second.media_type, second.size, second.path.read_bytes()) == ("b é.png", "", 0, b"")
        assert second.sha256 == hashlib.sha256().hexdigest()
    assert not list(tmp_path.iterdir())


def test_parts_come_in_any_order_and_other_fields_are_passed_over(tmp_path: Path) -> None:
    body = part(b"1", "image") + part(b"no", "other", "") + document(b"[]", "items") + part(b"2", "image") + END
    with sent(body) as received, read_files(received, tmp_path) as form:
        assert (form.name, form.document.read()) == ("items", b"[]")
        assert [file.path.read_bytes() for file in form.files] == [b"1", b"2"]


def test_a_document_is_of_any_size(tmp_path: Path) -> None:
    long = b"[" + b"1," * 1_000_000 + b"1]"
    with sent(document(long) + END) as received, read_files(received, tmp_path) as form:
        assert form.document.read() == long


@pytest.mark.parametrize("split", [b"\r\n--x", b"\r\n--", b"--x", b"\r\n--y\r\n", b"\n", b"\r"])
def test_what_looks_like_a_boundary_stays(split: bytes, tmp_path: Path) -> None:
    data = (b"a" * 65_530 + split + b"b") * 3
    with sent(document() + part(data) + END) as received, read_files(received, tmp_path) as form:
        assert form.files[0].path.read_bytes() == data


@pytest.mark.parametrize(
    ("body", "content_type", "error", "reason"),
    [
        (document() + END, "multipart/form-data", BadRequest, "without a boundary"),
        (document() + END, "multipart/form-data; boundary=é", BadRequest, "without a boundary"),
        (document() + END, "multipart/form-data; boundary=y", BadRequest, "malformed or cut short"),
        (b"", TYPE, BadRequest, "malformed or cut short"),
        (JSON * 10_000, TYPE, BadRequest, "malformed or cut short"),
        (document(), TYPE, BadRequest, "malformed or cut short"),
        (document() + part(PNG)[:-5], TYPE, BadRequest, "malformed or cut short"),
        (document() + part(PNG) + END + b"a" * 200_000, TYPE, BadRequest, "malformed or cut short"),
        (b"--x\r\n\r\n1\r\n" + END, TYPE, BadRequest, "malformed"),
        (b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n' + END, TYPE, BadRequest, "malformed"),
        (END, TYPE, BadRequest, "the form has no field serialized_request or items"),
        (part(PNG) + END, TYPE, BadRequest, "the form has no field serialized_request or items"),
        (document() + document(name="items") + END, TYPE, BadRequest, "has both serialized_request and items"),
        (document() + part(b"1") * MAX_PARTS + END, TYPE, PayloadTooLarge, "over 1,000 parts"),
        (part(b"1", headers=f"A: {'b' * MAX_HEADERS}\r\n") + END, TYPE, PayloadTooLarge, "'mask' are over 8192 bytes"),
        (part(b"1", headers=f"A: {'b' * 100_000}\r\n") + END, TYPE, PayloadTooLarge, "over 8192 bytes of headers"),
        (part(b"1", headers="Content-Transfer-Encoding: base64\r\n") + END, TYPE, UnsupportedMediaType, "'base64'"),
    ],
)
def test_refused(body: bytes, content_type: str, error: type[ServingError], reason: str, tmp_path: Path) -> None:
    with (
        sent(body, content_type) as received,
        pytest.raises(error, match=reason) as caught,
        read_files(received, tmp_path),
    ):
        raise AssertionError("it was read")
    assert caught.value.message.isprintable()
    assert not list(tmp_path.iterdir())


WHOLE = document() + part(PNG[:300]) + part(b"", more="") + END


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # nothing is left in the folder
@given(mutations=st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 20), st.binary(max_size=4)), max_size=4))
def test_any_bytes_are_read_or_refused(mutations: list[tuple[int, int, bytes]], tmp_path: Path) -> None:
    body = WHOLE
    for at, removed, added in mutations:
        body = body[:at] + added + body[at + removed :]
    with sent(body) as received:
        try:
            with read_files(received, tmp_path) as form:
                assert [len(file.path.read_bytes()) for file in form.files] == [file.size for file in form.files]
        except (BadRequest, PayloadTooLarge, UnsupportedMediaType):
            pass
    assert not list(tmp_path.iterdir())


def test_a_body_on_disk(tmp_path: Path) -> None:
    with sent(PNG, "application/json") as received, spool(received, tmp_path) as file:
        assert file.read() == PNG
        assert not list(tmp_path.iterdir())  # it has no name: no process that dies leaves it
    assert file.closed


@pytest.mark.parametrize("reader", [spool, read_files])
def test_compressed_bodies_are_not_read(reader: type, tmp_path: Path) -> None:
    with sent(WHOLE, headers={"Content-Encoding": "gzip"}) as received:
        with pytest.raises(UnsupportedMediaType, match="'gzip' is not read"), reader(received, tmp_path):
            pass
    with sent(WHOLE, headers={"Content-Encoding": "identity"}) as received, reader(received, tmp_path):
        pass


@pytest.mark.parametrize("reader", [spool, read_files])
def test_a_body_that_breaks_off(reader: type, tmp_path: Path) -> None:
    with sent(WHOLE[:-50]) as received:
        received.environ["CONTENT_LENGTH"] = str(len(WHOLE))
        with pytest.raises(BadRequest, match="broke off"), reader(received, tmp_path):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reader", [spool, read_files])
def test_a_folder_that_is_gone(reader: type, tmp_path: Path) -> None:
    with sent(WHOLE) as received, pytest.raises(Unavailable, match="cannot be written"):
        with reader(received, tmp_path / "gone"):
            pass
