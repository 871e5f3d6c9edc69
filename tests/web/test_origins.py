"""What browsers are told: security headers, and which pages may call."""

import re
import socket
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import Server, encode
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
APP = "https://app.example.com"
Open = Callable[..., FlaskClient]


@pytest.fixture
def open_to() -> Iterator[Open]:
    """A client of an application that is open to pages of these origins."""
    apps = []

    def make(origins: str, api_key: str = "") -> FlaskClient:
        apps.append(create_app(Settings(cors_origins=origins, api_key=api_key), ready_services(FakeEngine())))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.services.pool.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("POST", "/invocations", 200),
        ("POST", "/endpoints/e/invocations", 200),
        ("GET", "/docs", 200),
        ("GET", "/docs/assets/start.js", 200),
        ("GET", "/docs/assets/swagger-ui.css", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/metrics", 200),
        ("GET", "/invocations", 405),
        ("GET", "/nowhere", 404),
        ("OPTIONS", "/invocations", 200),
    ],
)
def test_security_headers(method: str, path: str, status: int, client: FlaskClient) -> None:
    with client.open(path, method=method, data=PNG) as response:
        headers = response.headers
        assert response.status_code == status
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert headers["Cache-Control"] == ("no-cache" if path.startswith("/docs") else "no-store")
    assert "Server" not in headers  # gunicorn's, without a version, is tested where gunicorn runs


@pytest.mark.parametrize(
    ("origins", "asked", "allowed"),
    [
        ("", APP, None),
        (APP, APP, APP),
        (f"{APP}, http://localhost:3000", "http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000", "http://[::1]:3000"),
        (APP, None, None),
        (APP, "null", None),
        (APP, "http://app.example.com", None),
        (APP, APP + ":8443", None),
        (APP, APP + ".evil.example", None),
        (APP, "https://appXexample.com", None),
        (APP, "https://evil.example", None),
        ("http://[::1]:3000", "http://::1:3000", None),
    ],
)
def test_origins(origins: str, asked: str | None, allowed: str | None, open_to: Open) -> None:
    client = open_to(origins)
    headers = {"Origin": asked} if asked else {}
    for response in (
        client.post("/invocations", data=PNG, headers=headers),
        client.post("/invocations", data=b"no picture", headers=headers),
        client.get("/nowhere", headers=headers),
        client.options("/invocations", headers={**headers, "Access-Control-Request-Method": "POST"}),
    ):
        assert response.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert ("Access-Control-Expose-Headers" in response.headers) is (allowed is not None)
        assert not allowed or response.headers["Vary"] == "Origin"


def test_a_preflight(open_to: Open) -> None:
    asked = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-amzn-sagemaker-custom-attributes, x-api-key",
        "Access-Control-Request-Private-Network": "true",
    }
    response = open_to(APP, "a-key-of-8").options("/invocations", headers=asked)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert "x-api-key" in response.headers["Access-Control-Allow-Headers"]
    assert response.headers["Access-Control-Max-Age"] == "600"
    assert response.headers["Access-Control-Allow-Private-Network"] == "false"


def test_all_origins_take_a_key(open_to: Open) -> None:
    client = open_to("*", "a-key-of-8")
    refused = client.post("/invocations", data=PNG, headers={"Origin": APP})
    answered = client.post("/invocations", data=PNG, headers={"Origin": APP, "X-Api-Key": "a-key-of-8"})
    assert (refused.status_code, answered.status_code) == (401, 200)
    assert refused.headers["Access-Control-Allow-Origin"] == answered.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answered.headers


def test_what_gunicorn_adds(start_slow_server: Callable[..., Server]) -> None:
    server = start_slow_server(0)
    server.wait()
    for request in (b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"no HTTP\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            head = b"".join(iter(lambda: client.recv(65536), b"")).split(b"\r\n\r\n")[0].decode()
        assert "X-Content-Type-Options: nosniff" in head and "Cache-Control: no-store" in head
        assert re.search(r"(?i)(^|\n)(server: (?!gunicorn\r)|x-powered-by|via)", head) is None
    assert server.stop() == 0
