"""/endpoints/NAME/invocations: the platform's answers around the container's."""

import json

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def test_a_good_answer_carries_what_boto3_parses(client: FlaskClient) -> None:
    response = client.post("/endpoints/any-name/invocations", data=PNG)
    assert response.status_code == 200 and response.json["labels"] == ["horse 100%", "person 53%"]
    assert response.headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"
    assert json.loads(response.headers[ATTRIBUTES])["n"] == 2
    assert response.headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    ("headers", "body", "original"),
    [
        ({"Accept": "text/csv"}, PNG, 406),
        ({}, b"no picture at all", 415),
        ({}, PNG[:-30], 400),
        ({ATTRIBUTES: "{"}, PNG, 400),
    ],
)
def test_errors_are_model_errors(headers: dict[str, str], body: bytes, original: int, client: FlaskClient) -> None:
    response = client.post("/endpoints/e/invocations", data=body, headers=headers)
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert response.json["OriginalStatusCode"] == original
    message = json.loads(response.json["OriginalMessage"])["error"]["message"]
    assert response.json["Message"].startswith(f"Received client error ({original}) from primary with message")
    assert message in response.json["Message"].replace('\\"', '"')


def test_a_broken_model_is_never_a_raw_5xx(client: FlaskClient, engine: FakeEngine) -> None:
    engine.error = RuntimeError("secret")
    response = client.post("/endpoints/e/invocations", data=PNG)
    assert (response.status_code, response.json["OriginalStatusCode"]) == (424, 500)
    assert response.json["Message"].startswith("Received server error (500)") and "secret" not in response.text


@pytest.mark.parametrize(("name", "status"), [("pets", 200), ("cars", 200), ("other", 400), ("pets-", 400)])
def test_only_the_endpoints_that_exist(name: str, status: int) -> None:
    client = create_app(Settings(endpoint_names="pets, cars"), ready_services(FakeEngine())).test_client()
    response = client.post(f"/endpoints/{name}/invocations", data=PNG)
    assert response.status_code == status
    if status == 400:
        assert response.headers["x-amzn-ErrorType"] == "ValidationError"
        assert response.json["Message"] == f"Endpoint {name} of account 000000000000 not found."


def test_what_the_platform_refuses_itself() -> None:
    client = create_app(Settings(max_payload_mb=0.001), ready_services(FakeEngine())).test_client()
    for headers, body in (({ATTRIBUTES: "x" * 1025}, PNG), ({}, PNG + b"\0" * 2000)):
        response = client.post("/endpoints/e/invocations", data=body, headers=headers)
        assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
