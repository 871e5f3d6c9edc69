"""Answers as objects of the store: every kind of prediction, and nothing that the store would refuse."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from container.service import answers
from container.service.answers import Answered, as_objects
from container.store.derived import Derived
from container.store.objects import read_item, read_object
from container.store.recorded import Answer, Served
from container.structures import Bitmasks, Classification, Instances, Prediction, SemanticMap

SIZE = (30, 40)


def answer(prediction: Prediction, reference: str = "a", request_id: str = "r", number: int = 0) -> Answer:
    answered = Answered(Served("net", "1"), "net", reference, request_id, number, prediction, 1000.0)
    return as_objects(answered, lambda: None)


def instances(boxes: np.ndarray, scores: np.ndarray, labels: tuple[str, ...], masks: Any = None) -> Instances:
    return Instances(SIZE, boxes.astype(np.float32), scores.astype(np.float32), np.arange(len(labels)), labels, masks)


def documents(found: Answer) -> list[dict[str, Any]]:
    return [json.loads(row.payload) for row in found.rows]


@pytest.mark.parametrize(
    ("reference", "request_id", "number", "name"),
    [
        ("a", "r", 0, "a"),
        ("a", "r", 2, "a/2"),
        ("", "r", 0, "r"),
        ("", "r", 1, "r/1"),
        ("\ud800", "r", 0, "r"),
        ("x" * 1200, "r", 0, "x" * 1000),
        ("x" * 1200, "r", 12, "x" * 997 + "/12"),
    ],
)
def test_references(reference: str, request_id: str, number: int, name: str) -> None:
    found = answer(instances(np.zeros((1, 4)), np.ones(1), ("cat",)), reference, request_id, number)
    assert found.item.reference_id == found.rows[0].reference_id == name


def test_a_classification_is_a_category() -> None:
    found = Classification(SIZE, np.array([0.75, 0.25], np.float32), np.arange(2), ("cat", "dog"))
    (document,) = documents(answer(found))
    assert document == {
        "reference_id": "a",
        "metadata": {},
        "type": "category",
        "label": "cat",
        "confidence": 0.75,
        "class_pdf": {"cat": 0.75, "dog": 0.25},
    }
    assert not documents(answer(Classification(SIZE, np.zeros(0, np.float32), np.zeros(0, int), ())))


def test_a_map_of_classes_is_a_box_and_an_outline_of_each() -> None:
    ids = np.zeros(SIZE, np.uint8)
    ids[10:20, 5:15], ids[25, 30] = 1, 1
    box, outline = documents(answer(SemanticMap(ids, {1: 0.5}, ("background", "road"))))
    assert (box["label"], box["geometry"]) == ("road", {"x": 5, "y": 10, "width": 26, "height": 16})
    assert outline["geometry"]["vertices"] == [{"x": x, "y": y} for x, y in ((5, 10), (5, 19), (14, 19), (14, 10))]


def test_what_cannot_be_stored_is_left_out() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, np.nan, 1]])
    found = answer(instances(boxes, np.ones(4), ("x" * 1001, "a\0", "cat", "dog")))
    assert [row.label for row in found.rows] == ["cat"]


def test_an_empty_mask_has_no_outline() -> None:
    found = answer(instances(np.zeros((1, 4)), np.ones(1), ("cat",), Bitmasks(np.zeros((1, *SIZE), bool))))
    assert [row.kind for row in found.rows] == ["box"]


def test_long_outlines_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = np.hypot(*np.mgrid[-15:15, -20:20]) < 12
    found = instances(np.zeros((1, 4)), np.ones(1), ("cat",), Bitmasks(disk[None]))
    whole = documents(answer(found))[1]["geometry"]["vertices"]
    monkeypatch.setattr(answers, "MAX_POINTS", 10)
    assert documents(answer(found))[1]["geometry"]["vertices"] == whole[:: 1 + (len(whole) - 1) // 10]


@given(data=st.data(), count=st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_objects_are_those_that_a_client_could_send(data: st.DataObject, count: int) -> None:
    numbers = st.floats(width=32)
    boxes = data.draw(arrays(np.float32, (count, 4), elements=numbers))
    scores = data.draw(arrays(np.float32, count, elements=numbers))
    labels = tuple(data.draw(st.lists(st.text(max_size=5), min_size=count, max_size=count)))
    masks = Bitmasks(data.draw(arrays(bool, (count, *SIZE), elements=st.booleans(), fill=st.booleans())))
    found = answer(instances(boxes, scores, labels, masks))
    for row in found.rows:
        assert read_object(json.loads(row.payload), row.payload, truth=False, derived=Derived()) == row
    assert read_item(json.loads(found.item.payload), found.item.payload) == found.item
