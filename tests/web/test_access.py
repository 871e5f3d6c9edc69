"""Who may call, where the operator has set API keys."""

import base64
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from container.app import create_app
from container.settings import Settings
from container.web.access import Keys
from tests.conftest import encode
from tests.fakes import FakeEngine, ready_services

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
OLD, NEW = "old-key.of-2026", "new/key+of=2027="
SIGNED = "AWS4-HMAC-SHA256 Credential=a/b/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


def basic(user: str, password: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def locked(engine: FakeEngine) -> Iterator[FlaskClient]:
    """A client of the application with two keys."""
    app = create_app(Settings(api_key=f"{OLD}, {NEW}"), ready_services(engine))
    yield app.test_client()
    app.services.pool.close()


@pytest.mark.parametrize("route", ["/invocations", "/endpoints/e/invocations"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({}, {"Authorization": f"Bearer {OLD}"}),
        ({}, {"Authorization": f"bearer {NEW}"}),
        ({}, {"X-Api-Key": NEW}),
        ({}, {"X-Api-Key": NEW, "Authorization": SIGNED}),
        ({}, {"X-Api-Key": "wrong", "Authorization": f"Bearer {NEW}"}),
        ({"api_key": NEW}, {}),
        ({"api_key": OLD}, {"Authorization": SIGNED}),
        ({"api_key": "None"}, {"Authorization": f"Bearer {OLD}"}),
        ({"api_key": ["None", OLD]}, {}),
        ({}, basic(NEW)),
        ({}, basic(OLD, "anything")),
    ],
)
def test_admitted(query: dict[str, str], headers: dict[str, str], route: str, locked: FlaskClient) -> None:
    assert locked.post(route, query_string=query, headers=headers, data=PNG).status_code == 200


@pytest.mark.parametrize("route", ["/invocations", "/endpoints/e/invocations"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({}, {}),
        ({"api_key": ""}, {}),
        ({"api_key": "None"}, {"Authorization": "Bearer None"}),
        ({"api_key": OLD[:-1]}, {}),
        ({"api_key": OLD + "x"}, {}),
        ({"api_key": OLD.upper()}, {}),
        ({"api_key": f"{OLD},{NEW}"}, {}),
        ({"api_key": f"{OLD}, {NEW}"}, {}),
        ({"api-key": OLD, "key": OLD, "API_KEY": OLD}, {}),
        ({"api_key": "\u0141"}, {}),
        ({}, {"X-Api-Key": " "}),
        ({}, {"Authorization": OLD}),
        ({}, {"Authorization": f"Token {OLD}"}),
        ({}, {"Authorization": "Basic !!!"}),
        ({}, {"Authorization": "Basic"}),
        ({}, {"Authorization": "Basic \xe9\x9f"}),
        ({}, {"Authorization": "Basic /w=="}),
        ({}, {"Authorization": "Bearer"}),
        ({}, {"Authorization": SIGNED}),
        ({}, basic("", OLD)),
        ({}, basic("x", OLD)),
        ({}, {"Cookie": f"api_key={OLD}"}),
    ],
)
def test_refused(
    query: dict[str, str], headers: dict[str, str], route: str, locked: FlaskClient, engine: FakeEngine
) -> None:
    before = len(engine.asked_for)
    response = locked.post(route, query_string=query, headers=headers, data=PNG)
    assert response.status_code == 401 and response.content_type == "application/json"
    assert [one.split()[0] for one in response.headers.getlist("WWW-Authenticate")] == ["Bearer", "Basic"]
    assert not any(secret in response.text for secret in (OLD, NEW, "None", "Signature"))
    assert len(engine.asked_for) == before


_SCHEMES = st.sampled_from(["Basic ", "Bearer ", "Digest ", "AWS4-HMAC-SHA256 ", "basic", "=", ""])
_REST = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)


@settings(max_examples=300, deadline=None)
@given(authorization=st.tuples(_SCHEMES, _REST).map("".join), query=st.text('api_key=&%;+"[]02fF', max_size=30))
def test_no_header_and_no_query_makes_it_fail(authorization: str, query: str, locked: FlaskClient) -> None:
    headers = {"Authorization": authorization.strip()}
    assert locked.get("/metrics", headers=headers, query_string=query).status_code == 401


# Roboflow's client asks for the last without a key.
OPEN = ("/ping", "/livez", "/healthz", "/readiness", "/", "/page/x", "/info", "/model/registry")


def test_every_other_route_asks_for_a_key(locked: FlaskClient) -> None:
    rules = list(locked.application.url_map.iter_rules())
    assert len(rules) >= 9
    for rule in rules:
        path = re.sub(r"<(?:\w+:)?\w+>", "x", rule.rule)
        for method in sorted(rule.methods or ()):
            status = locked.open(path, method=method).status_code
            assert (status != 401) is (path in OPEN), (method, path, status)
    assert locked.get("/ping").status_code == locked.get("/ping/").status_code == 200
    for path in ("/nowhere", "/ping/x", "/PING", "/ping%2f..%2fmetrics"):
        assert locked.get(path).status_code == 401
    assert locked.get("/nowhere", headers={"X-Api-Key": NEW}).status_code == 404


@pytest.mark.parametrize(
    ("headers", "schemes"),
    [
        ({}, ["Bearer", "Basic"]),
        ({"Sec-Fetch-Dest": "document"}, ["Bearer", "Basic"]),
        ({"Sec-Fetch-Dest": "empty"}, ["Bearer"]),
        ({"X-Requested-With": "fetch"}, ["Bearer"]),
    ],
)
def test_browsers_are_not_made_to_ask_where_a_script_does(
    headers: dict[str, str], schemes: list[str], locked: FlaskClient
) -> None:
    refused = locked.get("/page/facts", headers=headers)
    assert [one.split()[0] for one in refused.headers.getlist("WWW-Authenticate")] == schemes


def test_the_shapes_of_a_refusal(locked: FlaskClient) -> None:
    plain = locked.post("/invocations", data=PNG).json["error"]
    assert plain["code"] == "unauthenticated" and "X-Api-Key" in plain["hint"]
    typed = locked.post("/endpoints/e/invocations", data=PNG)
    assert typed.headers["x-amzn-ErrorType"] == "AccessDeniedException" and "API key" in typed.json["Message"]


def test_a_preflight_carries_no_key_and_runs_nothing(locked: FlaskClient) -> None:
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    response = locked.options("/invocations", headers=ask)
    assert response.status_code == 200 and response.data == b""
    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_document_says_how_to_carry_a_key(locked: FlaskClient, client: FlaskClient) -> None:
    document = locked.get("/openapi.json", headers={"X-Api-Key": NEW}).json
    assert {name for way in document["security"] for name in way} == set(document["components"]["securitySchemes"])
    assert OLD not in json.dumps(document) and NEW not in json.dumps(document)
    assert "security" not in client.get("/openapi.json").json


def test_without_keys_nothing_is_asked_for(client: FlaskClient) -> None:
    assert client.post("/invocations", data=PNG).status_code == 200
    assert client.post("/invocations", data=PNG, headers={"X-Api-Key": "any"}).status_code == 200


def test_keys_are_compared_as_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work whichever key it is, and whether it is one at all: timing it would measure the machine."""
    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: bool(compared.append((a, b))) or a == b)
    keys = Keys([OLD, NEW])
    for offered, held in ((OLD, True), (NEW, True), ("x", False), ("x" * 9000, False)):
        compared.clear()
        assert keys.hold(offered) is held
        assert [(len(a), len(b)) for a, b in compared] == [(32, 32)] * 2
    assert OLD not in repr(vars(keys))
