"""The API describes itself, completely."""

import re

from flask.testing import FlaskClient


def test_every_public_route_is_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in client.application.url_map.iter_rules()}
    assert set(document["paths"]) == {route for route in routes if not route.startswith("/docs/assets/")}


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page)
    assert len(assets) == 3 and "//" not in "".join(assets)
    for asset in assets:
        with client.get("/" + asset) as response:
            assert response.status_code == 200
