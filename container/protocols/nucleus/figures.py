"""What an evaluation has found: charts, examples, and what they may be filtered by."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Request, Response, request

from container.errors import BadRequest, NotOffered
from container.evaluation import filters
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import known, mapping, one_of, parsed, read_document, real, shown, whole
from container.protocols.nucleus.evaluations import ROOT, done
from container.protocols.nucleus.replies import spliced

_ONE = f"{ROOT}/<evaluation_id>"
LOWEST_THRESHOLD = 0.1  # of IoU: pairs that overlap less are not kept
PAGE, MAX_PAGE, MAX_OFFSET = 50, 100, 10**9  # examples
MATCH_TYPES, ORDERS = ("TP", "FP", "FN"), ("ASC", "DESC")
SORTED_BY = ("confidence", "iou", "dataset_item_id", "gt_area")
_NAMES, _IN_QUERY = ("iou_threshold", "filters", "query"), ("iouThreshold", "filters", "query")
_CHARTS = openapi.members(
    mapSummary=openapi.OBJECT,
    perClassAp=openapi.OBJECTS,
    confusionMatrix=openapi.OBJECTS,
    scoreHistogram=openapi.OBJECTS,
    computedIouRanges={"type": "array", "items": {"type": "number"}},
    totalCounts=openapi.OBJECT,
    apBySize=openapi.OBJECT,
    prCurve=openapi.OBJECTS,
    tideAttribution=openapi.OBJECT,
)
_THRESHOLD: openapi.Schema = {"type": "number", "minimum": LOWEST_THRESHOLD, "maximum": 1}
_ASKED = openapi.optional(iouThreshold=_THRESHOLD, filters=openapi.OBJECT)
_PAGE = openapi.optional(
    match_type={"type": "string", "enum": [*MATCH_TYPES]},
    limit={"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    offset={"type": "integer", "minimum": 0, "maximum": MAX_OFFSET},
    sort_by={"type": "string", "enum": [*SORTED_BY]},
    sort_order={"type": "string", "enum": [*ORDERS]},
    filters=openapi.OBJECT,
)
_SCHEMA = openapi.members(gt_labels=openapi.TEXTS, pred_labels=openapi.TEXTS, metadata_fields=openapi.OBJECTS)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of what evaluations have found."""

    def answer(evaluation_id: str, **question: Any) -> Response:
        with backend.store.read() as connection:
            key = done(connection, evaluation_id).key
        return spliced(backend.scorer.ask({"evaluation": key, **question}))

    def charts(evaluation_id: str, document: dict[str, Any]) -> Response:
        given = known(document, *_NAMES)
        threshold = real(given, "iou_threshold", LOWEST_THRESHOLD, 1)
        asked = {"iou_threshold": 0.5 if threshold is None else threshold, "filters": _filters(given)}
        return answer(evaluation_id, question="charts", **asked)

    @blueprint.get(f"{_ONE}/charts")
    @openapi.described(
        "An evaluation's figures and curves",
        _CHARTS,
        in_part=True,
        conflicts=True,
        parameters=[
            {"in": "query", "name": "iouThreshold", "schema": _THRESHOLD},
            {"in": "query", "name": "filters", "description": "A JSON object", "schema": openapi.TEXT},
        ],
    )
    def charts_by_query(evaluation_id: str) -> Response:
        return charts(evaluation_id, _query(request))

    @blueprint.post(f"{_ONE}/charts")
    @openapi.described("An evaluation's figures and curves", _CHARTS, _ASKED, in_part=True, conflicts=True)
    def charts_by_document(evaluation_id: str) -> Response:
        return charts(evaluation_id, read_document(request))

    @blueprint.post(f"{_ONE}/examples")
    @openapi.described(
        "True positives, false positives and false negatives, in pages",
        openapi.members(rows=openapi.OBJECTS, total=openapi.INTEGER),
        _PAGE,
        in_part=True,
        conflicts=True,
    )
    def examples(evaluation_id: str) -> Response:
        names = ("match_type", "limit", "offset", "sort_by", "sort_order", "filters", "query")
        document = known(read_document(request), *names)
        return answer(evaluation_id, question="examples", **_page(document), filters=_filters(document))

    @blueprint.get(f"{_ONE}/filterSchema")
    @openapi.described("Which labels and metadata an evaluation's figures may be filtered by", _SCHEMA, conflicts=True)
    def filter_schema(evaluation_id: str) -> Response:
        return answer(evaluation_id, question="schema")


def _page(document: dict[str, Any]) -> dict[str, Any]:
    """Return which examples a document asks for, the surest or most alike first where it says nothing of the order."""
    order = document.get("sort_order")
    if isinstance(order, str):
        order = order.upper()
    sort_by = None if document.get("sort_by") is None else one_of(document, "sort_by", *SORTED_BY)
    match_type = None if document.get("match_type") is None else one_of(document, "match_type", *MATCH_TYPES)
    return {
        "match_type": match_type,
        "limit": whole(document, "limit", PAGE, MAX_PAGE),
        "offset": whole(document, "offset", 0, MAX_OFFSET, low=0),
        "sort_by": sort_by,
        "ascending": one_of({"sort_order": order}, "sort_order", *ORDERS) == "ASC",
    }


def _filters(document: dict[str, Any]) -> dict[str, Any]:
    """Return the filters of a document, checked; NotOffered for what is not searched here."""
    if document.get("query"):
        raise NotOffered(f"not implemented: query is {shown(document['query'])}; give filters")
    given = mapping(document, "filters") or {}
    try:
        read = filters.read(given)
    except ValueError as error:
        raise BadRequest(f"filters: {error}") from None
    if read.slice_ids is not None:
        raise NotOffered("not implemented: the filter sliceIds; this server keeps no slices")
    return given


def _query(request: Request) -> dict[str, Any]:
    """Return what a request asks for in its query, as a document."""
    document: dict[str, Any] = {name: request.args[name] for name in _IN_QUERY if name in request.args}
    if "iouThreshold" in document:
        with suppress(ValueError):  # of a text, which is told as one
            document["iouThreshold"] = float(document["iouThreshold"])
    if "filters" in document:
        document["filters"] = parsed(document["filters"], "filters")
    return document
