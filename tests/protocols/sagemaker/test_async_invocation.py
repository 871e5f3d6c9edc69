"""InvokeEndpointAsync with a folder that stands for S3: what is taken, what is refused, and what is written."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from container.app import create_app
from container.errors import Overloaded, Unavailable
from container.protocols.sagemaker.async_queue import AsyncQueue
from container.settings import Settings
from tests.conftest import encode, pixels_of
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
DETECTIONS = {"labels": ["horse 100%", "person 53%"], "boxes": [[0, 0, 20, 30], [20, 0, 40, 30]]}
INPUT = "s3://photos/in/a.png"


@dataclass
class Side:
    """A client, and the folder that stands for S3."""

    client: FlaskClient
    root: Path

    def ask(self, body: bytes = b"", **headers: str) -> TestResponse:
        """Invoke asynchronously; `InputLocation="…"` and the like are the API's headers."""
        named = {f"X-Amzn-SageMaker-{name.replace('_', '-')}": value for name, value in headers.items()}
        return self.client.post("/endpoints/any/async-invocations", data=body, headers=named)

    def file(self, location: str) -> Path:
        return self.root / location.removeprefix("s3://")

    def ended(self, response: TestResponse) -> dict[str, Any]:
        """How a request stands once it has ended."""
        assert response.status_code == 202, response.text
        end = time.monotonic() + 10
        while (state := self.client.get(f"/async/{response.json['InferenceId']}").json)["State"] not in (
            "Completed",
            "Failed",
        ):
            assert time.monotonic() < end
            time.sleep(0.01)
        return dict(state)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Side]]:
    services = []

    def begin(engine: FakeEngine | None = None, **settings: Any) -> Side:
        services.append(ready_services(engine or FakeEngine(), max_body_bytes=200_000))
        local = {
            "local_s3": str(tmp_path),
            "async_output": "s3://results/out",
            "async_inputs": "s3://photos/in,s3://b0b",
        }
        side = Side(create_app(Settings(**(local | settings)), services[-1]).test_client(), tmp_path)
        side.file(INPUT).parent.mkdir(parents=True, exist_ok=True)
        side.file(INPUT).write_bytes(PNG)
        return side

    yield begin
    for one in services:
        one.draining.set()
        one.pool.close()


@pytest.fixture
def side(start: Callable[..., Side]) -> Side:
    return start()


@pytest.mark.parametrize(
    ("body", "headers"), [(PNG, {}), (b"", {"InputLocation": INPUT})], ids=["inline", "by its location"]
)
def test_the_answer_is_written(body: bytes, headers: dict[str, str], side: Side) -> None:
    response = side.ask(body, Accept="image/png", Content_Type="image/png", **headers)
    assert response.json["InferenceId"] and response.headers["x-amzn-RequestId"]
    state = side.ended(response)
    assert state["State"] == "Completed" and "Error" not in state
    assert state["OutputLocation"] == response.headers["X-Amzn-SageMaker-OutputLocation"]
    assert pixels_of(side.file(state["OutputLocation"]).read_bytes()).shape == (30, 40, 3)
    assert not side.file(response.headers["X-Amzn-SageMaker-FailureLocation"]).exists()


@pytest.mark.parametrize(
    ("headers", "folder", "output", "failure"),
    [
        ({"Filename": "cat.json"}, "out", "cat.json", "cat-error.json"),
        ({"Filename": "cat"}, "out", "cat", "cat-error"),
        ({"S3OutputPathExtension": "/day/1/", "Filename": "cat"}, "out/day/1", "cat", "cat-error"),
    ],
)
def test_names_lie_below_the_operators_path_in_a_folder_of_their_own(
    headers: dict[str, str], folder: str, output: str, failure: str, side: Side
) -> None:
    answers = [side.ask(PNG, Inference_Id="order 7/x", **headers) for _ in range(2)]
    assert [answer.json for answer in answers] == 2 * [{"InferenceId": "order 7/x"}]
    places = [answer.headers["X-Amzn-SageMaker-OutputLocation"] for answer in answers]
    failures = [answer.headers["X-Amzn-SageMaker-FailureLocation"] for answer in answers]
    assert places[0] != places[1]
    for place, other in zip(places, failures, strict=True):
        assert re.fullmatch(f"s3://results/{folder}/[0-9a-f-]{{36}}/{output}", place)
        assert other == f"{place.rsplit('/', 1)[0]}/{failure}"
    end = time.monotonic() + 10
    while not all(side.file(place).is_file() for place in places):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert [json.loads(side.file(place).read_bytes()) for place in places] == 2 * [DETECTIONS]


def test_an_id_that_is_used_again_replaces_no_state(side: Side) -> None:
    first, later = side.ask(PNG, Inference_Id="mine"), side.ask(b"no picture", Inference_Id="mine")
    end = time.monotonic() + 10
    while (state := side.ended(first))["Others"][0]["State"] != "Failed":
        assert time.monotonic() < end
    assert (state["InferenceId"], state["State"], len(state["Others"])) == ("mine", "Completed", 1)
    assert state["OutputLocation"] == first.headers["X-Amzn-SageMaker-OutputLocation"]
    assert state["Others"][0]["OutputLocation"] == later.headers["X-Amzn-SageMaker-OutputLocation"]
    assert "Error" in state["Others"][0] and "Error" not in state


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"no picture", {}, "unsupported_media_type"),
        (PNG, {"Accept": "text/csv"}, "not_acceptable"),
        (PNG, {"Custom_Attributes": '{"confidence": 2}'}, "bad_request"),
        (b"", {"InputLocation": "s3://photos/in/missing"}, "bad_request"),
        (b"", {"InputLocation": "s3://b0b/large"}, "payload_too_large"),
    ],
)
def test_failures_are_written_too(body: bytes, headers: dict[str, str], code: str, side: Side) -> None:
    side.file("s3://b0b").mkdir()
    side.file("s3://b0b/large").write_bytes(bytes(200_001))
    response = side.ask(body, Inference_Id="mine", **headers)
    state = side.ended(response)
    error = json.loads(side.file(state["FailureLocation"]).read_bytes())["error"]
    assert (state["State"], error["code"], error["request_id"]) == ("Failed", code, "mine")
    assert state["Error"] == error["message"]
    assert side.ended(side.ask(PNG))["State"] == "Completed"


