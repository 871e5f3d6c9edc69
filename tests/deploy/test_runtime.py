"""What goes wrong in a call, in one line; and which calls are made again."""

import json
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
)

from deploy.runtime import _delay, error_text, refusal

CONTAINER = {"error": {"code": "bad_image", "message": "no picture", "hint": "send one", "request_id": "1"}}


def client_error(code: str, message: str = "", **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "InvokeEndpoint")


def model_error(status: int, original: str) -> ClientError:
    return client_error("ModelError", "long", OriginalStatusCode=status, OriginalMessage=original)


@pytest.mark.parametrize(
    ("error", "line", "hopeless"),
    [
        (model_error(400, json.dumps(CONTAINER)), "400 bad_image: no picture (send one)", False),
        (model_error(500, "<html>\n  \x1b[31moops"), "500 <html>  [31moops", False),
        (client_error("ValidationError", "Endpoint x of account 1 not found."), None, True),
        (client_error("ValidationError", "the body is over 25 MB"), "ValidationError: the body is over 25 MB", False),
        (client_error("AccessDeniedException", "no"), "AccessDeniedException: no", True),
        (client_error("413"), "413", False),
        (NoCredentialsError(), "Unable to locate credentials", True),
        (EndpointConnectionError(endpoint_url="http://x"), None, True),
        (ConnectionClosedError(endpoint_url="http://x"), None, False),
        (EventStreamError({"Error": {"Code": "x", "Message": "late"}}, "x"), "the answer broke off: late", False),
        (PermissionError(13, "Permission denied"), "Permission denied", False),
    ],
)
def test_one_line(error: Any, line: str | None, hopeless: bool) -> None:
    refused = refusal(error)
    assert "\n" not in str(refused)
    assert line is None or str(refused) == line
    assert refused.hopeless == hopeless


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (json.dumps(CONTAINER), "bad_image: no picture (send one)"),
        ('{"error": {"code": "c", "message": "m"}}', "c: m"),
        ('{"error": "text"}', ""),
        ('{"labels": []}', ""),
        ("[1]", ""),
        (b"\x89PNG\r\n\x1a\n\xff", ""),
    ],
)
def test_errors_of_the_container(document: str | bytes, text: str) -> None:
    assert error_text(document) == text


@pytest.mark.parametrize(
    ("attempts", "answer", "again"),
    [
        (1, {"Error": {"Code": "ModelError"}, "OriginalStatusCode": 503}, True),
        (1, {"Error": {"Code": "ModelError"}, "OriginalStatusCode": 500}, False),
        (1, {"Error": {"Code": "ModelNotReadyException"}}, True),
        (6, {"Error": {"Code": "ModelNotReadyException"}}, False),
        (1, {"Body": "…"}, False),
    ],
)
def test_when_a_call_is_made_again(attempts: int, answer: Any, again: bool) -> None:
    delay = _delay(attempts, (None, answer))
    assert (delay is not None and 0.5 <= delay <= 20) if again else delay is None
