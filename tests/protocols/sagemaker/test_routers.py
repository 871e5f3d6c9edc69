"""/inference-routers/NAME: what boto3 parses, what the platform refuses, and paths of AWS's that there are not."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
TARGET = {"X-Amzn-SageMaker-Routing-Target-Name": "main"}


def test_a_good_answer_carries_what_boto3_parses(client: FlaskClient) -> None:
    response = client.post("/inference-routers/pets/invocations", data=PNG, headers=TARGET)
    assert response.json["labels"] == ["horse 100%", "person 53%"]
    headers = response.headers
    assert headers["X-Amzn-SageMaker-Invoked-Routed-Resource-Arn"].endswith(":endpoint/pets")
    assert headers["X-Amzn-SageMaker-Invoked-Routing-Reason"] == "local-preferred"
    assert headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"
    assert json.loads(headers["X-Amzn-SageMaker-Custom-Attributes"])["n"] == 2


@pytest.mark.parametrize(
    ("name", "headers", "body", "status", "kind", "reason"),
    [
        ("a", {}, PNG, 400, "ValidationException", "RoutingTargetName is ''"),
        ("a", {"X-Amzn-SageMaker-Routing-Target-Name": "a b"}, PNG, 400, "ValidationException", "is 'a b'"),
        ("a-", TARGET, PNG, 400, "ValidationException", "Inference router a- of account"),
        ("a", {**TARGET, "X-Amzn-SageMaker-Custom-Attributes": "x" * 1025}, PNG, 400, "ValidationException", "1025"),
        ("a", TARGET, b"no picture", 424, "ModelError", "Received client error (415)"),
        ("a", TARGET, PNG + bytes(2000), 413, "ValidationException", "the body is over"),
    ],
)
def test_errors_are_typed(name: str, headers: dict[str, str], body: bytes, status: int, kind: str, reason: str) -> None:
    client = create_app(Settings(max_payload_mb=0.001), ready_services(FakeEngine())).test_client()
    response = client.post(f"/inference-routers/{name}/invocations", data=body, headers=headers)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (status, kind)
    assert reason in response.json["Message"]


def test_asynchronous(tmp_path: Path) -> None:
    services = ready_services(FakeEngine())
    app = create_app(Settings(local_s3=str(tmp_path), async_output="s3://results"), services)
    headers = {**TARGET, "X-Amzn-SageMaker-Filename": "a" * 64}
    client = app.test_client()
    response = client.post("/inference-routers/pets/async-invocations", data=PNG, headers=headers)
    assert response.status_code == 202 and response.json["InferenceId"]
    assert response.headers["X-Amzn-SageMaker-OutputLocation"].endswith("/" + "a" * 64)
    end = time.monotonic() + 10
    while client.get(f"/async/{response.json['InferenceId']}").json["State"] != "Completed":
        assert time.monotonic() < end
        time.sleep(0.01)
    services.draining.set()
    app.close()
    output = tmp_path / response.headers["X-Amzn-SageMaker-OutputLocation"].removeprefix("s3://")
    assert json.loads(output.read_bytes())["labels"] == ["horse 100%", "person 53%"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/endpoints/e/invocations-bidirectional-stream", 404),
        ("GET", "/endpoints/e", 404),
        ("GET", "/endpoints/e/invocations", 405),
        ("POST", "/inference-routers/r", 404),
        ("POST", "/inference-routers", 404),
        ("POST", "/async", 404),
        ("POST", "/async/id", 405),
    ],
)
def test_paths_that_there_are_not_have_a_message(method: str, path: str, status: int, client: FlaskClient) -> None:
    response = client.open(path, method=method, data=b"x")
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (status, "UnknownOperationException")
    assert path in response.json["Message"]


@pytest.mark.parametrize(
    ("given", "status", "variant"), [("blue-2", 200, "blue-2"), ("a b", 400, None), ("", 400, None)]
)
def test_the_variant_is_the_one_that_is_named(
    given: str, status: int, variant: str | None, client: FlaskClient
) -> None:
    response = client.post("/endpoints/e/invocations", data=PNG, headers={"X-Amzn-SageMaker-Target-Variant": given})
    assert (response.status_code, response.headers.get("x-Amzn-Invoked-Production-Variant")) == (status, variant)
