"""Objects as clients send them: which are stored, under which key, and what is said about the others."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.store.checks import shown
from container.store.derived import Derived
from container.store.objects import KINDS, ItemRow, Row, read_item, read_object

POINT = {"x": 1, "y": 2.5}
GEOMETRY: dict[str, dict[str, Any]] = {
    "box": {"x": -1, "y": 2.5, "width": 0, "height": 4},
    "polygon": {"vertices": [POINT, POINT, POINT]},
    "line": {"vertices": [POINT, POINT]},
    "keypoints": {
        "keypoints": [{**POINT, "visible": True}, {"x": None, "y": None, "visible": False}, POINT],
        "names": ["nose", "eye", "ear"],
        "skeleton": [[0, 1]],
    },
    "cuboid": {"position": {**POINT, "z": 3}, "dimensions": {**POINT, "z": 0}, "yaw": -0.5},
}
MASK = {
    "type": "mask",
    "mask_url": "s3://bucket/m.png",
    "annotations": [{"label": "car", "index": 1, "metadata": {"a": 1}}, {"label": "car", "index": 0}],
    "reference_id": "i",
}


def shape(kind: str, **changes: object) -> dict[str, Any]:
    return {
        "type": kind,
        "label": "car",
        "geometry": GEOMETRY[kind],
        "reference_id": "i",
        "annotation_id": "a",
        **changes,
    }


def read(value: object, truth: bool = False, derived: Derived | None = None) -> Row | str:
    return read_object(value, json.dumps(value), truth=truth, derived=derived or Derived())


CATEGORY = {"type": "category", "label": "car", "geometry": {}, "reference_id": "i"}
LABELS = {"type": "multicategory", "labels": ["a", "b"], "reference_id": "i", "taxonomy_name": "t"}
KEYS = [
    *((shape(kind), (kind, "a:a", "car")) for kind in GEOMETRY),
    (shape("box", annotation_id=7), ("box", "a:7", "car")),
    (shape("box", label="", metadata={}, class_pdf={}), ("box", "a:a", "")),
    (CATEGORY, ("category", "c:", "car")),
    ({**CATEGORY, "taxonomy_name": None, "annotation_id": "a"}, ("category", "c:", "car")),
    ({**CATEGORY, "taxonomy_name": "t"}, ("category", "c:t", "car")),
    (MASK, ("segmentation", "s", "")),
    ({**MASK, "annotation_id": "m", "annotations": []}, ("segmentation", "s", "")),
]


@pytest.mark.parametrize(("value", "expected"), KEYS)
@pytest.mark.parametrize("truth", [True, False])
def test_a_row(value: dict[str, Any], expected: tuple[str, str, str], truth: bool) -> None:
    kind, key, label = expected
    assert read(value, truth) == Row("i", None, None, kind, key, label, None, json.dumps(value))


def test_every_kind_is_in_the_table() -> None:
    assert {kind for _, (kind, _, _) in KEYS} | {"multicategory"} == set(KINDS)


def test_a_multicategory_is_ground_truth_only() -> None:
    assert read(LABELS, truth=True) == Row("i", None, None, "multicategory", "c:t", "", None, json.dumps(LABELS))
    assert read(LABELS) == (
        'multicategory of item "i": type is "multicategory"; it takes one of box, polygon, line, keypoints, cuboid, '
        "category, mask"
    )


@pytest.mark.parametrize("confidence", [0, 1, 0.5, None])
def test_predictions_have_confidence(confidence: float | None) -> None:
    value = shape("box", confidence=confidence, class_pdf={"car": 0.9, "bus": 0})
    row = read(value)
    assert isinstance(row, Row) and row.confidence == confidence
    row = read({**value, "confidence": "high", "class_pdf": 3}, truth=True)
    assert isinstance(row, Row) and row.confidence is None


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ({}, ("i", None, None)),
        ({"dataset_id": "ds_1", "item_id": None}, ("i", None, "ds_1")),
        ({"reference_id": None, "item_id": "di_1"}, (None, "di_1", None)),
        ({"item_id": "di_1"}, ("i", "di_1", None)),
        ({"reference_id": "a/é b?#%41"}, ("a/é b?#%41", None, None)),
    ],
)
def test_how_an_item_is_named(sent: dict[str, Any], names: tuple[str | None, ...]) -> None:
    row = read(shape("box", **sent))
    assert isinstance(row, Row) and (row.reference_id, row.item_id, row.dataset_id) == names


def box(**changes: object) -> dict[str, Any]:
    return shape("box", geometry={**GEOMETRY["box"], **changes})


def line(*vertices: object) -> dict[str, Any]:
    return shape("line", geometry={"vertices": [*vertices]})


def points(*keypoints: object, **changes: object) -> dict[str, Any]:
    return shape("keypoints", geometry={**GEOMETRY["keypoints"], "keypoints": [*keypoints], **changes})


def segments(*annotations: object) -> dict[str, Any]:
    return {**MASK, "annotations": [*annotations]}


CAR = {"label": "car", "index": 1}
NAN, INFINITE = float("nan"), float("inf")
TEXT = "a string of {} to 1,000 characters"
FINITE, SIZE, SHARE = "a finite number", "a finite number of 0 or more", "a number from 0 to 1"
STORABLE = "characters only: no NUL, no lone surrogate"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (box(x="1"), f'geometry.x is "1"; it takes {FINITE}'),
        (box(y=None), f"geometry.y is null; it takes {FINITE}"),
        (box(x=True), f"geometry.x is true; it takes {FINITE}"),
        (box(x=NAN), f"geometry.x is NaN; it takes {FINITE}"),
        (box(x=INFINITE), f"geometry.x is Infinity; it takes {FINITE}"),
        (box(x=10**309), f"geometry.x is 1{'0' * 58}…; it takes {FINITE}"),
        (box(width=-1), f"geometry.width is -1; it takes {SIZE}"),
        (box(height=[]), f"geometry.height is []; it takes {SIZE}"),
        (shape("box", geometry={}), f"geometry.x is missing; it takes {FINITE}"),
        (shape("box", geometry=[]), "geometry is []; it takes an object"),
        (shape("polygon", geometry=GEOMETRY["line"]), "geometry.vertices is [{"),
        (shape("polygon", geometry=GEOMETRY["line"]), "it takes a list of 3 or more"),
        (line(POINT), "it takes a list of 2 or more"),
        (line(), "geometry.vertices is []; it takes a list of 2 or more"),
        (line(POINT, 3), "geometry.vertices[1] is 3; it takes an object of x and y"),
        (line(POINT, {"x": 1}), f"geometry.vertices[1].y is missing; it takes {FINITE}"),
        (line({"x": "1", "y": 1}, POINT), f'geometry.vertices[0].x is "1"; it takes {FINITE}'),
        (points(), "geometry.keypoints is []; it takes a list of 1 or more"),
        (points([1, 2]), "geometry.keypoints[0] is [1, 2]; it takes an object of x, y and visible"),
        (points({"x": None, "y": 1}), f"geometry.keypoints[0].x is null; it takes {FINITE}"),
        (points({"x": "", "visible": False}), f'geometry.keypoints[0].x is ""; it takes {FINITE}'),
        (points({**POINT, "visible": 1}), "geometry.keypoints[0].visible is 1; it takes true or false"),
        (points(POINT, names=None), "geometry.names is null; it takes a list"),
        (points(POINT, names=["a", 1]), "geometry.names[1] is 1; it takes a string"),
        (points(POINT, skeleton={}), "geometry.skeleton is {}; it takes a list"),
        (shape("cuboid", geometry={}), "geometry.position is missing; it takes an object of x, y and z"),
        (shape("cuboid", geometry={**GEOMETRY["cuboid"], "yaw": NAN}), "geometry.yaw is NaN; it takes"),
        (
            shape("cuboid", geometry={**GEOMETRY["cuboid"], "dimensions": {**POINT, "z": -1}}),
            f"geometry.dimensions.z is -1; it takes {SIZE}",
        ),
        (shape("box", type="scene"), 'object "a" of item "i": type is "scene"; it takes one of box, polygon,'),
        (shape("box", type=["box"]), 'type is ["box"]; it takes one of'),
        ({}, "object: type is missing; it takes one of"),
        ({"type": "category"}, f"reference_id is missing; it takes {TEXT.format(1)}"),
        (shape("box", reference_id=""), f'reference_id is ""; it takes {TEXT.format(1)}'),
        (shape("box", reference_id=3), f"reference_id is 3; it takes {TEXT.format(1)}"),
        (shape("box", reference_id="i" * 1001), f'reference_id is "{"i" * 58}…; it takes {TEXT.format(1)}'),
        (shape("box", reference_id=3, item_id="di_1"), f"reference_id is 3; it takes {TEXT.format(1)}"),
        (shape("box", item_id=""), f'item_id is ""; it takes {TEXT.format(1)}'),
        (shape("box", dataset_id=1), f"dataset_id is 1; it takes {TEXT.format(1)}"),
        (shape("box", annotation_id=1.5), "annotation_id is 1.5; it takes a string of up to 1,000 characters, or a"),
        (shape("box", annotation_id=True), "annotation_id is true; it takes a string of up to 1,000"),
        (shape("box", annotation_id="a" * 1001), f"it takes {TEXT.format(0)}"),
        (shape("box", label=None), f"label is null; it takes {TEXT.format(0)}"),
        (shape("box", label="\ud800"), f'label is "\\ud800"; it takes {STORABLE}'),
        (shape("box", reference_id="a\0"), f'reference_id is "a\\u0000"; it takes {STORABLE}'),
        (shape("box", annotation_id="\udfff"), f'annotation_id is "\\udfff"; it takes {STORABLE}'),
        (shape("box", metadata=[1]), "metadata is [1]; it takes an object"),
        (shape("box", confidence=1.01), f"confidence is 1.01; it takes {SHARE}"),
        (shape("box", confidence=True), f"confidence is true; it takes {SHARE}"),
        (shape("box", confidence=NAN), f"confidence is NaN; it takes {SHARE}"),
        (shape("box", class_pdf=[1]), "class_pdf is [1]; it takes an object"),
        (shape("box", class_pdf={"car": 0.5, "bus": -1}), f'class_pdf["bus"] is -1; it takes {SHARE}'),
        ({**CATEGORY, "taxonomy_name": 1}, f"taxonomy_name is 1; it takes {TEXT.format(0)}"),
        ({**MASK, "mask_url": ""}, 'mask_url is ""; it takes a string of 1 to 4,000 characters'),
        ({**MASK, "annotations": None}, "annotations is null; it takes a list"),
        (segments(CAR, 1), "annotations[1] is 1; it takes an object of label and index"),
        (segments({"index": 1}), f"annotations[0].label is missing; it takes {TEXT.format(0)}"),
        (segments({"label": "a"}), "annotations[0].index is missing; it takes a whole number of 0 or more"),
        (segments({"label": "a", "index": -1}), "annotations[0].index is -1; it takes"),
        (segments({"label": "a", "index": 1.0}), "annotations[0].index is 1.0; it takes"),
        (segments(CAR, CAR), "annotations[1].index is 1; it takes an index that no other segment has"),
        (segments({**CAR, "metadata": 1}), "annotations[0].metadata is 1; it takes an object"),
        ("box", '"box" is no JSON object'),
        ([], "[] is no JSON object"),
    ],
)
def test_what_is_wrong_with_it(value: object, error: str) -> None:
    said = read(value)
    assert isinstance(said, str) and error in said
    assert said.isprintable() and len(said) <= 500


@pytest.mark.parametrize("labels", [None, "a", ["a", 1]])
def test_labels_of_a_multicategory(labels: object) -> None:
    said = read({**LABELS, "labels": labels}, truth=True)
    assert isinstance(said, str) and said.startswith('multicategory of item "i": labels')


def test_errors_name_the_object() -> None:
    assert read(shape("box", label=1)) == f'box "a" of item "i": label is 1; it takes {TEXT.format(0)}'
    said = read(shape("box", label=1, reference_id=None, item_id="di_1", annotation_id=None))
    assert said == f'box of item "di_1": label is 1; it takes {TEXT.format(0)}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([value for value, _ in KEYS] + [LABELS]), st.data(), JSON, st.booleans())
def test_any_value_in_any_place_is_stored_or_told(
    value: dict[str, Any], data: st.DataObject, other: object, truth: bool
) -> None:
    changed = json.loads(json.dumps(value))
    holder: Any = changed
    while True:
        key = data.draw(st.sampled_from([*holder] if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or data.draw(st.booleans()):
            break
        holder = holder[key]
    holder[key] = other
    said = read(changed, truth)
    if isinstance(said, str):
        assert said.isprintable() and len(said) <= 500
    else:
        (said.key + said.label + (said.reference_id or "")).encode()
        assert said.payload == json.dumps(changed) or not changed.get("annotation_id")


@given(JSON)
def test_a_value_is_shown_in_one_short_line(value: object) -> None:
    assert shown(value).isprintable() and 0 < len(shown(value)) <= 60


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"reference_id": "i", "image_url": "s3://a"}, ("i", "s3://a")),
        ({"ref_id": "i", "image_location": "/tmp/a.png", "metadata": {"a": 1}}, ("i", "/tmp/a.png")),
        ({"reference_id": "i", "image_url": "u", "pointcloud_url": None, "metadata": None}, ("i", "u")),
    ],
)
def test_an_item(value: dict[str, Any], expected: tuple[str, str]) -> None:
    text = json.dumps(value)
    assert read_item(value, text) == ItemRow(*expected, text)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"image_url": "u"}, f"item: reference_id is missing; it takes {TEXT.format(1)}"),
        ({"ref_id": "", "image_url": "u"}, f'item "": ref_id is ""; it takes {TEXT.format(1)}'),
        ({"reference_id": "i"}, 'item "i": image_url is missing; it takes a string of 1 to 4,000 characters'),
        ({"reference_id": "i", "image_url": ""}, 'item "i": image_url is ""; it takes a string of 1 to 4,000'),
        ({"reference_id": "i", "pointcloud_url": "u"}, 'pointcloud_url is "u"; it takes nothing: items are pictures'),
        ({"reference_id": "i", "image_url": "u", "scene": {}}, "scene is {}; it takes nothing"),
        ({"reference_id": "i", "image_url": "u", "metadata": 1}, 'item "i": metadata is 1; it takes an object'),
        ({"reference_id": "\ud800", "image_url": "u"}, STORABLE),
        (3, "3 is no JSON object"),
    ],
)
def test_what_is_wrong_with_an_item(value: object, error: str) -> None:
    said = read_item(value, json.dumps(value))
    assert isinstance(said, str) and error in said
    assert said.isprintable() and len(said) <= 500
