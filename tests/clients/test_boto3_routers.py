"""boto3's client of inference routers, unmodified, against a real server."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.clients.conftest import PERSON, UseServer
from tests.conftest import Server

ROUTER = {"InferenceRouterName": "pets", "RoutingTargetName": "main"}


@pytest.fixture
def routers(server: Server, use_server: UseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    use_server(server)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_INFERENCE_ROUTER_RUNTIME", server.url)
    client = boto3.client("sagemaker-inference-router-runtime")
    yield client
    client.close()


def test_a_picture(routers: Any, astronaut: bytes) -> None:
    response = routers.invoke_inference_router(**ROUTER, ContentType="image/jpeg", Body=astronaut)
    assert PERSON.fullmatch(json.loads(response["Body"].read())["labels"][0])
    assert response["InvokedRoutedResourceArn"].endswith(":endpoint/pets")
    assert (response["RoutingReason"], response["InvokedProductionVariant"]) == ("local-preferred", "AllTraffic")
    assert json.loads(response["CustomAttributes"])["n"] == 1


def test_errors(routers: Any) -> None:
    with pytest.raises(routers.exceptions.ModelError) as caught:
        routers.invoke_inference_router(**ROUTER, Body=b"no picture")
    assert caught.value.response["OriginalStatusCode"] == 415
    with pytest.raises(routers.exceptions.ValidationException, match="MASKSERVE_ASYNC_OUTPUT"):
        routers.invoke_inference_router_async(**ROUTER, InputLocation="s3://photos/in/a.jpg")
