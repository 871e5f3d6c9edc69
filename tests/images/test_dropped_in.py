"""An image source that is written into a folder reads bodies and JSON, with nothing else edited."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Server
from tests.plugged import command

HEX = '''
"""Image source: image files in hexadecimal, separated by commas."""

from container.errors import BadRequest
from container.images.base import Pictures, Source, add, wrong_kind
from container.images.decode import decode


class Hex(Source):
    name, in_json, media_types = "hex", True, ("text/x-hex",)
    schema = {"type": "string", "pattern": "^([0-9a-f]{2},?)*$"}

    def read(self, value, limits, share=None):
        if not isinstance(value, str | bytes):
            raise wrong_kind("hex", value, "a string of digits")
        text = value if isinstance(value, str) else value.decode("ascii", "replace")
        try:
            files = [bytes.fromhex(part) for part in text.split(",")]
        except ValueError:
            raise BadRequest("the value is not hexadecimal") from None
        return Pictures([decode(file, limits, share) for file in files], batch="," in text)


add(Hex())
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start_server: Callable[..., Server]) -> Server:
    folder = tmp_path_factory.mktemp("sources")
    (folder / "hex.py").write_text(HEX)
    server = start_server(*command(container_images_sources=folder))
    server.wait()
    return server


def ask(server: Server, data: bytes, media_type: str) -> tuple[int, Any]:
    request = urllib.request.Request(f"{server.url}/invocations", data, {"Content-Type": media_type})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def in_json(value: object, kind: str = "hex") -> bytes:
    return json.dumps({"image": {"type": kind, "value": value}}).encode()


FOUND = {"labels": ["horse 100%", "person 53%"], "boxes": [[0, 0, 20, 30], [20, 0, 40, 30]]}


def test_it_reads_bodies(server: Server, small_png: bytes) -> None:
    digits = small_png.hex().encode()
    assert ask(server, digits, "text/x-hex") == (200, FOUND)
    assert ask(server, digits + b"," + digits, "text/x-hex") == (200, [FOUND, FOUND])


def test_it_reads_json(server: Server, small_png: bytes) -> None:
    assert ask(server, in_json(small_png.hex()), "application/json") == (200, FOUND)
    assert ask(server, in_json(f"{small_png.hex()},{small_png.hex()}"), "application/json") == (200, [FOUND, FOUND])


@pytest.mark.parametrize(
    ("data", "media_type", "status", "message"),
    [
        (b"zz", "text/x-hex", 400, "the value is not hexadecimal"),
        (in_json(5), "application/json", 400, "the value of 'hex' is a number; wanted: a string of digits"),
        (in_json("", "octal"), "application/json", 400, "the image type is 'octal'; allowed types: base64, hex, url"),
        (b"00", "text/html", 415, "application/x-npy, text/x-hex, application/json"),
    ],
)
def test_errors(data: bytes, media_type: str, status: int, message: str, server: Server) -> None:
    found, document = ask(server, data, media_type)
    assert found == status and document["error"]["message"].endswith(message)


def test_it_is_documented(server: Server) -> None:
    with urllib.request.urlopen(server.url + "/openapi.json") as response:
        body = json.load(response)["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert "text/x-hex" in body
    kinds = body["application/json"]["schema"]["properties"]["image"]["anyOf"]
    assert [kind["properties"]["type"]["enum"] for kind in kinds[1:]] == [["base64"], ["hex"]]
