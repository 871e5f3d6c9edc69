"""The server itself: what it is, and whether it is healthy and ready."""

from flask import Blueprint, Response, jsonify

from container import __version__
from container.protocols.roboflow import openapi
from container.service import Services
from container.web.openapi import operation

_NAME = "Maskserve"


def add_routes(blueprint: Blueprint, services: Services, uuid: str) -> None:
    """Add /info, /healthz and /readiness; `uuid` is that of this process."""

    @blueprint.get("/info", strict_slashes=False)
    @operation("The server's name and version", openapi.json_answer("`name`, `version`, and `uuid` of the process"))
    def info() -> Response:
        return jsonify(name=_NAME, version=__version__, uuid=uuid)

    @blueprint.get("/healthz", strict_slashes=False)
    @operation("Whether the process works", openapi.HEALTH)
    def healthz() -> tuple[Response, int]:
        health, reason = services.pool.health()
        if health == "failed":
            return jsonify(status="unhealthy", reason=reason, message=reason), 503
        return jsonify(status="healthy"), 200

    @blueprint.get("/readiness", strict_slashes=False)
    @operation("Whether requests may be sent", openapi.HEALTH)
    def readiness() -> tuple[Response, int]:
        healthy, reason = services.health()
        return (jsonify(status="ready"), 200) if healthy else (jsonify(status="not ready", message=reason), 503)
