"""Routes served with every protocol: the page at /, GET /openapi.json, /docs (works offline), /metrics and /livez."""

from collections.abc import Iterable

from flask import Blueprint, Response

from container.service import Services
from container.telemetry import metrics
from container.web import docs, page
from container.web.openapi import operation
from container.web.protocol import Protocol, Section


class Common(Protocol):
    """The protocol of page, documentation and metrics; it also owns all paths that no other protocol owns."""

    name = "common"
    prefixes = ("/", "/page", "/openapi.json", "/docs", "/metrics", "/livez")
    health_routes = ("/livez",)
    open_routes = page.OPEN_ROUTES
    sections = (
        Section("Health", "", ("/livez",), 10),
        Section("Operations", "The page, this documentation, and metrics", prefixes[:-1], 80),
    )

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return the blueprints of page, documentation, metrics and liveness."""
        locked = bool(self.settings.api_key)
        return page.create_blueprint(services), docs.create_blueprint(locked), _metrics(), _liveness()


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
