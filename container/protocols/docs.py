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
<script>SwaggerUIBundle({url: "openapi.json", dom_id: "#api", validatorUrl: null});</script>
</body>
</html>
"""


def create_blueprint(app: Flask) -> Blueprint:
    """The routes that describe the routes of `app`."""
    blueprint = Blueprint("docs", __name__)

    @blueprint.get("/openapi.json")
    @operation(
        "This API as an OpenAPI document", {"200": {"description": "OpenAPI 3.0", "content": {"application/json": {}}}}
    )
    def openapi() -> Response:
        return jsonify(describe(app))

    @blueprint.get("/docs")
    @operation("This API as a page", {"200": {"description": "HTML", "content": {"text/html": {}}}})
    def page() -> Response:
        return Response(_PAGE, content_type="text/html; charset=utf-8")

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
