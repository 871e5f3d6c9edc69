"""Clients that leave while their request waits."""

import http.client
import socket
import struct
import time
from collections.abc import Callable

import pytest

from container.web.request_log import disconnected
from tests.conftest import Server

pytestmark = pytest.mark.alone


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        pytest.param(lambda client: None, False, id="waits"),
        pytest.param(lambda client: client.sendall(b"GET /ping"), False, id="sends the next request"),
        pytest.param(lambda client: client.close(), True, id="closes"),
        pytest.param(reset, True, id="resets"),
    ],
)
@pytest.mark.parametrize("shut", [False, True])
@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells")
def test_gone(act: Callable[[socket.socket], None], expected: bool, shut: bool) -> None:
    client, ours = pair()
    with client, ours:
        if shut:
            ours.shutdown(socket.SHUT_RD)  # as after the read deadline
        act(client)
        time.sleep(0.05)
        assert disconnected({"gunicorn.socket": ours}) is expected


def test_without_a_socket_nobody_is_gone() -> None:
    assert not disconnected({})


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells")
@pytest.mark.parametrize("leave", [reset, socket.socket.close])
def test_the_model_does_not_work_for_who_is_gone(
    leave: Callable[[socket.socket], None], start_slow_server: Callable[..., Server], small_png: bytes
) -> None:
    server = start_slow_server(1)
    server.wait()
    request = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(small_png) + small_png
    for _ in range(20):  # the first is predicted
        client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        client.sendall(request)
        time.sleep(0.02)
        leave(client)
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/invocations", small_png)
    assert connection.getresponse().status == 200
    assert time.monotonic() - begun < 10
    connection.close()
    log = server.log.read_text()
    assert log.count('"status": 499') == 19 and "Traceback" not in log
    assert server.stop() == 0
