"""Every failure reaches boto3 as the typed error that SageMaker would make of it, after a single attempt."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.conftest import ENDPOINT, Connect
from tests.conftest import Server

SECRET = "the model fell over a secret"


@pytest.fixture(scope="module")
def strict(start_slow_server: Callable[..., Server]) -> Server:
    """A server of two endpoints that takes 1 MB."""
    server = start_slow_server(0, MASKSERVE_ENDPOINT_NAMES=f"{ENDPOINT}, other", SAGEMAKER_MAX_PAYLOAD_IN_MB="1")
    server.wait()
    return server


def refused(runtime: Any, kind: str, **arguments: Any) -> dict[str, Any]:
    """The response behind the error, which is of `kind` and came at the first attempt."""
    with pytest.raises(getattr(runtime.exceptions, kind)) as caught:
        runtime.invoke_endpoint(**{"EndpointName": ENDPOINT, "ContentType": "image/jpeg", **arguments})
    response: dict[str, Any] = caught.value.response
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
    assert response["Error"]["Code"] == kind
    return response


def original(response: dict[str, Any]) -> dict[str, str]:
    """The container's own error document; the rest of a ModelError is checked here."""
    status = response["OriginalStatusCode"]
    side = "client" if status < 500 else "server"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert f"Received {side} error ({status}) from primary with message" in response["Error"]["Message"]
    assert response["LogStreamArn"] == ""
    document: dict[str, str] = json.loads(response["OriginalMessage"])["error"]
    assert document["message"] and document["request_id"] == response["ResponseMetadata"]["RequestId"]
    return document


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        ({"Body": b"hello"}, 415, "unsupported_media_type"),
        ({"Body": b""}, 400, "bad_request"),
        ({"Body": b"a,b", "ContentType": "text/csv"}, 415, "unsupported_media_type"),
        ({"Body": b"{", "ContentType": "application/json"}, 400, "bad_request"),
        ({"Accept": "text/csv"}, 406, "not_acceptable"),
        ({"CustomAttributes": '{"confidence": 2}'}, 400, "bad_request"),
        ({"CustomAttributes": '{"confidence": '}, 400, "bad_request"),
        ({"CustomAttributes": '{"class_filter": ["馬"]}'}, 400, "bad_request"),
    ],
)
def test_model_error(
    connect: Connect, server: Server, small_png: bytes, arguments: Any, status: int, code: str
) -> None:
    response = refused(connect(server), "ModelError", **{"Body": small_png, **arguments})
    assert response["OriginalStatusCode"] == status
    assert original(response)["code"] == code


def test_half_a_picture(connect: Connect, server: Server, astronaut: bytes) -> None:
    response = refused(connect(server), "ModelError", Body=astronaut[:3000])
    assert (response["OriginalStatusCode"], original(response)["code"]) == (400, "bad_image")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"EndpointName": "unknown"}, "Endpoint unknown of account 000000000000 not found."),
        ({"EndpointName": "under_score"}, "Endpoint under_score of account 000000000000 not found."),
        ({"EndpointName": "-dash"}, "Endpoint -dash of account 000000000000 not found."),
        ({"EndpointName": "a" * 64}, "Endpoint " + "a" * 63 + " of account 000000000000 not found."),
        ({"CustomAttributes": "x" * 1025}, "CustomAttributes has 1025 characters; at most 1024 are allowed."),
        ({"Body": bytes(2**20 + 1)}, "the body is over 1 MB"),
        ({"Body": bytes(8 * 2**20)}, "the body is over 1 MB"),
    ],
    ids=["unknown", "underscore", "dash", "long name", "long attributes", "1 byte over", "8 times over"],
)
def test_validation_error(connect: Connect, strict: Server, small_png: bytes, arguments: Any, message: str) -> None:
    response = refused(connect(strict), "ValidationError", **{"Body": small_png, **arguments})
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Message"] == message


@pytest.mark.parametrize(
    "arguments",
    [{}, {"EndpointName": "other"}, {"CustomAttributes": "x" * 1024}],
    ids=["first name", "second name", "1024 characters"],
)
def test_what_is_just_allowed(connect: Connect, strict: Server, small_png: bytes, arguments: dict[str, str]) -> None:
    response = connect(strict).invoke_endpoint(**{"EndpointName": ENDPOINT, "Body": small_png, **arguments})
    assert json.loads(response["Body"].read())["labels"] == ["horse 100%", "person 53%"]
    assert len(response["CustomAttributes"]) <= 1024


def test_a_body_over_the_limit_costs_nothing_to_the_next_request(
    connect: Connect, strict: Server, small_png: bytes
) -> None:
    runtime = connect(strict)
    for _ in range(3):
        refused(runtime, "ValidationError", Body=bytes(3 * 2**20))
        response = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=small_png)
        response["Body"].read()
        assert response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_model_that_raises(connect: Connect, start_slow_server: Callable[..., Server], small_png: bytes) -> None:
    server = start_slow_server(0, MASKSERVE_TEST_ERROR=SECRET)
    server.wait()
    response = refused(connect(server), "ModelError", Body=small_png)
    assert response["OriginalStatusCode"] == 500
    document = original(response)
    assert document["code"] == "internal_error"
    told = json.dumps(response, default=str)
    assert SECRET not in told and "Traceback" not in told and "ZeroDivisionError" not in told
    logged = server.log.read_text()
    assert SECRET in logged and document["request_id"] in logged
    assert server.stop() == 0


def test_a_model_that_is_still_loading(
    connect: Connect, start_slow_server: Callable[..., Server], small_png: bytes
) -> None:
    server = start_slow_server(0, MASKSERVE_TEST_LOAD="60")
    server.wait(503)
    response = refused(connect(server), "ModelError", Body=small_png)
    assert response["OriginalStatusCode"] == 503
    assert original(response)["code"] == "model_not_ready"


def test_a_name_with_a_slash_is_an_error_too(connect: Connect, server: Server, small_png: bytes) -> None:
    with pytest.raises(ClientError, match="Endpoint a/b of account 000000000000 not found") as caught:
        connect(server).invoke_endpoint(EndpointName="a/b", Body=small_png)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
