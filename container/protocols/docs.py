"""GET /openapi.json, made of what the routes say of themselves, and GET /docs, a page that works offline."""

import re
from pathlib import Path
from typing import Any

import swagger_ui_bundle
from flask import Blueprint, Flask, Response, jsonify, send_from_directory

from container import __version__
from container.protocols.openapi import operation

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
# A file of its own, so that the policy need not allow scripts inside pages. The address is made of parts, because the
# page's own may hold a key as a user name, with which no script may ask for anything.
_START = """const url = new URL("openapi.json", location.origin + location.pathname).href;
SwaggerUIBundle({url, dom_id: "#api", validatorUrl: null});
"""
_POLICY = (
    # data: is what the style sheet draws its arrows with, blob: a picture that was answered
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_WAYS_TO_CARRY_A_KEY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "api_key"},
}


def create_blueprint(app: Flask, locked: bool) -> Blueprint:
    """The routes that describe the routes of `app`, which asks for an API key where it is `locked`."""
    blueprint = Blueprint("docs", __name__)

    @blueprint.get("/openapi.json")
    @operation(
        "This API as an OpenAPI document", {"200": {"description": "OpenAPI 3.0", "content": {"application/json": {}}}}
    )
    def openapi() -> Response:
        return jsonify(describe(app) | (_locks() if locked else {}))

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


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.0 document of every route that has an `operation`."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                described = {"operationId": rule.endpoint.replace(".", "_"), **view.operation}
                paths.setdefault(path, {})[method.lower()] = described
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Maskserve",
            "version": __version__,
            "description": "Image segmentation on SageMaker's serving contract.",
        },
        "paths": dict(sorted(paths.items())),
    }


def _locks() -> dict[str, Any]:
    """What a document says of an API key: one of three ways to carry it."""
    ways: list[dict[str, list[str]]] = [{name: []} for name in _WAYS_TO_CARRY_A_KEY]
    return {"components": {"securitySchemes": _WAYS_TO_CARRY_A_KEY}, "security": ways}
