"""GET /metrics: Prometheus text, on the port that SageMaker scrapes."""

from flask import Blueprint, Response

from container.protocols.openapi import operation
from container.telemetry import metrics

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@operation("Metrics as Prometheus text", {"200": {"description": "Metrics", "content": {"text/plain": {}}}})
def get_metrics() -> Response:
    """All metrics of all workers."""
    return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)
