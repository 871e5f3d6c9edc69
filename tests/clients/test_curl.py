"""What curl does to a request on its own, and what it asks of a server that other clients do not."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.conftest import PERSON
from tests.conftest import Server

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class Answer(NamedTuple):
    status: int
    head: str  # of the final response
    body: str
    sent: str  # the head of the request


def curl(url: str, *options: str) -> Answer:
    """Run curl; what it said in the first request and what it was answered."""
    done = subprocess.run(
        ["curl", "-sSv", "--noproxy", "*", "-m", "30", *options, url], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    received = "\n".join(line[2:] for line in lines if line.startswith("< "))
    final = received[received.rindex("HTTP/1") :]
    sent = "\n".join(line[2:] for line in lines if line.startswith("> "))
    return Answer(int(final.split()[1]), final, done.stdout, sent)


@pytest.fixture(scope="module")
def photo(astronaut: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("curl") / "photo.jpg"
    path.write_bytes(astronaut)
    return f"@{path}"


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ([], "Content-Type: application/x-www-form-urlencoded"),
        (["-H", "Content-Type:"], "Accept: */*"),
        (["-0"], "HTTP/1.0"),
        (["-H", "Transfer-Encoding: chunked"], "Transfer-Encoding: chunked"),
        (["-H", "Expect: 100-continue"], "Expect: 100-continue"),
        (["-H", "Host: model.aws.local:8080"], "Host: model.aws.local:8080"),
        (["--aws-sigv4", "aws:amz:us-east-1:sagemaker", "-u", "key:secret"], "Authorization: AWS4-HMAC-SHA256"),
        (["--compressed"], "Accept-Encoding:"),
        (["--http2"], "Upgrade: h2c"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.parametrize("path", ["/invocations", "/endpoints/any/invocations"])
def test_ways_to_send(server: Server, photo: str, path: str, options: list[str], sent: str) -> None:
    answer = curl(server.url + path, *options, "--data-binary", photo)
    assert sent in answer.sent
    assert answer.status == 200, answer.body
    assert PERSON.fullmatch(json.loads(answer.body)["labels"][0])
    assert "Content-Encoding" not in answer.head  # boto3 would hand compressed bytes on


def test_a_body_is_asked_for_before_it_is_sent(server: Server, photo: str) -> None:
    answer = curl(
        server.url + "/invocations", "-H", "Expect: 100-continue", "--data-binary", photo, "-w", "%{size_upload}"
    )
    assert answer.status == 200 and answer.body.endswith(str(Path(photo[1:]).stat().st_size))


@pytest.fixture(scope="module")
def one_megabyte(start_slow_server: Callable[..., Server]) -> Server:
    """A server that takes 1 MB."""
    server = start_slow_server(0, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    server.wait()
    return server


@pytest.mark.parametrize("header", ["Expect: 100-continue", "Expect:", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("size", [2**20 + 1, 8 * 2**20])
def test_a_body_over_the_limit(one_megabyte: Server, tmp_path: Path, header: str, size: int) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(size))
    answer = curl(one_megabyte.url + "/invocations", "-H", header, "--data-binary", f"@{big}")
    assert answer.status == 413, answer.body
    assert json.loads(answer.body)["error"]["message"] == "the body is over 1 MB"


def test_ping_by_head(server: Server) -> None:
    answer = curl(server.url + "/ping", "-I")
    assert answer.status == 200 and re.search("(?mi)^content-length: 0$", answer.head)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["-F", "image={photo}"], True),
        (["-F", "file={photo};type=application/octet-stream;filename=x"], True),
        (["-F", "image={photo};encoder=base64"], True),
        (["-F", "image={photo}", "-F", "confidence=1", "-F", "scores=true"], False),
        (
            [
                "-F",
                "image={photo}",
                "-F",
                "confidence=1",
                "-H",
                'X-Amzn-SageMaker-Custom-Attributes: {"confidence": 0}',
            ],
            True,
        ),
        (["--data-binary", "{photo}", "-H", "Content-Type: file-path/raw-bytes"], True),
    ],
)
def test_forms(server: Server, photo: str, options: list[str], found: bool) -> None:
    answer = curl(server.url + "/invocations", *(option.replace("{photo}", photo) for option in options))
    assert answer.status == 200, answer.body
    assert bool(json.loads(answer.body)["labels"]) is found


def test_what_d_drops_is_said(server: Server, photo: str) -> None:
    answer = curl(server.url + "/invocations", "-d", photo)
    assert answer.status == 400 and "--data-binary @photo.jpg" in json.loads(answer.body)["error"]["hint"]


def test_a_query(server: Server, photo: str) -> None:
    answer = curl(server.url + "/invocations?scores=true&confidence=0.5", "--data-binary", photo)
    assert set(json.loads(answer.body)) == {"labels", "boxes", "scores", "class_ids"}
