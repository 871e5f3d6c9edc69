"""A protocol that is written into a folder is spoken, over HTTP, with nothing else edited."""

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Blueprint

from container import protocols
from container.app import create_app
from container.service import Services
from container.settings import Settings
from container.web.body import BodyLimits
from container.web.protocol import Protocol
from container.web.protocol import protocols as registered
from tests.conftest import Server, encode
from tests.fakes import FakeEngine, ready_services
from tests.plugged import command

ECHO = """
from dataclasses import dataclass

from flask import Blueprint, request

from container import environment
from container.formats import formats
from container.images.sources import read_json as read_image
from container.structures import Choice
from container.web.body import BodyLimits, read_json, read_pieces, takes_json
from container.web.openapi import operation
from container.web.protocol import Protocol, protocols
from flask import g


@dataclass(frozen=True)
class EchoSettings:
    word: str = environment.setting("echo", "What is answered.", "ECHO_WORD")


class Echo(Protocol):
    name = "echo"
    prefixes = ("/echo", "/<project>/<version>")
    open_routes = ("/echo/word",)
    key_field = "api_key"
    body_limits = {
        "/echo/<kind>/upload": BodyLimits(3 * 2**20, seconds=1, min_rate=65_536, in_memory=False),
        "/echo/infer": BodyLimits(100_000),
        "/<project>/<version>": BodyLimits(3 * 2**20),
    }

    def __init__(self, all_settings):
        super().__init__(all_settings)
        self.own = environment.read(EchoSettings, all_settings.environ)

    def blueprints(self, services):
        blueprint = Blueprint("echo", __name__)

        @blueprint.get("/echo/word")
        def word():
            return {"word": self.own.word}

        @blueprint.post("/echo/infer")
        @operation("What is in a picture", {"200": {"description": "Labels"}})
        @takes_json()
        def infer():
            value = read_json(request)["image"]
            form, choice = formats["json"], Choice("json")
            with services.pipeline.open(services.pool.policy.served, g.context) as run:
                images = run.decode(lambda limits, share: read_image(value, limits, share)).images
                return run.encode(form, run.predict(images, choice.options, form.needs_masks(choice)), choice)

        @blueprint.post("/echo/<kind>/upload")
        def upload(kind):
            return {"kind": kind, "bytes": sum(map(len, read_pieces(request)))}

        @blueprint.get("/echo/broken")
        def broken():
            raise RuntimeError("a secret")

        @blueprint.post("/<project>/<version>")
        def catch_all(project, version):
            return {"model": f"{project}/{version}"}

        yield blueprint

    def error_document(self, error, request_id):
        return {"message": error.message, "id": request_id}

    def components(self):
        return {"schemas": {"Word": {"type": "string"}}}


protocols.add("echo", Echo)
"""

PATHS = """
from flask import Blueprint

from container.web.protocol import Protocol, protocols


class Paths(Protocol):
    name = "paths"
    prefixes = ("/paths",)
    doubled_slashes = "data"

    def blueprints(self, services):
        blueprint = Blueprint("paths", __name__)

        @blueprint.get("/paths/<path:rest>")
        def rest(rest):
            return {"rest": rest}

        yield blueprint


protocols.add("paths", Paths)
"""

KEY = "a-key-of-8"
IMAGE = base64.b64encode(encode(np.full((30, 40, 3), 128, np.uint8))).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protocols")
    (folder / "echo.py").write_text(ECHO)
    (folder / "paths.py").write_text(PATHS)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, start_server: Callable[..., Server]) -> Server:
    """Speaks SageMaker and both protocols, with a fake model; bodies may have 1 MB and take a second."""
    server = start_server(
        *command(container_protocols=folder),
        MASKSERVE_API_KEY=KEY,
        MASKSERVE_ECHO_WORD="of its own",
        MASKSERVE_PROTOCOLS="sagemaker,echo,paths",  # Roboflow's has the same catch-all
        MASKSERVE_READ_SECONDS="1",
        SAGEMAKER_MAX_PAYLOAD_IN_MB="1",
    )
    server.wait()
    return server


def ask(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, body, headers)
    with connection.getresponse() as response:
        data = response.read()
    connection.close()
    return response.status, json.loads(data) if data else None


def with_key(**document: object) -> bytes:
    return json.dumps({"api_key": KEY, **document}).encode()


