"""boto3's SessionId: a photo is sent once, and asked about again without it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.conftest import ENDPOINT, PERSON, Connect
from tests.conftest import Server, pixels_of


def test_a_session_from_its_beginning_to_its_end(connect: Connect, server: Server, astronaut: bytes) -> None:
    runtime = connect(server)

    def ask(session: str, body: bytes = b"", **arguments: str) -> tuple[dict[str, Any], bytes]:
        response = runtime.invoke_endpoint(EndpointName=ENDPOINT, SessionId=session, Body=body, **arguments)
        with response["Body"] as stream:
            return response, stream.read()

    opened, first = ask("NEW_SESSION", astronaut)
    session, expires = opened["NewSessionId"].split("; Expires=")
    assert PERSON.fullmatch(json.loads(first)["labels"][0]) and expires.startswith("20")
    _, drawn = ask(session, Accept="image/png")
    assert pixels_of(drawn).shape == (512, 512, 3)
    again, many = ask(session, CustomAttributes='{"confidence": 0.05}')
    assert len(json.loads(many)["labels"]) > 1 and "NewSessionId" not in again
    closed, _ = ask(session, b'{"requestType": "CLOSE"}', ContentType="application/json")
    assert closed["ClosedSessionId"] == session
    with pytest.raises(ClientError, match="there is no session") as caught:
        ask(session)
    assert caught.value.response["OriginalStatusCode"] == 400
