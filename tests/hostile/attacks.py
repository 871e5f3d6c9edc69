"""Requests that are meant to do harm, as bytes on a connection, and what a good server makes of each.

A good server answers soon, with one of the statuses named, a JSON error that tells nothing of its inside, and goes on.
"""

import json
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from tests.conftest import Server, encode
from tests.images.pictures import png

SECONDS = 5.0
_INSIDE = re.compile(rb"Traceback|File \"/|site-packages|werkzeug|PIL|<html", re.IGNORECASE)


@dataclass(frozen=True)
class Attack:
    """What is sent, and the statuses that are right; 0 is a connection closed without an answer."""

    sent: bytes
    right: tuple[int, ...]


def _post(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["POST /invocations HTTP/1.1", "Host: a", "Connection: close", *headers]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _chunked(body: bytes) -> bytes:
    return _post(body, "Transfer-Encoding: chunked", length=-1)


_JSON = "Content-Type: application/json"
_PICTURE = encode(np.full((8, 8, 3), 90, np.uint8))
_PHOTO = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")

ATTACKS = {
    "no picture": Attack(_post(b"not a picture"), (415,)),
    "nothing": Attack(_post(b""), (400,)),
    "cut short": Attack(_post(_PHOTO[: len(_PHOTO) // 2]), (400,)),
    "400 megapixels in 100 bytes": Attack(_post(png(20000, 20000)), (413,)),
    "another format": Attack(_post(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), (415,)),
    "JSON of the wrong kind": Attack(_post(b"[1, 2]", _JSON), (400,)),
    "JSON of a wrong value": Attack(_post(b'{"image": 7}', _JSON), (400,)),
    "JSON 100,000 deep": Attack(_post(b"[" * 100_000, _JSON), (400,)),
    "a pickle": Attack(_post(b"\x80\x04.", "Content-Type: application/x-pickle"), (415,)),
    "an answer that is not offered": Attack(_post(_PICTURE, "Accept: text/html"), (406,)),
    "10 GB announced": Attack(_post(b"x", length=10**10), (413,)),
    "a chunk that is no number": Attack(_chunked(b"zz\r\nabc\r\n0\r\n\r\n"), (400,)),
    "a chunk of 2^68 bytes": Attack(_chunked(b"f" * 17 + b"\r\nabc"), (400, 413)),
    "two lengths": Attack(_post(_PICTURE, "Content-Length: 1"), (400, 0)),
    "length and chunks": Attack(_post(b"0\r\n\r\n", "Transfer-Encoding: chunked", length=5), (400, 0)),
    "a transfer coding that nobody undoes": Attack(_post(_PICTURE, "Transfer-Encoding: gzip"), (400, 501)),
    "a header of 64 KB": Attack(_post(_PICTURE, "A: " + "a" * 65536), (400, 431)),
    "no HTTP": Attack(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", (400, 0)),
    "no such route": Attack(b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", (400, 404)),
    "no such method": Attack(b"DELETE /invocations HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", (405,)),
}


def harm(server: Server, attack: Attack) -> str:
    """What an attack did that it should not, or ""."""
    begun = time.monotonic()
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as client, suppress(OSError):
        client.sendall(attack.sent)
        while part := client.recv(65536):
            answer += part
            if time.monotonic() - begun > SECONDS:
                break
    if time.monotonic() - begun >= SECONDS:
        return "no answer"
    status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
    if status not in attack.right:
        return f"answered {status} instead of {attack.right}"
    if _INSIDE.search(answer):
        return "tells of its inside"
    if status:
        try:
            document = json.loads(answer.split(b"\r\n\r\n", 1)[1])
            document.get("error", document)["message"]  # the latter is the shape of Roboflow's paths
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return f"answered {status} without a JSON error"
    return "" if server.ping() == 200 else "/ping fails"
