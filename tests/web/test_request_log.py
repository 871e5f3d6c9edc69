"""One line of JSON a request, whatever the request holds: the real server's log is read."""

import base64
import json
import socket
from collections.abc import Callable

import numpy as np
import pytest

from container.telemetry.logs import MAX_LINE
from tests.conftest import Server, encode

KEY = "operators-key-0042"  # the server's own
SECRET = "s3cr3t-0815-4711"  # one that the server does not know
PNG = encode(np.full((30, 40, 3), 128, np.uint8))
BASIC = base64.b64encode(f"{SECRET}:".encode())
ATTRIBUTES = b"X-Amzn-SageMaker-Custom-Attributes: "
ID = b"X-Amzn-SageMaker-Inference-Id: "


def damaged_tiff() -> bytes:
    """libtiff has a lot to say about this one."""
    data = bytearray(encode(np.arange(4096, dtype=np.uint8).reshape(64, 64), "TIFF", compression="tiff_deflate"))
    data[30:90] = b"\xff" * 60
    return bytes(data)


def post(*headers: bytes, path: bytes = b"/invocations", body: bytes = PNG, key: bool = True) -> bytes:
    """A request with the server's key, which ends its connection."""
    given = (b"X-Api-Key: " + KEY.encode(),) if key else ()
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join(
        [b"POST " + path + b" HTTP/1.1", b"Host: a", b"Connection: close", length, *given, *headers, b"", body]
    )


def json_body(value: object) -> bytes:
    return post(b"Content-Type: application/json", body=json.dumps({"image": value}).encode())


