"""Prometheus counters, gauges and histograms.

With several workers each writes its own files below PROMETHEUS_MULTIPROC_DIR (set before this module is imported),
and a scrape of any worker aggregates them.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter("maskserve_requests_total", "Requests answered.", ["route", "status"])
LATENCY = Histogram("maskserve_request_seconds", "Time to answer a request.", ["route"], buckets=_SECONDS)
STAGES = Histogram("maskserve_stage_seconds", "Time of one stage of a prediction.", ["stage"], buckets=_SECONDS)
DETECTIONS = Counter("maskserve_detections_total", "Detections returned.", ["model"])
IN_FLIGHT = Gauge("maskserve_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
MODELS = Gauge("maskserve_models_loaded", "Models that are loaded.", multiprocess_mode="livemax")

CONTENT_TYPE = CONTENT_TYPE_LATEST


def render() -> bytes:
    """Return all metrics of all workers in Prometheus text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is only partly typed
    return generate_latest(registry)
