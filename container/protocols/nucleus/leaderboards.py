"""Leaderboards: evaluations on benchmarks, the best first. They are read from what was noted when each was done."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from flask import Blueprint, Response, request

from container.errors import BadRequest
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import known, one_of, read_document, real, text, texts, whole
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.store import benchmarks, evaluations
from container.store.database import Connection
from container.store.evaluations import SUCCEEDED, Evaluation

_ROOT = f"{PREFIX}/leaderboard"
MOST_BENCHMARKS, MOST_MODELS, MOST_CURVES = 100, 1000, 100
_FIGURES = {"MAP_50": "AP50", "MAP_50_95": "AP", "AP_SMALL": "APs", "AP_MEDIUM": "APm", "AP_LARGE": "APl"}
_OF_CURVE = {"PRECISION": 1, "RECALL": 2, "F1": 3}  # places in a point, behind its confidence
METRICS = (*_FIGURES, *_OF_CURVE)
COLLAPSES = ("bestPerModel", "allRuns", "allEvaluations")
_IDS: openapi.Schema = {"type": "array", "items": openapi.NAME, "minItems": 1, "maxItems": MOST_BENCHMARKS}
_RANKED: openapi.Schema = {
    "type": "array",
    "items": openapi.members(evaluation_id=openapi.TEXT, rank=openapi.INTEGER),
}

Point = list[float | None]  # confidence, precision, recall and F1 at IoU 0.5


class Scored(NamedTuple):
    """An evaluation, its score, and the id of its benchmark."""

    evaluation: Evaluation
    score: float
    benchmark_id: str


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of leaderboards."""
    store = backend.store

    @blueprint.post(f"{_ROOT}/ranking")
    @openapi.described(
        "Evaluations on benchmarks by one figure, the best first",
        _RANKED,
        openapi.members(metric_type={"type": "string", "enum": [*METRICS]}, benchmark_ids=_IDS),
    )
    def ranking() -> Response:
        names = ("metric_type", "benchmark_ids", "confidence_threshold", "model_ids", "scope", "collapse")
        document = known(read_document(request), *names)
        metric = one_of({"metric_type": text(document, "metric_type")}, "metric_type", *METRICS)
        confidence = real(document, "confidence_threshold", 0, 1)
        one_of(document, "scope", "all", "mine")  # every key sees the same evaluations
        group = _GROUPS[one_of(document, "collapse", *COLLAPSES)]
        with store.read() as connection:
            ranked = _ranked(connection, document, lambda one: score(one, metric, confidence), group)
        return reply([{**_shape(one), "score": one.score, "rank": rank} for rank, one in ranked])

    @blueprint.post(f"{_ROOT}/f1Curve")
    @openapi.described(
        "F1 over confidence of the best models on benchmarks", _RANKED, openapi.members(benchmark_ids=_IDS)
    )
    def f1_curve() -> Response:
        document = known(read_document(request), "benchmark_ids", "model_ids", "top_n")
        most = whole(document, "top_n", 5, MOST_CURVES)
        with store.read() as connection:
            ranked = _ranked(connection, document, lambda one: score(one, "F1", None), _GROUPS["bestPerModel"])
        return reply(
            [
                {**_shape(one), "best_f1": one.score, "points": _points(one.evaluation), "rank": rank}
                for rank, one in ranked[:most]
            ]
        )


def score(one: Evaluation, metric: str, confidence: float | None) -> float | None:
    """Return a figure of an evaluation, None if it has none.

    Precision, recall and F1 are of the predictions from a confidence on, to a hundredth; without one, of where F1 is
    best.
    """
    if metric in _FIGURES:
        found: float | None = one.counts.get("summary", {}).get(_FIGURES[metric])
        return found
    curve: list[Point] = one.counts.get("curve") or []
    if not curve:
        return None
    if confidence is None:
        point = max(curve, key=lambda point: point[_OF_CURVE["F1"]] or 0.0)
    else:
        point = curve[round(confidence * (len(curve) - 1))]
    return point[_OF_CURVE[metric]]


def _ranked(
    connection: Connection,
    document: dict[str, Any],
    score: Callable[[Evaluation], float | None],
    group: Callable[[Evaluation], Hashable],
) -> list[tuple[int, Scored]]:
    """Return the best evaluation of each group with its rank, best first; equal scores have one rank."""
    ids = dict.fromkeys(texts(document, "benchmark_ids", most=MOST_BENCHMARKS))
    if not ids:
        raise BadRequest("benchmark_ids is empty; it takes one id or more")
    models = None if document.get("model_ids") is None else set(texts(document, "model_ids", most=MOST_MODELS))
    found: list[Scored] = []
    for benchmark_id in ids:
        for one in evaluations.of_benchmark(connection, benchmarks.find(connection, benchmark_id).key):
            if one.status == SUCCEEDED and (models is None or one.model_id in models):
                value = score(one)
                found += [] if value is None else [Scored(one, value, benchmark_id)]
    best: dict[Hashable, Scored] = {}
    for entry in sorted(found, key=lambda entry: (-entry.score, entry.evaluation.key)):
        best.setdefault(group(entry.evaluation), entry)
    ranked: list[tuple[int, Scored]] = []
    for place, entry in enumerate(best.values(), 1):
        tied = bool(ranked) and ranked[-1][1].score == entry.score
        ranked.append((ranked[-1][0] if tied else place, entry))
    return ranked


_GROUPS: dict[str, Callable[[Evaluation], Hashable]] = {
    "bestPerModel": lambda one: one.model_key,
    "allRuns": lambda one: (one.model_key, one.run_key),
    "allEvaluations": lambda one: one.key,
}


def _points(one: Evaluation) -> list[dict[str, float]]:
    points = ((point[0], point[_OF_CURVE["F1"]]) for point in one.counts["curve"])
    return [{"confidence_threshold": at, "score": f1} for at, f1 in points if f1 is not None]


def _shape(one: Scored) -> dict[str, Any]:
    """Return what an entry tells of its evaluation."""
    of = one.evaluation
    return {
        "evaluation_id": of.id,
        "evaluation_name": of.name or None,
        "model_run_id": of.run_id,
        "model_run_name": of.run_name,
        "model_id": of.model_id,
        "model_name": of.model_name,
        "model_version_major": None,
        "model_version_minor": None,
        "model_version_label": None,
        "parent_model_project_id": None,
        "dataset_id": of.dataset_id,
        "dataset_name": None,
        "benchmark_id": one.benchmark_id,
    }