def test_an_unforeseen_error_tells_nothing(start: Callable[..., Side]) -> None:
    side = start(FakeEngine(error=RuntimeError("a secret")))
    state = side.ended(side.ask(PNG))
    text = side.file(state["FailureLocation"]).read_text()
    assert json.loads(text)["error"]["code"] == "internal_error" and "secret" not in text


@pytest.mark.parametrize(("asked", "set_by_operator"), [("1", 0.0), ("900", 0.3)])
def test_the_timeout_names_the_stage(asked: str, set_by_operator: float, start: Callable[..., Side]) -> None:
    side = start(FakeEngine(seconds=2), timeout=set_by_operator)
    state = side.ended(side.ask(PNG, InvocationTimeoutSeconds=asked))
    assert state["State"] == "Failed" and "still in the model at its deadline" in state["Error"]


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"", {}, "Exactly one of Body and InputLocation is wanted."),
        (PNG, {"InputLocation": INPUT}, "Exactly one of Body and InputLocation is wanted."),
        (bytes(128_001), {}, "Body is 128001 bytes long; at most 128000 are allowed."),
        (b"", {"InputLocation": "s3://photos/other/a.png"}, "lies in none of the folders of MASKSERVE_ASYNC_INPUTS."),
        (b"", {"InputLocation": "s3://photos/in/../a"}, "InputLocation: 's3://photos/in/../a' has an empty part"),
        (b"", {"InputLocation": "https://photos/in/a"}, "is not of the form s3://bucket/key"),
        (b"", {"InputLocation": "s3://results/out/a"}, "lies in none of the folders"),
        (PNG, {"Filename": "a/b"}, "Filename is 'a/b'"),
        (PNG, {"Filename": "a.b.c"}, "Filename is 'a.b.c'"),
        (PNG, {"Filename": ".."}, "Filename is '..'"),
        (PNG, {"Filename": "x" * 33}, "Filename is"),
        (PNG, {"S3OutputPathExtension": "../up"}, "has an empty part, or one that is . or .."),
        (PNG, {"S3OutputPathExtension": "s3://else"}, "S3OutputPathExtension is 's3://else'"),
        (PNG, {"S3OutputPathExtension": "a b"}, "S3OutputPathExtension is 'a b'"),
        (PNG, {"RequestTTLSeconds": "59"}, "RequestTTLSeconds is '59'; it takes 60 to 21600."),
        (PNG, {"RequestTTLSeconds": "soon"}, "RequestTTLSeconds is 'soon'"),
        (PNG, {"InvocationTimeoutSeconds": "3601"}, "InvocationTimeoutSeconds is '3601'; it takes 1 to 3600."),
        (PNG, {"Inference_Id": "x" * 65}, "InferenceId takes 1 to 64 printable characters."),
        (PNG, {"Custom_Attributes": "x" * 1025}, "CustomAttributes has 1025 characters"),
    ],
)
def test_validation_errors(body: bytes, headers: dict[str, str], message: str, side: Side) -> None:
    response = side.ask(body, **headers)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert message in response.json["Message"]


def test_off_unless_the_operator_says_where_answers_go(client: FlaskClient) -> None:
    response = client.post("/endpoints/any/async-invocations", data=PNG)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert "MASKSERVE_ASYNC_OUTPUT" in response.json["Message"]
    assert client.get("/async/any").status_code == 404


def test_without_input_folders_requests_carry_their_picture(start: Callable[..., Side]) -> None:
    side = start(async_inputs="")
    assert side.ended(side.ask(PNG))["State"] == "Completed"
    assert side.ask(InputLocation=INPUT).status_code == 400


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [(Overloaded("full"), 429, "ThrottlingException"), (Unavailable("bye"), 503, "ServiceUnavailable")],
)
def test_busy(error: Exception, status: int, kind: str, side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(AsyncQueue, "add", refuse)
    response = side.ask(PNG)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (status, kind)


def test_unknown_requests(side: Side) -> None:
    response = side.client.get("/async/never-was")
    assert (response.status_code, response.json["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"async_output": "results"}, "MASKSERVE_ASYNC_OUTPUT: 'results' is not of the form"),
        ({"async_output": "s3://a00/x,s3://b00/x"}, "it takes one path"),
        ({"async_inputs": "s3://photos/../x"}, "MASKSERVE_ASYNC_INPUTS: 's3://photos/../x' has an empty part"),
        ({"local_s3": "/no/such/folder"}, "MASKSERVE_LOCAL_S3 is '/no/such/folder', which is no folder"),
    ],
)
def test_wrong_settings(settings: dict[str, str], reason: str) -> None:
    services = ready_services(FakeEngine())
    with pytest.raises(ValueError, match=reason):
        create_app(Settings(**settings), services)
    services.pool.close()