SAGEMAKER, RUNTIME, ECHOED = {"error"}, {"Message"}, {"message", "id"}  # the members of an error


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "members"),
    [
        pytest.param("GET", "/echo/word", b"", 200, {"word"}, id="open"),
        pytest.param("POST", "/echo/infer", with_key(image=IMAGE), 200, {"labels", "boxes"}, id="key-in-the-body"),
        pytest.param("POST", "/echo/infer", b'{"image": "no picture"}', 401, ECHOED, id="401"),
        pytest.param("POST", "/echo/infer", b'{"api_key": "None"}', 401, ECHOED, id="401-wrong-key"),
        pytest.param("POST", "/echo/infer", b'{"api_key": ["a-key-of-8"]}', 401, ECHOED, id="401-key-of-another-kind"),
        pytest.param("POST", "/echo/infer", b"{", 401, ECHOED, id="401-no-json"),
        pytest.param("POST", "/echo/infer", b"[" * 20_000, 401, ECHOED, id="401-too-many-parts"),
        pytest.param("POST", "/echo/a/upload", with_key(), 401, ECHOED, id="401-no-json-route"),
        pytest.param("POST", "/invocations", with_key(image=IMAGE), 401, SAGEMAKER, id="401-of-the-other"),
        pytest.param("POST", "/echo/infer", with_key(image="?"), 400, ECHOED, id="400"),
        pytest.param("POST", "/echo/infer", with_key(image="A" * 100_000), 413, ECHOED, id="413-own-limit"),
        pytest.param("GET", "/echo/nothing?api_key=" + KEY, b"", 404, ECHOED, id="404"),
        pytest.param("PUT", "/echo/infer?api_key=" + KEY, b"", 405, ECHOED, id="405"),
        pytest.param("GET", "/echo/broken?api_key=" + KEY, b"", 500, ECHOED, id="500"),
        pytest.param("GET", "/nothing?api_key=" + KEY, b"", 404, SAGEMAKER, id="404-of-nobody"),
        pytest.param("POST", "/project/3?api_key=" + KEY, b"", 200, {"model"}, id="catch-all"),
        pytest.param("GET", "/project/3?api_key=" + KEY, b"", 405, ECHOED, id="catch-all-405"),
        pytest.param("POST", "/project/3", b"", 401, ECHOED, id="catch-all-401"),
        pytest.param("POST", "/docs/a?api_key=" + KEY, b"", 404, SAGEMAKER, id="fixed-prefix-wins"),
        pytest.param("POST", "/endpoints/a?api_key=" + KEY, b"", 404, RUNTIME, id="prefix-of-the-other-wins"),
        pytest.param("POST", "/async/a?api_key=" + KEY, b"", 405, RUNTIME, id="fixed-route-wins-for-every-method"),
        pytest.param("GET", "//echo///word", b"", 200, {"word"}, id="doubled-slashes"),
    ],
)
def test_answers(method: str, path: str, body: bytes, status: int, members: set[str], server: Server) -> None:
    found, document = ask(server, method, path, body)
    assert (found, set(document)) == (status, members), document
    assert "secret" not in str(document) and KEY not in str(document)


def test_its_own_settings(server: Server) -> None:
    assert ask(server, "GET", "/echo/word") == (200, {"word": "of its own"})


@pytest.mark.parametrize("path", ["a//b", "a/b//"])
def test_doubled_slashes_are_data(path: str, server: Server) -> None:
    assert ask(server, "GET", "/paths/" + path, Authorization=f"Bearer {KEY}") == (200, {"rest": path})


@pytest.mark.parametrize("base", ["/paths/", "/paths//", "//paths"])
def test_doubled_slashes_of_a_base_address_are_one(base: str, server: Server) -> None:
    assert ask(server, "GET", base + "/a//b", Authorization=f"Bearer {KEY}") == (200, {"rest": "a//b"})


def test_it_is_documented(server: Server) -> None:
    document = ask(server, "GET", "/openapi.json", Authorization=f"Bearer {KEY}")[1]
    assert {"/echo/infer", "/invocations"} <= set(document["paths"])
    assert document["components"]["schemas"] == {"Word": {"type": "string"}}


