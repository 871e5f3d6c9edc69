"""Routes served with every protocol: the page at /, GET /openapi.json, /docs (works offline), /metrics and /livez."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import swagger_ui_bundle
from flask import Blueprint, Response, current_app, jsonify, send_from_directory

from container.service import Services
from container.telemetry import metrics
from container.web import page
from container.web.openapi import describe, operation
from container.web.protocol import Protocol
from container.web.site import Site

_ASSETS = Path(swagger_ui_bundle.swagger_ui_path)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Maskserve API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/start.js"></script>
</body>
</html>
"""
# A separate file, so that the policy need not allow inline scripts. The URL is built from parts because the page's own
# URL may hold a key as a user name, and scripts may not fetch URLs with credentials.
_START = """const url = new URL("openapi.json", location.origin + location.pathname).href;
SwaggerUIBundle({url, dom_id: "#api", validatorUrl: null});
"""
_POLICY = (
    # data: is for the arrows of the style sheet, blob: for the image in a response
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Common(Protocol):
    """The protocol of page, documentation and metrics; it also owns all paths that no other protocol owns."""

    name = "common"
    prefixes = ("/", "/page", "/openapi.json", "/docs", "/metrics", "/livez")
    health_routes = ("/livez",)
    open_routes = page.OPEN_ROUTES

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return the blueprints of page, documentation, metrics and liveness."""
        locked = bool(self.settings.api_key)
        return page.create_blueprint(services), _documentation(locked), _metrics(), _liveness()


def _documentation(locked: bool) -> Blueprint:
    blueprint = Blueprint("docs", __name__)

    @blueprint.get("/openapi.json")
    @operation(
        "This API as an OpenAPI document", {"200": {"description": "OpenAPI 3.0", "content": {"application/json": {}}}}
    )
    def openapi() -> Response:
        return jsonify(describe(cast(Site, current_app), locked))

    @blueprint.get("/docs")
    @operation("This API as a page", {"200": {"description": "HTML", "content": {"text/html": {}}}})
    def page() -> Response:
        policy = {"Content-Security-Policy": _POLICY}
        return Response(_PAGE, headers=policy, content_type="text/html; charset=utf-8")

    @blueprint.get("/docs/assets/start.js")
    def start() -> Response:
        return Response(_START, content_type="text/javascript; charset=utf-8")

    @blueprint.get("/docs/assets/<path:name>")
    def assets(name: str) -> Response:
        return send_from_directory(_ASSETS, name)

    return blueprint


def _liveness() -> Blueprint:
    blueprint = Blueprint("liveness", __name__)

    @blueprint.get("/livez")
    @operation("Whether the process works, also while models are being loaded", {"200": {"description": "It does"}})
    def livez() -> Response:
        return Response()

    return blueprint


def _metrics() -> Blueprint:
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    @operation("Metrics as Prometheus text", {"200": {"description": "Metrics", "content": {"text/plain": {}}}})
    def get_metrics() -> Response:
        return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)

    return blueprint
