"""boto3's invoke_endpoint_with_response_stream, unmodified."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import EventStreamError

from tests.clients.conftest import ENDPOINT, PERSON, PERSON_BOX, Connect, iou
from tests.conftest import Server, pixels_of


def stream(runtime: Any, body: bytes, **arguments: str) -> Any:
    return runtime.invoke_endpoint_with_response_stream(
        EndpointName=ENDPOINT, Body=body, ContentType="image/jpeg", **arguments
    )


def parts(response: Any) -> list[bytes]:
    with closing(response["Body"]) as events:
        return [event["PayloadPart"]["Bytes"] for event in events]


def test_lines(connect: Connect, server: Server, astronaut: bytes) -> None:
    response = stream(
        connect(server), astronaut, Accept="application/jsonlines", CustomAttributes='{"masks": "polygon"}'
    )
    assert (response["ContentType"], response["InvokedProductionVariant"]) == ("application/jsonlines", "AllTraffic")
    assert json.loads(response["CustomAttributes"])["n"] == 1
    (line,) = parts(response)
    found = json.loads(line)
    assert PERSON.fullmatch(found["label"]) and iou(found["box"], PERSON_BOX) >= 0.8 and found["mask"]


def test_a_picture_comes_in_parts(connect: Connect, server: Server, astronaut: bytes) -> None:
    response = stream(connect(server), astronaut, Accept="image/png")
    assert response["ContentType"] == "image/png"
    found = parts(response)
    assert len(found) > 2 and max(map(len, found)) == 65_536
    assert pixels_of(b"".join(found)).shape == (512, 512, 3)


def test_errors_before_the_first_byte(connect: Connect, server: Server) -> None:
    runtime = connect(server)
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        stream(runtime, b"no picture")
    assert caught.value.response["OriginalStatusCode"] == 415
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_errors_in_between(connect: Connect, start_slow_server: Callable[..., Server], small_png: bytes) -> None:
    server = start_slow_server(
        0, MASKSERVE_TEST_MASKS="3", MASKSERVE_TEST_MASK_SECONDS="0", MASKSERVE_TEST_BREAKS_AT="2"
    )
    server.wait()
    response = stream(connect(server), small_png, Accept="application/jsonlines", CustomAttributes='{"masks": "rle"}')
    found = []
    reason = "the server failed on this request; its log says why"
    with closing(response["Body"]) as events, pytest.raises(EventStreamError, match=reason) as caught:
        for event in events:
            found.append(event["PayloadPart"]["Bytes"])
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert [json.loads(line)["label"] for line in found] == ["horse 75%"] * 2