@pytest.mark.parametrize(
    ("path", "megabytes", "status"),
    [
        ("/echo/a/upload", 2, 200),
        ("/echo/a/upload", 4, 413),
        ("/echo/infer", 2, 413),
        ("/invocations", 2, 413),
        ("/endpoints/any/invocations", 2, 400),  # which a catch-all matches, too
    ],
)
def test_a_limit_of_its_own_loosens_no_other(path: str, megabytes: int, status: int, server: Server) -> None:
    found, document = ask(server, "POST", f"{path}?api_key={KEY}", bytes(megabytes << 20))
    assert found == status
    assert status != 200 or document == {"kind": "a", "bytes": megabytes << 20}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        pytest.param(b"5\r\nabcde\r\n0\r\n\r\n", 200, "", id="whole"),
        pytest.param(b"zz\r\n", 400, "the body", id="malformed"),
        pytest.param(b"5\r\nab", 400, "broke off", id="cut-off"),
        pytest.param(b"400000\r\n", 413, "the body is over 3 MB", id="too-large"),
    ],
)
def test_chunks_of_an_upload(body: bytes, status: int, message: str, server: Server) -> None:
    head = f"POST /echo/a/upload?api_key={KEY} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert answer.startswith(b"HTTP/1.1 %d " % status) and message in document.get("message", "")


@pytest.mark.alone
@pytest.mark.parametrize(("path", "status"), [("/echo/a/upload", 200), ("/invocations", 400)])
def test_a_least_rate_in_place_of_a_time(path: str, status: int, server: Server) -> None:
    pieces, size = 8, 60_000  # 0.4 s apart: faster than 64 KB/s, and longer than a second and the next look at it
    head = f"POST {path}?api_key={KEY} HTTP/1.1\r\nHost: a\r\nContent-Length: {pieces * size}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head.encode())
        with suppress(BrokenPipeError, ConnectionResetError):  # who is cut off is answered
            for _ in range(pieces):
                client.sendall(bytes(size))
                time.sleep(0.4)
        assert client.recv(65536).startswith(b"HTTP/1.1 %d" % status)


@pytest.mark.alone
def test_who_keeps_no_rate_is_not_waited_for(server: Server) -> None:
    head = f"POST /echo/a/upload?api_key={KEY} HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head.encode() + bytes(1000))
        begun = time.monotonic()
        assert client.recv(65536).startswith(b"HTTP/1.1 ")
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("request_line", "members"),
    [(b"GET /echo/word HTTP/1.1\r\nHost: a\r\nbroken", ECHOED - {"id"}), (b"GET /ping HTTP/1.1\r\nbroken", SAGEMAKER)],
)
def test_what_is_no_http_is_refused_in_its_words(request_line: bytes, members: set[str], server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request_line + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and members <= set(json.loads(body))


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("", {"sagemaker", "roboflow", "nucleus"}), ("echo", {"echo"}), ("paths,sagemaker", {"sagemaker", "paths"})],
)
def test_the_operator_chooses(wanted: str, spoken: set[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if wanted:
        monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(folder)])
    site = create_app(Settings(protocols=wanted), ready_services(FakeEngine()))
    site.services.pool.close()
    assert {protocol.name for protocol in site.protocols} == spoken | {"common"}
    assert (site.test_client().get("/ping").status_code == 200) is ("sagemaker" in spoken)


def test_a_protocol_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="MASKSERVE_PROTOCOLS names 'corba'; it takes nucleus, roboflow, sagemaker"):
        create_app(Settings(protocols="sagemaker,corba"), ready_services(FakeEngine()))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"prefixes": ("/ping",)}, "protocols sagemaker and odd both have /ping"),
        ({"prefixes": ("/odd",), "body_limits": {"/invocations": BodyLimits(2**40)}}, "odd sets the limits of /invoc"),
        ({"prefixes": ("/elsewhere",)}, "/odd/a is below no prefix of protocol odd"),
    ],
)
def test_what_a_protocol_may_not_take(
    members: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Odd(Protocol):
        name = "odd"

        def blueprints(self, services: Services) -> Iterator[Blueprint]:
            blueprint = Blueprint("odd", __name__)
            blueprint.get("/odd/a")(lambda: "")
            yield blueprint

    for name, value in members.items():
        setattr(Odd, name, value)
    (tmp_path / "odd.py").touch()
    monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(tmp_path)])
    monkeypatch.setitem(registered, "odd", Odd)
    services = ready_services(FakeEngine())
    with pytest.raises(ValueError, match=reason):
        create_app(Settings(protocols="sagemaker,odd"), services)
    services.pool.close()
