"""Where requests end: what is refused, how soon, and that nothing after it is taken for another request."""

import http.client
import json
import socket
import time
from collections.abc import Callable

import pytest

from tests.conftest import Server
from tests.server.test_worker import received

pytestmark = pytest.mark.alone

LIMIT = 1024 * 1024
POST = "POST /invocations HTTP/1.1\r\nHost: a\r\n"
CHUNKED = (POST + "Transfer-Encoding: chunked\r\n\r\n").encode()
NEXT = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"  # hidden behind what is refused


@pytest.fixture(scope="module")
def quick(start_slow_server: Callable[..., Server]) -> Server:
    started = start_slow_server(0, SAGEMAKER_MAX_PAYLOAD_IN_MB=str(LIMIT / 1024**2))
    started.wait()
    return started


def ask(server: Server, raw: bytes) -> tuple[bytes, float]:
    """What is answered up to the connection's end, and the seconds that took."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(raw)
        return received(client), time.monotonic() - begun


def assert_refused(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"connection: close" in head.lower()
    document = json.loads(body)  # one answer: the hidden request had none
    assert document["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"ffffffffffffffff1\r\nx", 413, id="over 2^64"),
        pytest.param(b"f" * 4000 + b"\r\nx", 413, id="4,000 digits"),
        pytest.param(b"100001\r\nx", 413, id="one over the limit"),
        pytest.param(b"5\r\nhello\r\nffffd\r\nx", 413, id="over the limit with the chunk before"),
        pytest.param(b"zz\r\nabc\r\n0\r\n\r\n", 400, id="no number"),
        pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", 400, id="negative"),
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", 400, id="prefixed"),
        pytest.param(b"5_0\r\nhello\r\n0\r\n\r\n", 400, id="underscore"),
        pytest.param(b"\r\nhello\r\n0\r\n\r\n", 400, id="no size"),
        pytest.param(b"5\x0b\r\nhello\r\n0\r\n\r\n", 400, id="vertical tab behind the size"),
        pytest.param(b"5\nhello\r\n0\r\n\r\n", 400, id="bare line feed"),
        pytest.param(b"5;a\nb\r\nhello\r\n0\r\n\r\n", 400, id="line feed in an extension"),
        pytest.param(b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400, id="carriage return in an extension"),
        pytest.param(b"5;" + b"a" * 100_000, 400, id="endless extension"),
        pytest.param(b"5\r\nhelloXX0\r\n\r\n", 400, id="no line end behind the bytes"),
        pytest.param(b"0\r\n" + b"a: b\r\n" * 100_000, 400, id="endless trailers"),
        pytest.param(b"0\r\nno trailer\r\n\r\n", 400, id="malformed trailer"),
    ],
)
def test_chunks_that_are_refused_at_once(body: bytes, status: int, quick: Server) -> None:
    answer, seconds = ask(quick, CHUNKED + body + NEXT)
    assert_refused(answer, status)
    assert seconds < 10


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("chunked\x0b", 501),
        ("\x0bchunked", 501),
        ("chunked\x0c", 501),
        ("chunked\x1f", 501),
        ("chunked\x85", 501),
        ("chunked\xa0", 501),
        ("chunked;q=1", 501),
        ("chunked,", 501),
        (",chunked", 501),
        ("identity", 501),
        ("identity, chunked", 501),
        ("gzip, chunked", 501),
        ("chunked, chunked", 400),
        ("chunked, gzip", 400),
    ],
)
def test_transfer_codings_that_are_refused(value: str, status: int, quick: Server) -> None:
    answer, _ = ask(
        quick, f"{POST}Transfer-Encoding: {value}\r\n\r\n".encode("latin-1") + b"5\r\nhello\r\n0\r\n\r\n" + NEXT
    )
    assert_refused(answer, status)


@pytest.mark.parametrize("value", ["chunked", "Chunked", "chunked \t"])
def test_the_one_transfer_coding_that_is_read(value: str, quick: Server) -> None:
    answer, _ = ask(
        quick,
        f"{POST}Connection: close\r\nTransfer-Encoding: {value}\r\n\r\n5;a=b\r\nhello\r\n0\r\na: b\r\n\r\n".encode(),
    )
    assert answer.startswith(b"HTTP/1.1 415 ") and b"68 65 6c 6c 6f" in answer


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("Content-Length: 5\x0b", id="vertical tab"),
        pytest.param("Content-Length: -5", id="negative"),
        pytest.param("Content-Length: +5", id="plus"),
        pytest.param("Content-Length: 5_0", id="underscore"),
        pytest.param("Content-Length: 0x5", id="prefixed"),
        pytest.param("Content-Length: ", id="empty"),
        pytest.param("Content-Length: \xb2", id="superscript"),
        pytest.param("Content-Length: 5, 5", id="list"),
        pytest.param("Content-Length: " + "9" * 5000, id="5,000 digits"),
        pytest.param("Content-Length: 5\r\nContent-Length: 5", id="twice"),
        pytest.param("Content-Length: 5\r\nTransfer-Encoding: chunked", id="with chunks"),
        pytest.param("Content-Length: 5\r\nX-Any: a\x0bb", id="vertical tab elsewhere"),
        pytest.param("Content-Length: 5\r\nX-Any: a\x7f", id="delete"),
        pytest.param("Content-Length: 5\r\nHost: b", id="two hosts"),
    ],
)
def test_heads_that_are_refused(lines: str, quick: Server) -> None:
    answer, _ = ask(quick, f"{POST}{lines}\r\n\r\nhello".encode("latin-1") + NEXT)
    assert_refused(answer, 400)


@pytest.mark.parametrize(("version", "status"), [("1.1", 400), ("1.0", 200)])
def test_only_http_1_0_does_without_host(version: str, status: int, quick: Server) -> None:
    answer, _ = ask(quick, f"GET /ping HTTP/{version}\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/{version} {status} ".encode() if status == 200 else b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("path", "status"), [("/invocations", 413), ("/endpoints/a/invocations", 400), ("/nowhere", 404), ("/ping", 405)]
)
@pytest.mark.parametrize(
    "framing", ["Content-Length: 10737418240\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n280000000\r\n"]
)
def test_ten_gigabytes_are_refused_when_they_are_announced(path: str, status: int, framing: str, quick: Server) -> None:
    answer, seconds = ask(quick, f"POST {path} HTTP/1.1\r\nHost: a\r\n{framing}hello".encode() + NEXT)
    assert answer.startswith(b"HTTP/1.1 %d " % status) and answer.count(b"HTTP/1.1") == 1, answer
    assert seconds < 10


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize(("path", "status"), [("/invocations", 413), ("/nowhere", 404)])
def test_who_is_refused_while_sending_reads_the_answer(path: str, status: int, connection: str, quick: Server) -> None:
    size = 32 * LIMIT
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\nContent-Length: {size}\r\n\r\n"
    answer, _ = ask(quick, head.encode() + bytes(size))
    assert answer.startswith(b"HTTP/1.1 %d " % status)


def test_who_never_stops_sending_is_hung_up_on(start_slow_server: Callable[..., Server]) -> None:
    server = start_slow_server(0, MASKSERVE_READ_SECONDS="1")
    server.wait()
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"nonsense\r\n\r\n")
        with pytest.raises(OSError):
            while time.monotonic() < begun + 60:
                client.sendall(bytes(1000))
                time.sleep(0.01)
    assert time.monotonic() - begun < 30
    assert server.stop() == 0


def test_an_empty_line_before_a_request_is_no_request(quick: Server) -> None:
    asked = b"GET /ping HTTP/1.1\r\nHost: a\r\n"
    answer, _ = ask(quick, b"\r\n" + asked + b"\r\n\r\n" + asked + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 2
    post = POST.encode() + b"Content-Length: 5\r\n\r\nhello\r\n"
    answer, _ = ask(quick, post + asked + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 415 ") and answer.count(b"HTTP/1.1 200 ") == 1
    assert_refused(ask(quick, b"\r\n\r\n" + asked + b"\r\n")[0], 400)


@pytest.mark.parametrize(("length", "status"), [(LIMIT, 100), (LIMIT + 1, 413), (10737418240, 413)])
def test_a_body_over_the_limit_is_not_asked_for(length: int, status: int, quick: Server) -> None:
    with socket.create_connection(("127.0.0.1", quick.port), timeout=5) as client:
        client.sendall(f"{POST}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/ping", 405)])
def test_a_body_that_nobody_reads_is_not_asked_for(path: str, status: int, quick: Server) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    answer, _ = ask(quick, head.encode())
    assert answer.startswith(b"HTTP/1.1 %d " % status) and b"connection: close" in answer.lower()


def test_a_body_that_was_asked_for_leaves_the_connection_open(quick: Server, small_png: bytes) -> None:
    head = f"{POST}Content-Length: {len(small_png)}\r\nExpect: 100-continue\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", quick.port), timeout=5) as client:
        for _ in range(2):
            client.sendall(head)
            assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(small_png)
            response = http.client.HTTPResponse(client)
            response.begin()
            assert response.status == 200 and response.read()
