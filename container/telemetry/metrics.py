"""Prometheus counters, gauges and histograms.

With several workers each writes its own files below PROMETHEUS_MULTIPROC_DIR (set before this module is imported),
and a scrape of any worker aggregates them.

The label `model` takes the names of loaded models, as answers have them, of at most MAX_MODELS at a time; further ones
are "other". What is unloaded takes its series with it, so that a server through which models pass does not grow; only
loads and evictions stay, of the first MAX_MODELS names.
"""

import os
import threading
from collections import Counter as Tally
from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from container import __version__

MAX_MODELS = 100
OTHER = "other"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_PROCESSES = "PROMETHEUS_MULTIPROC_DIR"

disable_created_metrics()  # type: ignore[no-untyped-call]  # half of all series, which nobody reads

REQUESTS = Counter("maskserve_requests_total", "Requests answered.", ["route", "status"])
REFUSALS = Counter("maskserve_refusals_total", "Requests refused, by the code of the error.", ["reason"])
LATENCY = Histogram("maskserve_request_seconds", "Time to answer a request.", ["route"], buckets=_SECONDS)
STAGES = Histogram(
    "maskserve_stage_seconds", "Time of one stage of a prediction.", ["stage", "model"], buckets=_SECONDS
)
DETECTIONS = Counter("maskserve_detections_total", "Detections returned.", ["model"])
QUEUE = Gauge("maskserve_queue_depth", "Pictures that wait for the model.", ["model"], multiprocess_mode="livesum")
IN_FLIGHT = Gauge("maskserve_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
MODELS = Gauge("maskserve_models_loaded", "Models that are loaded.", multiprocess_mode="livemax")
LOADS = Counter("maskserve_model_loads_total", "Loads of a model.", ["model"])
EVICTIONS = Counter("maskserve_model_evictions_total", "Unloads of a model that gave way to another.", ["model"])
INFO = Gauge("maskserve_info", "1 for a loaded model.", ["version", "model", "device"], multiprocess_mode="livemax")
RECORDED = Counter("maskserve_recorded_answers_total", "Pictures whose answers were recorded in the store.")
UNRECORDED = Counter(
    "maskserve_unrecorded_answers_total", "Pictures whose answers were not, by the reason.", ["reason"]
)
_INDEX = "Population stability index of the last objects recorded, against the baseline: of their"
SCORE_DRIFT = Gauge("maskserve_score_drift", f"{_INDEX} scores.", ["model"], multiprocess_mode="livemax")
CLASS_DRIFT = Gauge("maskserve_class_drift", f"{_INDEX} classes.", ["model"], multiprocess_mode="livemax")

CONTENT_TYPE = CONTENT_TYPE_LATEST

labels: dict[str, str] = {}  # the name of each loaded model, but for those over the limit → its label
_loaded: Tally[str] = Tally()  # loaded models by label
_counted: set[str] = set()  # names of models, loaded or not, of at most MAX_MODELS, that LOADS and EVICTIONS have
_changing = threading.Lock()


def model_loaded(name: str, device: str) -> Callable[[float], None]:
    """Count a loaded model; return the function that adds to the depth of its queue."""
    with _changing:
        label = name if name in labels or len(labels) < MAX_MODELS else OTHER
        if label == name:
            labels[name] = label
        _loaded[label] += 1
        MODELS.inc()
        INFO.labels(__version__, label, device).set(1)
        LOADS.labels(_lasting(name)).inc()
        return QUEUE.labels(label).inc


def model_unloaded(name: str) -> None:
    """Drop the series of a model, unless another loaded one has the same label."""
    with _changing:
        label = labels.get(name, OTHER)
        _loaded[label] -= 1
        MODELS.dec()
        if _loaded[label] or _PROCESSES in os.environ:  # files of several processes hold what they hold
            return
        labels.pop(name, None)
        for metric in (STAGES, DETECTIONS, QUEUE, INFO, SCORE_DRIFT, CLASS_DRIFT):
            metric.remove_by_labels({"model": label})


def model_evicted(name: str) -> None:
    """Count a model that has given way to another."""
    with _changing:
        EVICTIONS.labels(_lasting(name)).inc()


def _lasting(name: str) -> str:
    if name not in _counted and len(_counted) >= MAX_MODELS:
        return OTHER
    _counted.add(name)
    return name


def render() -> bytes:
    """Return all metrics of all workers in Prometheus text format."""
    if _PROCESSES not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is only partly typed
    return generate_latest(registry)
