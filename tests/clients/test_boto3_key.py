"""boto3 against a server that asks for an API key: its signature is none, a header or the query carries one."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.conftest import ENDPOINT, Connect
from tests.conftest import Server

KEY = "laptop-key/2026+a="


@pytest.fixture(scope="module")
def locked(start_slow_server: Callable[..., Server]) -> Server:
    """The real server, with a fake model and a key."""
    started = start_slow_server(0, MASKSERVE_API_KEY=f"an-older-key,{KEY}")
    started.wait()
    return started


@pytest.fixture
def runtime(locked: Server, connect: Connect) -> Any:
    return connect(locked)


def header(request: Any, **_: Any) -> None:
    request.headers["X-Api-Key"] = KEY


def query(request: Any, **_: Any) -> None:
    request.params["api_key"] = KEY


@pytest.mark.parametrize("carry", [header, query])
def test_a_key_beside_the_signature(carry: Callable[..., None], runtime: Any, small_png: bytes) -> None:
    sent: list[Any] = []
    runtime.meta.events.register("before-sign.sagemaker-runtime", carry)
    runtime.meta.events.register("before-send.sagemaker-runtime", lambda request, **_: sent.append(request))
    response = runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="image/png", Body=small_png)
    assert b"horse" in response["Body"].read()
    assert sent[0].headers["Authorization"].startswith(b"AWS4-HMAC-SHA256 ")


def test_without_a_key(runtime: Any, small_png: bytes, locked: Server) -> None:
    with pytest.raises(ClientError, match="API key") as caught:
        runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="image/png", Body=small_png)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "AccessDeniedException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 401 and answer["ResponseMetadata"]["RetryAttempts"] == 0
    assert KEY not in str(answer) + locked.log.read_text()


def test_the_health_check_needs_none(locked: Server) -> None:
    assert locked.ping() == 200