REQUESTS = {
    "good": (200, post()),
    "path: lines": (404, post(path=b"/a%0d%0a%7b%22level%22:%22FORGED%22%7d%0a")),
    "path: escape codes": (404, post(path=b"/%1b[31m%1b]0;title%07%00%7f%c2%9b")),
    "path: no UTF-8": (404, post(path=b"/%ff%fe%80")),
    "path: long": (404, post(path=b"/" + b"a" * 4000)),
    "path: long when escaped": (404, post(path=b"/" + b"%f0%9f%90%8e" * 330)),
    "path: a query inside": (404, post(path=b"/invocations%3fapi_key=" + SECRET.encode())),
    "path: a URL with a password": (404, post(path=b"/get/https:%2f%2fuser:" + SECRET.encode() + b"@example.com%2fa")),
    "path: a bearer token": (404, post(path=b"/Bearer%20" + SECRET.encode())),
    "path: the server's own key": (404, post(path=b"/" + KEY.encode())),
    "endpoint: lines": (404, post(path=b"/endpoints/a%0d%0ab/invocations")),
    "endpoint: long": (400, post(path=b"/endpoints/" + b"a" * 3900 + b"/invocations")),
    "query: the right key": (200, post(path=b"/invocations?api_key=" + KEY.encode(), key=False)),
    "query: a wrong key": (401, post(path=b"/invocations?api_key=" + SECRET.encode(), key=False)),
    "query: long": (200, post(path=b"/invocations?a=" + b"a" * 4000)),
    "query: too long": (414, post(path=b"/invocations?api_key=" + SECRET.encode() * 300)),
    "query: lines": (200, post(path=b"/invocations?a=%0d%0a%1b[31m")),
    "header: bearer": (401, post(b"Authorization: Bearer " + SECRET.encode(), key=False)),
    "header: basic": (401, post(b"Authorization: Basic " + BASIC, key=False)),
    "header: signed": (200, post(b"Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=" + SECRET.encode())),
    "header: cookie": (200, post(b"Cookie: session=" + SECRET.encode())),
    "header: long": (200, post(b"X-Any: " + b"a" * 5000)),
    "header: too long": (431, post(b"X-Api-Key: " + SECRET.encode() * 600)),
    "header: folded": (400, post(b"X-Any: a\r\n b" + SECRET.encode())),
    "header: bare CR": (400, post(b"X-Any: a\rb" + SECRET.encode())),
    "header: NUL": (400, post(b"X-Any: a\0b" + SECRET.encode())),
    "header: no name": (400, post(b": " + SECRET.encode())),
    "method: escape codes": (400, b"G\x1b[31mT /invocations HTTP/1.1\r\nHost: a\r\n\r\n"),
    "method: long": (400, b"A" * 3000 + b" /invocations?api_key=" + SECRET.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "no HTTP": (400, b"\x16\x03\x01" + SECRET.encode() + b"\r\n\r\n"),
    "id: long": (200, post(ID + b"a" * 5000)),
    "id: escape codes": (400, post(ID + b"a\x1b[31m")),
    "id: quotes": (200, post(ID + b'"},{"a":"\\')),
    "id: a bearer token": (200, post(b"X-Request-Id: Bearer+" + SECRET.encode())),
    "id: the server's own key": (200, post(b"X-Request-Id: " + KEY.encode())),
    "attributes: long trace": (200, post(ATTRIBUTES + b"trace" * 1000)),
    "attributes: escape codes": (400, post(ATTRIBUTES + b"trace \x1b[31m \xc3\xa9 \xff")),
    "attributes: a bearer token": (200, post(ATTRIBUTES + b"Authorization: Bearer " + SECRET.encode())),
    "attributes: a key": (200, post(ATTRIBUTES + b'{"api_key": "' + SECRET.encode() + b'"}')),
    "attributes: long names": (200, post(ATTRIBUTES + b'{"' + b"\xc3\xa9" * 900 + b'\\u001b\\n": 1, "b": 2}')),
    "attributes: many names": (200, post(ATTRIBUTES + json.dumps({"é" * 40 + str(i): 1 for i in range(30)}).encode())),
    "attributes: no JSON": (400, post(ATTRIBUTES + b'{"a\x1b')),
    "accept: long": (200, post(b"Accept: " + b"*/*, " * 900)),
    "type: long": (415, post(b"Content-Type: a/" + b"b" * 5000)),
    "body: no picture": (415, post(body=SECRET.encode() * 99)),
    "body: a damaged TIFF": (400, post(body=damaged_tiff())),
    "body: base64": (200, json_body(base64.b64encode(PNG).decode())),
    "body: wrong base64": (400, json_body(SECRET * 99 + "*")),
    "body: a URL with a password": (400, json_body({"type": "url", "value": f"https://user:{SECRET}@example.com/"})),
    "body: broken off": (400, post(body=PNG)[:-9]),
}  # fmt: skip


@pytest.fixture(scope="module")
def server(start_slow_server: Callable[..., Server]) -> Server:
    started = start_slow_server(0, MASKSERVE_API_KEY=KEY)
    started.wait()
    return started


def ask(server: Server, request: bytes) -> tuple[int, list[str]]:
    """The status, and the lines of the log that came with it."""
    before = server.log.stat().st_size
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    return int(answer.split()[1]), server.log.read_bytes()[before:].decode("ascii").split("\n")


def read(lines: list[str]) -> dict[str, object]:
    """The one line as JSON, and nothing else in the log."""
    line, end = lines
    assert end == "" and len(line) <= MAX_LINE and line.isprintable()
    assert SECRET not in line and KEY not in line and BASIC.decode() not in line
    assert base64.b64encode(PNG).decode()[:20] not in line
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("name", REQUESTS)
def test_one_line_a_request(name: str, server: Server) -> None:
    status, request = REQUESTS[name]
    answered, lines = ask(server, request)
    line = read(lines)
    assert (answered, line["status"], line["message"]) == (status, status, "request")
    assert (status < 400) == ("code" not in line) == ("error" not in line)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (post(body=b"no picture"), "unsupported_media_type", "are of no known picture"),
        (post(ATTRIBUTES + b'{"confidence": 7}'), "bad_request", "confidence is 7; it takes a number from 0 to 1"),
        (post(path=b"/nowhere"), "not_found", "there is no route '/nowhere'"),
        (post(key=False), "unauthenticated", "key"),
        (post(b"X-Any: a\0b"), "bad_request", ""),
    ],
)
def test_a_failed_request_is_logged_with_its_reason(request_: bytes, code: str, message: str, server: Server) -> None:
    line = read(ask(server, request_)[1])
    assert line["code"] == code and message in str(line["error"]) and line["error"]


@pytest.mark.parametrize(
    "message", [f"two\nlines {KEY}", "x" * 5000, f"api_key={SECRET}", "😀" * 900 + "\n\x1b[31m" * 900]
)
def test_an_error_that_nobody_foresaw_is_in_the_same_line(
    message: str, start_slow_server: Callable[..., Server]
) -> None:
    server = start_slow_server(0, MASKSERVE_API_KEY=KEY, MASKSERVE_TEST_ERROR=message)
    server.wait()
    status, lines = ask(server, post())
    line = read(lines)
    assert (status, line["status"], line["level"]) == (500, 500, "ERROR")
    assert str(line["error"]).startswith("ZeroDivisionError: ") and line["request_id"]
    assert str(line["traceback"]).endswith("raise self.error\n")
    assert server.stop() == 0


def test_ids_of_callers_come_back_where_they_are_plain(server: Server) -> None:
    for header, value, kept in (
        (ID, b"order-4711", True),
        (b"X-Request-Id: ", b"order-4711", True),
        (b"X-Request-Id: ", b"a" * 65, False),
        (b"X-Request-Id: ", b"a b", False),
        (b"X-Request-Id: ", b"\xe9", False),
    ):
        assert (read(ask(server, post(header + value))[1])["request_id"] == value.decode("latin-1")) is kept
