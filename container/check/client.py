"""A plain HTTP client, which sees what a client library would smooth over: lost connections, early answers, times."""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from container.check.findings import Wrong

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
ANSWER_SECONDS = 60.0  # a real-time invocation may take so long
PING_SECONDS = 2.0  # after which SageMaker gives a /ping up

Headers = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    @property
    def media_type(self) -> str:
        """Content-Type without its parameters."""
        return (self.headers["Content-Type"] or "").split(";")[0].strip().lower()

    def json(self) -> Any:
        """The body's JSON; Wrong where it is none, or is not called so."""
        try:
            document = json.loads(self.body)
        except ValueError:
            raise Wrong(f"{self} is not JSON: {self.body[:60]!r}") from None
        if self.media_type != "application/json":
            raise Wrong(f"{self} is JSON by its body only")
        return document

    def __str__(self) -> str:
        return f"{self.status} {self.media_type or 'without Content-Type'}"


class Client:
    """Sends requests to one server, each on a connection of its own."""

    def __init__(self, url: str, headers: Headers | None = None) -> None:
        """`url` is the server's, with or without a path in front of /ping; `headers` go with every request."""
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a server, such as http://127.0.0.1:8080")
        self._secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._headers = dict(headers or {})

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Headers | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """Send and read whole; OSError or HTTPException where the connection is lost."""
        begun = time.monotonic()
        connection = self._connection(seconds)
        try:
            with suppress(BrokenPipeError):  # refused before all was sent; the answer may be there
                connection.request(method, self._prefix + path, body, {**self._headers, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read(), time.monotonic() - begun)
        finally:
            connection.close()

    def invoke(
        self,
        body: bytes | Iterator[bytes],
        accept: str | None = None,
        attributes: str | None = None,
        content_type: str | None = "image/jpeg",
        path: str = "/invocations",
    ) -> Answer:
        """POST a picture, in chunks where it comes so; what is None is not sent."""
        given = {"Content-Type": content_type, "Accept": accept, ATTRIBUTES: attributes and attributes.encode()}
        return self.request("POST", path, body, {name: value for name, value in given.items() if value is not None})

    def announce(self, length: int, seconds: float) -> Answer:
        """POST the head of a request whose body of `length` bytes never comes."""
        begun = time.monotonic()
        connection = self._connection(seconds)
        try:
            connection.putrequest("POST", self._prefix + "/invocations")
            announced = {"Content-Type": "image/jpeg", "Content-Length": str(length)}
            for name, value in {**self._headers, **announced}.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read(), time.monotonic() - begun)
        finally:
            connection.close()

    def ping(self) -> Answer:
        """GET /ping, for no longer than SageMaker waits."""
        return self.request("GET", "/ping", seconds=PING_SECONDS)

    def connect(self, seconds: float) -> float:
        """Seconds until a connection is there."""
        begun = time.monotonic()
        socket.create_connection((self.host, self.port), timeout=seconds).close()
        return time.monotonic() - begun

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=seconds)
