"""`invoke --stream`, `--session` and `async` against the real server, which plays SageMaker's part in them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import aws
from tests.conftest import Server
from tests.deploy.conftest import run

INVOKE = ("invoke", "--name", "horses")


@pytest.fixture
def photo(astronaut: bytes, tmp_path: Path) -> str:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(astronaut)
    return "photos/a.jpg"


@pytest.fixture
def served(server: Server, credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)


def test_stream(served: None, photo: str) -> None:
    lines = [json.loads(line) for line in run(*INVOKE, photo, "--stream", "--confidence", "0.1").stdout.splitlines()]
    whole = json.loads(run(*INVOKE, photo, "--confidence", "0.1").stdout)
    assert len(lines) > 1
    assert [line["label"] for line in lines] == whole["labels"]


def test_streams_of_a_folder(served: None, photo: str) -> None:
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xffno picture")
    result = run(*INVOKE, "photos", "--stream", code=1)
    assert "photos/bad.jpg: 400 bad_image: " in result.stderr
    assert json.loads(Path("output/a.jpg.jsonl").read_text())["label"].startswith("person ")


def test_a_session_from_beginning_to_end(served: None, photo: str) -> None:
    opened = run(*INVOKE, photo, "--session", "NEW_SESSION")
    (session,) = re.findall(r"^session: ([0-9a-f-]+); Expires=", opened.stderr, re.MULTILINE)
    again = json.loads(run(*INVOKE, "--session", session, "--confidence", "0.1").stdout)
    assert len(again["labels"]) > len(json.loads(opened.stdout)["labels"])
    for _ in range(2):  # another answer every time, so the one that is there does not count
        assert "1 of 1 answered, in output/\n" in run(*INVOKE, "--session", session, "--response-type", "png").stderr
    assert json.loads(run(*INVOKE, "--session", session, "--close").stdout) == {"closed": session}
    assert "there is no session" in run(*INVOKE, "--session", session, code=1).stderr


def test_an_answer_in_place_of_an_error_is_a_failure(served: None, photo: str) -> None:
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xffno picture")
    result = run(*INVOKE, "photos", "--attributes", '{"on_error": "placeholder"}', code=1)
    assert "photos/bad.jpg: bad_image: " in result.stderr
    assert not Path("output/bad.jpg.json").exists()


@pytest.fixture
def s3(start_slow_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with a bucket, and a server with a fake model that takes pictures from it and puts answers into it."""
    with aws.moto_server() as url:
        environ = aws.environ(url)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        places = {"OUTPUT": "s3://pictures/maskserve/horses/output", "INPUTS": "s3://pictures/maskserve/horses"}
        server = start_slow_server(0, **environ, **{f"MASKSERVE_ASYNC_{key}": place for key, place in places.items()})
        server.wait()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
        client = boto3.client("s3")
        client.create_bucket(Bucket="pictures")
        yield client
        client.close()
        server.stop()


def test_from_pictures_to_answers_by_way_of_s3(s3: Any, astronaut: bytes, photo: str) -> None:
    Path("photos/large.jpg").write_bytes(astronaut + b"\0" * 128_000)  # no longer inline
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xffno picture")
    submit = ("async", "submit", "--name", "horses", "photos", "--bucket", "pictures")
    assert "3 of 3 sent; " in run(*submit).stderr
    assert "3 of 3 sent, 3 of them before; " in run(*submit).stderr
    result = run("--poll", "0.2", "async", "fetch", code=1)
    assert result.stderr.splitlines()[-1] == "2 of 3 answered, in output/, 1 failed"
    assert "photos/bad.jpg: bad_image: " in result.stderr
    for name in ("a.jpg.json", "large.jpg.json"):
        assert json.loads(Path("output", name).read_text())["labels"] == ["horse 100%", "person 53%"]
    assert not Path("output/bad.jpg.json").exists()
