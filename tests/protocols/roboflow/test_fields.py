"""The fields of a request, in JSON and in a query."""

from dataclasses import replace
from typing import Any

import pytest

from container.errors import BadRequest
from container.protocols.roboflow.fields import Fields, WrongType, from_document, from_query
from container.structures import ModelSpec, Options
from tests.fakes import LABELS, FakeEngine

OWN = FakeEngine(ModelSpec("fake", "fake_net", "NONE", LABELS, options=Options(confidence=0.81)))


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({}, Fields()),
        ({"confidence": None, "class_filter": None, "whatever": [1]}, Fields()),
        ({"confidence": 0.25, "iou_threshold": 1}, Fields(confidence=0.25, iou_threshold=1.0)),
        ({"confidence": "0.25", "max_detections": "7"}, Fields(confidence=0.25, max_detections=7)),
        ({"confidence": "best"}, Fields(confidence="best")),
        ({"class_filter": ["horse"]}, Fields(class_filter=("horse",))),
        (
            {"class_agnostic_nms": "True", "visualize_predictions": 1},
            Fields(class_agnostic_nms=True, visualize_predictions=True),
        ),
        (
            {"mask_decode_mode": "tradeoff", "tradeoff_factor": 0.5},
            Fields(mask_decode_mode="tradeoff", tradeoff_factor=0.5),
        ),
        ({"id": "mine", "source": "a", "source_info": "b"}, Fields(id="mine", source="a", source_info="b")),
    ],
)
def test_a_document(document: dict[str, Any], fields: Fields) -> None:
    assert from_document(document) == fields


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"confidence": "40", "overlap": "30"}, Fields(confidence=0.4, iou_threshold=0.3)),
        ({"confidence": "1", "overlap": "1"}, Fields(confidence=0.01, iou_threshold=0.01)),
        ({"confidence": "0.4", "overlap": "100"}, Fields(confidence=0.4, iou_threshold=1.0)),
        ({"confidence": "best", "keypoint_confidence": "1"}, Fields(confidence="best", keypoint_confidence=1.0)),
        ({"classes": "person, dog"}, Fields(class_filter=("person", "dog"))),
        ({"labels": "on", "stroke": "5"}, Fields(visualization_labels=True, visualization_stroke_width=5)),
        ({"labels": "False", "confidence": "", "api_key": "k", "countinference": "False"}, Fields()),
    ],
)
def test_a_query(query: dict[str, str], fields: Fields) -> None:
    assert from_query(query) == fields


@pytest.mark.parametrize(
    ("document", "kind", "message"),
    [
        ({"confidence": 1.2}, BadRequest, 'confidence is 1.2; it takes a number from 0 to 1 or "best" or "default"'),
        ({"confidence": -0.1}, BadRequest, "confidence is -0.1"),
        ({"confidence": "much"}, WrongType, "confidence is 'much'"),
        ({"confidence": True}, WrongType, "confidence is True"),
        ({"confidence": float("nan")}, BadRequest, "confidence is nan"),
        ({"tradeoff_factor": 2}, BadRequest, "tradeoff_factor is 2; it takes a number from 0 to 1"),
        ({"mask_decode_mode": "best"}, BadRequest, 'one of "accurate", "tradeoff", "fast"'),
        (
            {"response_mask_format": "png"},
            WrongType,
            'response_mask_format is \'png\'; it takes one of "polygon", "rle"',
        ),
        ({"max_detections": 0}, BadRequest, "max_detections is 0; it takes a whole number from 1 to 100000"),
        ({"max_detections": 1.5}, BadRequest, "max_detections is 1.5"),
        ({"max_detections": 1e400}, BadRequest, "max_detections is inf"),
        ({"class_filter": [1]}, WrongType, "class_filter is [1]"),
        ({"class_filter": ["x" * 1000] * 1001}, WrongType, "…; it takes a list of class names"),
        ({"visualize_predictions": "maybe"}, WrongType, "visualize_predictions is 'maybe'; it takes true or false"),
        ({"source": 7}, WrongType, "source is 7; it takes a text"),
    ],
)
def test_a_wrong_value_is_named(document: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as raised:
        from_document(document)
    assert type(raised.value) is kind
    assert message in str(raised.value)


def test_a_wrong_parameter_is_named_as_it_was_sent() -> None:
    with pytest.raises(BadRequest, match="overlap is '250'; it takes a number from 0 to 1 or from 1 to 100 percent"):
        from_query({"overlap": "250"})


@pytest.mark.parametrize(
    ("given", "confidence"),
    [({}, 0.4), ({"confidence": "default"}, 0.4), ({"confidence": "best"}, 0.81), ({"confidence": 0}, 0.0)],
)
def test_the_confidence_of_a_model(given: dict[str, Any], confidence: float) -> None:
    assert from_document(given).options(OWN).confidence == confidence


def test_best_without_an_own_confidence_is_the_default() -> None:
    plain = FakeEngine(replace(OWN.spec, options=Options()))
    assert from_document({"confidence": "best"}).options(plain).confidence == 0.4


def test_unknown_classes_are_left_out_of_the_filter() -> None:
    assert from_document({"class_filter": ["horse", "unicorn"]}).options(OWN).class_filter == ("horse",)
    assert from_document({"class_filter": ["unicorn"]}).options(OWN).class_filter == ()


def test_a_source_is_logged_shortened() -> None:
    assert from_document({"source": "x" * 100}).logged == {"source": "x" * 80}
