"""GET /openapi.json, and GET /docs: this API as a page, by Swagger UI, without a network."""

from importlib.resources import files
from pathlib import Path
from typing import cast

from flask import Blueprint, Response, current_app, request

from container.web.assets import Assets
from container.web.openapi import describe, operation
from container.web.site import Site

_SWAGGER_UI = ("swagger-ui.css", "swagger-ui-bundle.js")
_POLICY = (
    # data: is for the arrows of the style sheet, blob: for the image in a response
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def create_blueprint(locked: bool) -> Blueprint:
    """Return the blueprint of /openapi.json, /docs and its files; `locked`: the site requires an API key."""
    blueprint = Blueprint("docs", __name__)
    own = Assets(Path(__file__).parent / "docs")
    swagger_ui = Assets(files("flask_swagger_ui") / "dist", _SWAGGER_UI)

    @blueprint.get("/openapi.json")
    @operation(
        "This API as an OpenAPI document", {"200": {"description": "OpenAPI 3.0", "content": {"application/json": {}}}}
    )
    def openapi() -> Response:
        document = current_app.json.dumps(
            describe(cast(Site, current_app), locked), sort_keys=False
        )  # in reading order
        return Response(document, content_type="application/json")

    @blueprint.get("/docs")
    @operation("This API as a page", {"200": {"description": "HTML", "content": {"text/html": {}}}})
    def page() -> Response:
        response = own.response("index.html", request)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @blueprint.get("/docs/assets/<path:name>")
    def asset(name: str) -> Response:
        return (swagger_ui if name in _SWAGGER_UI else own).response(name, request)

    return blueprint
