"""Sticky sessions: one upload, many answers, without the picture and without another prediction."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from container.app import create_app, create_services
from container.models.policies import Policy
from container.models.policies.catalogue import Catalogue
from container.models.policies.explicit import Explicit
from container.settings import Settings
from tests.conftest import encode, pixels_of
from tests.fakes import SPEC, FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
WIDE = encode(np.full((30, 80, 3), 128, np.uint8))
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
CLOSE = b'{"requestType": "CLOSE"}'


def ask(client: FlaskClient, session: str, body: bytes = b"", attributes: str = "", accept: str = "") -> TestResponse:
    headers = {"X-Amzn-SageMaker-Session-Id": session, ATTRIBUTES: attributes, "Accept": accept}
    return client.post("/invocations", data=body, headers=headers)


@pytest.fixture
def session(client: FlaskClient) -> str:
    """A session of PNG."""
    response = ask(client, "NEW_SESSION", PNG)
    assert response.json["labels"] == ["horse 100%", "person 53%"]
    told = response.headers["X-Amzn-SageMaker-New-Session-Id"]
    pattern = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9])*;\sExpires=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"  # NewSessionResponseHeader
    assert re.fullmatch(pattern, told)
    return told.split(";")[0]


def test_another_threshold(client: FlaskClient, session: str, engine: FakeEngine) -> None:
    response = ask(client, session, attributes='{"confidence": 0.9}')
    assert response.json["labels"] == ["horse 100%"]
    assert "X-Amzn-SageMaker-New-Session-Id" not in response.headers
    assert [options.confidence for options in engine.asked_for] == [None, 0.9]


def test_another_form_asks_the_model_nothing(client: FlaskClient, session: str, engine: FakeEngine) -> None:
    assert pixels_of(ask(client, session, accept="image/png").data).shape == (30, 40, 3)
    assert pixels_of(ask(client, session, attributes='{"render": "cutout"}', accept="image/png").data).shape[2] == 4
    assert len(ask(client, session, attributes='{"masks": "rle"}').json["masks"]) == 2
    assert len(ask(client, session, accept="application/jsonlines").data.splitlines()) == 2
    assert len(engine.asked_for) == 1


def test_another_picture_takes_its_place(client: FlaskClient, session: str) -> None:
    assert ask(client, session, WIDE).json["boxes"][1] == [40, 0, 80, 30]
    assert ask(client, session).json["boxes"][1] == [40, 0, 80, 30]


def test_closing(client: FlaskClient, session: str) -> None:
    response = ask(client, session, CLOSE)
    assert (response.status_code, response.json) == (200, {"closed": session})
    assert response.headers["X-Amzn-SageMaker-Closed-Session-Id"] == session
    for body in (b"", PNG, CLOSE):
        error = ask(client, session, body)
        assert error.status_code == 400 and "there is no session" in error.json["error"]["message"]


@pytest.mark.parametrize(
    ("session", "body", "reason"),
    [
        ("never-was", b"", "there is no session 'never-was'"),
        ("x" * 5000, PNG, "there is no session 'xxx"),
        ("NEW_SESSION", b"", "0 bytes long"),
        ("NEW_SESSION", CLOSE, "no key `image`"),
    ],
)
def test_refused(session: str, body: bytes, reason: str, client: FlaskClient) -> None:
    response = ask(client, session, body)
    assert response.status_code in (400, 415) and reason in response.json["error"]["message"]
    assert "X-Amzn-SageMaker-New-Session-Id" not in response.headers


@pytest.mark.parametrize(
    ("settings", "policy", "status"),
    [
        pytest.param({}, Catalogue(SPEC), 200, id="on"),
        pytest.param({"workers": 2}, Catalogue(SPEC), 400, id="workers"),
        pytest.param({"sessions_mb": 0}, Catalogue(SPEC), 400, id="none"),
        pytest.param({}, Explicit(Path()), 400, id="models"),
    ],
)
def test_only_where_every_request_comes_to_the_same_process_and_model(
    settings: dict[str, int], policy: Policy, status: int
) -> None:
    services = replace(ready_services(FakeEngine()), sessions=create_services(Settings(**settings), policy).sessions)
    response = ask(create_app(Settings(), services).test_client(), "NEW_SESSION", PNG)
    assert response.status_code == status


def test_a_stream_reads_sessions_and_opens_none(client: FlaskClient, session: str) -> None:
    path = "/endpoints/any/invocations-response-stream"
    headers = {"X-Amzn-SageMaker-Session-Id": session, "X-Amzn-SageMaker-Accept": "application/jsonlines"}
    assert client.post(path, headers=headers).data.count(b"PayloadPart") == 2
    response = client.post(path, data=PNG, headers={"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"})
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
