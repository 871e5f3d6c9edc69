"""What the worker mends in gunicorn: requests that follow each other on one connection."""

import contextlib
import http.client
import json
import socket
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from container.server import framing
from container.server.worker import DrainingWorker
from tests.conftest import Server, encode

pytestmark = pytest.mark.alone


def received(client: socket.socket) -> bytes:
    """All that comes until the server closes, or resets for our bytes that it has not read."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(65536):
            answer += data
    return answer


@pytest.fixture(scope="module")
def quick(start_slow_server: Callable[..., Server]) -> Server:
    started = start_slow_server(0, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    started.wait()
    return started


@pytest.mark.parametrize(("path", "size", "status"), [("/invocations", 3_000_000, 413), ("/nowhere", 900_000, 404)])
def test_a_refused_body_costs_the_next_request_nothing(path: str, size: int, status: int, quick: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", quick.port, timeout=10)
    for _ in range(5):
        connection.request("POST", path, b"x" * size)
        response = connection.getresponse()
        assert response.read() and response.status == status
        begun = time.monotonic()
        connection.request("GET", "/ping")
        assert connection.getresponse().read() == b""
        assert time.monotonic() - begun < 2
    connection.close()


def test_pipelined_requests_are_all_answered(quick: Server) -> None:
    with socket.create_connection(("127.0.0.1", quick.port), timeout=5) as client:
        one = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
        client.sendall(one * 2 + one.replace(b"Host", b"Connection: close\r\nHost"))
        answers = received(client)
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 415), (1024 * 1024 + 1, 413)])
def test_a_chunked_body_over_the_limit_is_not_cut_short(size: int, status: int, quick: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", quick.port, timeout=10)
    connection.request("POST", "/invocations", iter([b"x" * size]), encode_chunked=True)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == status, body


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /ping HTTP/1.1\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"no http at all\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nbroken header\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: nonsense\r\n\r\n", 501),
        (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ],
)
def test_what_is_not_http_gets_a_json_error_too(raw: bytes, status: int, quick: Server) -> None:
    with socket.create_connection(("127.0.0.1", quick.port), timeout=5) as client:
        client.sendall(raw)
        answer = received(client)
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and b"Content-Type: application/json" in head
    assert json.loads(body)["error"]["message"]


def test_slow_senders_are_cut_off_and_hold_nobody_up(
    start_slow_server: Callable[..., Server], small_png: bytes
) -> None:
    server = start_slow_server(0, MASKSERVE_READ_SECONDS="2")
    server.wait()
    head = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(150)]
    for i, client in enumerate(slow):
        client.sendall(head if i % 2 else head[:30])
    begun = time.monotonic()
    while time.monotonic() < begun + 1.5:
        assert server.ping() == 200
        time.sleep(0.1)
    answers = [received(client) for client in slow]
    assert time.monotonic() - begun < 6
    for client in slow:
        client.close()
    assert all(b"400" in answer and b"broke off" in answer for answer in answers[1::2])
    assert all(answer == b"" for answer in answers[::2])
    assert server.stop() == 0


HEADS = {
    "idle": b"",
    "head": b"GET /ping HTTP/1.1\r\nHo",
    "body": b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc",
}


@pytest.fixture(scope="module")
def few_descriptors(start_server: Callable[..., Server]) -> Server:
    """A server with room for 200 connections and 133 threads."""
    started = start_server("sh", "-c", f"ulimit -n 300; exec {sys.executable} -m tests.slow_server")
    started.wait()
    return started


@pytest.mark.parametrize("kind", HEADS)
def test_no_number_of_slow_clients_keeps_others_out(kind: str, few_descriptors: Server, small_png: bytes) -> None:
    slow = [socket.create_connection(("127.0.0.1", few_descriptors.port), timeout=10) for _ in range(400)]
    for client in slow:
        with contextlib.suppress(OSError):  # has given way already
            client.sendall(HEADS[kind])
    begun = time.monotonic()
    assert few_descriptors.ping(timeout=10) == 200
    assert time.monotonic() - begun < 5  # 2 s at the most beside other work on two cores; 30 s before
    connection = http.client.HTTPConnection("127.0.0.1", few_descriptors.port, timeout=10)
    connection.request("POST", "/invocations", small_png)
    assert connection.getresponse().status == 200
    connection.close()
    for client in slow:
        client.close()
    assert "ERROR" not in few_descriptors.log.read_text()


def test_bodies_that_do_not_end_take_no_more_than_their_share(quick: Server, small_png: bytes) -> None:
    slow = []
    for i in range(300):
        way = "Content-Length: 1048576\r\n\r\n" if i % 2 else "Transfer-Encoding: chunked\r\n\r\n100000\r\n"
        slow.append(socket.create_connection(("127.0.0.1", quick.port), timeout=10))
        with contextlib.suppress(OSError):  # has given way already
            slow[-1].sendall(f"POST /invocations HTTP/1.1\r\nHost: a\r\n{way}".encode() + bytes(1_000_000))
    for _ in range(5):
        connection = http.client.HTTPConnection("127.0.0.1", quick.port, timeout=10)
        connection.request("POST", "/invocations", small_png + bytes(900_000))
        response = connection.getresponse()
        assert response.status == 200, response.read()
        connection.close()
    time.sleep(1.5)  # those that wait for room have it or are refused
    held = sum(not framing.readable(client) for client in slow)
    for client in slow:
        client.close()
    assert 50 < held <= 105  # megabytes: 100 MiB; all of them before, until their read deadline


def test_the_head_is_bounded_as_a_whole(quick: Server) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(99))
    for raw, status in [(lines[:50_000], 200), (lines, 431)]:
        with socket.create_connection(("127.0.0.1", quick.port), timeout=5) as client:
            client.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + raw + b"\r\n\r\n")
            assert received(client).startswith(b"HTTP/1.1 %d " % status)


def test_a_client_that_takes_its_answer_bit_by_bit_is_given_up(start_slow_server: Callable[..., Server]) -> None:
    server = start_slow_server(0, MASKSERVE_READ_SECONDS="1", SAGEMAKER_MODEL_SERVER_TIMEOUT="2")
    server.wait()
    picture = encode(np.random.default_rng(0).integers(0, 256, (1000, 2000, 3)).astype(np.uint8))
    head = "POST /endpoints/a/invocations-response-stream HTTP/1.1\r\nHost: a\r\nAccept: image/png\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        client.connect(("127.0.0.1", server.port))
        client.sendall(f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture)
        begun = time.monotonic()
        with pytest.raises(ConnectionResetError):
            while time.monotonic() < begun + 20:  # each frame was waited for anew, for minutes
                client.recv(65536)
                time.sleep(0.1)
    assert server.stop() == 0


def test_a_port_that_was_closed_takes_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as port, socket.create_connection(port.getsockname()):
        listener = SimpleNamespace(sock=port, accept=port.accept, getsockname=port.getsockname)
        listener.sock = None
        DrainingWorker.accept(SimpleNamespace(), listener)  # the poller saw one waiting; gunicorn's raises here
