"""What the worker mends in gunicorn: requests that follow each other on one connection."""

import http.client
import socket
import time
from collections.abc import Callable

import pytest

from tests.conftest import Server


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
        answers = b""
        while data := client.recv(65536):
            answers += data
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(("size", "status"), [(1024 * 1024, 415), (1024 * 1024 + 1, 413)])
def test_a_chunked_body_over_the_limit_is_not_cut_short(size: int, status: int, quick: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", quick.port, timeout=10)
    connection.request("POST", "/invocations", iter([b"x" * size]), encode_chunked=True)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == status, body
