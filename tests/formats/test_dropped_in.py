"""A format that is written into a folder is negotiated, documented and on the command line; nothing else is edited."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Server, pixels_of
from tests.plugged import command

WEBP = '''
"""“webp”: the picture, lossy."""

import cv2

from container.formats import Format, add
from container.rendering import draw


class WebP(Format):
    name, media_type, aliases = "webp", "image/webp", ("wp",)

    def encode(self, result, choice):
        drawn = draw(result.image.pixels, result.prediction, choice.appearance)
        bgr = cv2.cvtColor(drawn[..., :3], cv2.COLOR_RGB2BGR)
        return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()


add(WebP())
'''
COUNT = '''
"""“count”: how much was found; another answer in JSON."""

from container.formats import Format, add


class Count(Format):
    name, media_type, text = "count", "application/json", True
    schemas = ({"type": "integer"},)

    def encode(self, result, choice):
        return b"%d" % len(result.prediction)


add(Count())
'''
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    (folder / "webp.py").write_text(WEBP)
    (folder / "count.py").write_text(COUNT)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, start_server: Callable[..., Server]) -> Server:
    server = start_server(*command(container_formats=folder))
    server.wait()
    return server


def ask(url: str, data: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers["Content-Type"], response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


@pytest.mark.parametrize(
    ("accept", "attributes", "media_type"),
    [
        ("image/webp", "", "image/webp"),
        ("image/wp", "", "image/webp"),
        ("image/png;q=0.5, image/webp", "", "image/webp"),
        ("*/*", '{"response_type": "webp"}', "image/webp"),
        ("*/*", '{"response_type": "wp"}', "image/webp"),
        ("image/*", '{"response_type": "webp"}', "image/webp"),
        ("image/*", "", "image/jpeg"),
        ("*/*", "", "application/json"),
        ("application/json", '{"format": "count"}', "application/json"),
        ("image/webp", '{"format": "count"}', "image/webp"),
    ],
)
def test_it_is_negotiated(accept: str, attributes: str, media_type: str, server: Server, small_png: bytes) -> None:
    headers = {"Accept": accept, ATTRIBUTES: attributes}
    status, kind, body = ask(f"{server.url}/invocations", small_png, **headers)
    assert (status, kind) == (200, media_type)
    if media_type == "image/webp":
        assert body[8:12] == b"WEBP" and pixels_of(body).shape == (30, 40, 3)
    elif "count" in attributes:
        assert body == b"2"


def test_errors_name_it(server: Server, small_png: bytes) -> None:
    status, _, body = ask(f"{server.url}/invocations", small_png, Accept="text/html")
    assert status == 406 and json.loads(body)["error"]["message"].endswith("text/plain, image/webp")
    status, _, body = ask(f"{server.url}/invocations", small_png, **{ATTRIBUTES: '{"response_type": "tiff"}'})
    assert status == 400 and '"webp", "wp"' in json.loads(body)["error"]["message"]


def test_it_is_documented(server: Server) -> None:
    invocations = json.loads(ask(server.url + "/openapi.json")[2])["paths"]["/invocations"]["post"]
    content = invocations["responses"]["200"]["content"]
    assert content["image/webp"] == {"schema": {"type": "string", "format": "binary"}}
    assert {"type": "integer"} in content["application/json"]["schema"]["anyOf"]
    properties = invocations["parameters"][0]["content"]["application/json"]["schema"]["properties"]
    assert properties["response_type"]["enum"][-2:] == ["webp", "wp"]
    assert properties["format"]["enum"] == ["", "clarify", "count"]


def test_an_operator_may_make_it_the_default(
    folder: Path, start_server: Callable[..., Server], small_png: bytes
) -> None:
    server = start_server(*command(container_formats=folder), SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="image/webp")
    server.wait()
    assert ask(f"{server.url}/invocations", small_png, Accept="*/*")[1] == "image/webp"


def test_it_is_on_the_command_line(folder: Path, small_png: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(small_png)

    def predict(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        line = command("predict", str(tmp_path / "photo.png"), *arguments, container_formats=folder)
        return subprocess.run(line, capture_output=True, cwd=ROOT, timeout=60)

    done = predict("--format", "webp", "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert pixels_of((tmp_path / "out" / "photo.webp").read_bytes()).shape == (30, 40, 3)
    assert predict("--format", "count").stdout == b"0\n"
    assert b"[json|jpeg|png|jsonlines|clarify|txt|count|webp]" in predict("--help").stdout
