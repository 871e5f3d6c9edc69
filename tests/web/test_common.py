"""The API describes itself, completely."""

import json
import re

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV30SpecValidator

from container.app import create_app
from container.protocols.sagemaker.negotiation import Negotiation
from container.settings import Settings
from container.telemetry import metrics
from tests.fakes import FakeEngine, ready_services


def test_every_public_route_is_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in client.application.url_map.iter_rules()}
    assert set(document["paths"]) == {route for route in routes if not route.startswith(("/docs/assets/", "/page/{"))}


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page)
    assert len(assets) == 6 and "//" not in "".join(assets)
    assert 'name="viewport"' in page and assets.count("./") == 1  # the page
    for asset in set(assets) - {"./"}:
        with client.get("/" + asset) as response:
            assert response.status_code == 200


def test_files_are_counted_and_logged_as_all_requests(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    in_flight = metrics.IN_FLIGHT._value.get()
    with caplog.at_level("INFO", "maskserve.request"), client.get("/docs/assets/swagger-ui.css") as response:
        assert response.data
    assert len(caplog.records) == 1
    assert metrics.IN_FLIGHT._value.get() == in_flight


def test_every_custom_attribute_is_described(client: FlaskClient) -> None:
    takes = client.get("/openapi.json").json["paths"]["/invocations"]["post"]
    described = takes["parameters"][0]["content"]["application/json"]["schema"]["properties"]
    assert set(described) == set(Negotiation().attributes)


@pytest.mark.parametrize(("hosts", "described"), [("", False), ("images.example.com", True)])
def test_urls_are_described_where_they_are_read(hosts: str, described: bool) -> None:
    services = ready_services(FakeEngine(), url_hosts=(hosts,) if hosts else ())
    document = create_app(Settings(), services).test_client().get("/openapi.json").json
    services.pool.close()
    assert [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()] == []
    assert ('"uri"' in json.dumps(document)) is described
