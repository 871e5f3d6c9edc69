"""Answers that are sent while they are made: when each line comes, and what is left when nobody reads on."""

import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import Server, encode
from tests.fakes import FakeEngine, TricklingEngine, ready_services
from tests.faults.crowd import vanishing

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LINES = "application/jsonlines"
RLE = {ATTRIBUTES: '{"masks": "rle"}'}
STREAM = "/endpoints/any/invocations-response-stream"
COUNT, EACH = 20, 0.05  # masks, and seconds that one takes


def lines(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()]


@pytest.mark.parametrize("headers", [{"Accept": LINES}, {ATTRIBUTES: '{"response_type": "jsonlines"}'}])
@pytest.mark.parametrize("path", ["/invocations", "/endpoints/any/invocations"])
def test_lines(path: str, headers: dict[str, str], client: FlaskClient) -> None:
    response = client.post(path, data=PNG, headers=headers)
    assert (response.status_code, response.content_type) == (200, LINES)
    assert lines(response.data) == [
        {"label": "horse 100%", "box": [0, 0, 20, 30]},
        {"label": "person 53%", "box": [20, 0, 40, 30]},
    ]
    assert json.loads(response.headers[ATTRIBUTES])["n"] == 2
    assert ("Content-Length" in response.headers) is path.startswith("/endpoints")


def test_nothing_found_is_no_line(client: FlaskClient) -> None:
    response = client.post("/invocations", data=PNG, headers={"Accept": LINES, ATTRIBUTES: '{"confidence": 1}'})
    assert (response.status_code, response.data) == (200, b"")


def test_http_1_0_gets_it_whole(client: FlaskClient) -> None:
    environ = {"SERVER_PROTOCOL": "HTTP/1.0"}
    response = client.post("/invocations", data=PNG, headers={"Accept": LINES}, environ_overrides=environ)
    assert response.content_length == len(response.data) > 0


@pytest.mark.parametrize("path", ["/invocations", "/endpoints/any/invocations", STREAM])
def test_what_breaks_before_the_first_byte_is_an_error(path: str) -> None:
    client = create_app(Settings(), ready_services(TricklingEngine(breaks_at=0))).test_client()
    response = client.post(path, data=PNG, headers={"Accept": LINES, **RLE})
    assert response.status_code == (500 if path == "/invocations" else 424)
    assert "secret" not in response.text


@pytest.mark.parametrize("path", ["/invocations", STREAM])
def test_the_deadline_ends_a_stream(path: str) -> None:
    engine = TricklingEngine(count=50, mask_seconds=0.02)
    client = create_app(Settings(), ready_services(engine, deadline_seconds=0.3)).test_client()
    headers = {"Accept": LINES, **RLE}
    if path == "/invocations":
        with pytest.raises(ConnectionResetError):
            _ = client.post(path, data=PNG, headers=headers).data
    else:
        body = client.post(path, data=PNG, headers=headers).data
        assert b'"ErrorCode": "ModelInvocationTimeExceeded"' in body[-200:]
        assert b"before the answer was complete; the slowest stage was 'encode'" in body[-300:]


def test_the_picture_is_not_held_while_lines_are_made() -> None:
    services = ready_services(FakeEngine())
    client = create_app(Settings(), services).test_client()
    response = client.post("/invocations", data=PNG, headers={"Accept": LINES, **RLE}, buffered=False)
    pieces = response.iter_encoded()
    assert next(pieces)
    assert services.pipeline.pixels.held == 0
    response.close()


@pytest.fixture(scope="module")
def trickling(start_slow_server: Callable[..., Server]) -> Server:
    """A server of which each mask takes its time."""
    server = start_slow_server(0, MASKSERVE_TEST_MASKS=str(COUNT), MASKSERVE_TEST_MASK_SECONDS=str(EACH))
    server.wait()
    return server


@contextmanager
def ask(server: Server, path: str = "/invocations") -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", path, PNG, {"Accept": LINES, **RLE})
    response = connection.getresponse()
    assert response.status == 200
    yield response
    connection.close()


def logged(server: Server, request_id: str) -> dict[str, Any]:
    """The log's line of one request, which comes when its answer has ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for line in server.log.read_text().splitlines():
            if line.startswith("{") and json.loads(line).get("request_id") == request_id:
                return dict(json.loads(line))
        time.sleep(0.05)
    raise AssertionError(f"{request_id} is not in the log")


def test_lines_come_while_masks_are_made(trickling: Server) -> None:
    begun = time.monotonic()
    with ask(trickling) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        first = response.readline()
        until_first = time.monotonic() - begun
        rest = response.read()
    whole = time.monotonic() - begun
    assert len(lines(first + rest)) == COUNT
    assert whole > COUNT * EACH and until_first < whole / 2
    line = logged(trickling, response.headers["X-Request-Id"])
    assert line["status"] == 200 and line["bytes_out"] == len(first + rest)
    assert line["stages_ms"]["encode"] > 1000 * COUNT * EACH * 0.9


def test_who_leaves_ends_the_work(trickling: Server) -> None:
    client = vanishing(trickling)
    head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nAccept: {LINES}\r\n{ATTRIBUTES}: {RLE[ATTRIBUTES]}\r\n"
    client.sendall(f"{head}X-Request-Id: gone\r\nContent-Length: {len(PNG)}\r\n\r\n".encode() + PNG)
    assert client.recv(100)
    client.close()
    line = logged(trickling, "gone")
    assert (line["level"], line["broke"]) == ("INFO", "client_gone")
    assert line["stages_ms"]["encode"] < 1000 * COUNT * EACH / 2
    with urllib.request.urlopen(trickling.url + "/metrics", timeout=5) as response:
        assert b"maskserve_requests_in_flight 1.0" in response.read()  # this one


def test_a_stream_that_breaks_is_seen_to_break(start_slow_server: Callable[..., Server]) -> None:
    server = start_slow_server(
        0, MASKSERVE_TEST_MASKS="9", MASKSERVE_TEST_MASK_SECONDS="0.01", MASKSERVE_TEST_BREAKS_AT="5"
    )
    server.wait()
    with ask(server) as response, pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    assert len(lines(caught.value.partial)) == 5
    lines_of_log = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (alarm,) = [line for line in lines_of_log if line["level"] != "INFO"]  # one line, ours, with the traceback
    assert (alarm["level"], alarm["broke"]) == ("ERROR", "internal_error") and "a secret of the mask" in alarm["error"]
    with ask(server, STREAM) as response:
        body = response.read()
    assert body.count(b"PayloadPart") == 5 and body.count(b"ModelStreamError") == 1
    assert b"secret" not in body and b'"ErrorCode": "StreamBroken"' in body
    assert server.stop() == 0


def test_sigterm_lets_streams_end(start_slow_server: Callable[..., Server]) -> None:
    server = start_slow_server(0, MASKSERVE_TEST_MASKS="40", MASKSERVE_TEST_MASK_SECONDS="0.1")
    server.wait()
    found: list[bytes] = []

    def read() -> None:
        with ask(server) as response:
            found.append(response.read())

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.5)
    assert server.stop() == 0
    reader.join()
    assert len(lines(found[0])) == 40
