"""“json”, “jsonlines” and “clarify”, byte for byte."""

import json
from dataclasses import replace

import numpy as np
import pytest

from container import formats
from container.structures import (
    Appearance,
    Bitmasks,
    Choice,
    Classification,
    Image,
    Instances,
    Options,
    Prediction,
    Result,
    RoiMasks,
    SemanticMap,
)
from container.structures.strict_json import dump, numbers
from tests.fakes import TricklingMasks

SIZE = (4, 5)
NAN, INF = float("nan"), float("inf")


def result(prediction: Prediction) -> Result:
    return Result(Image(np.zeros((*prediction.image_size, 3), np.uint8)), prediction, "model")


def found(*rows: tuple[str, int, float, tuple[float, float, float, float]]) -> Instances:
    return Instances(
        image_size=SIZE,
        boxes=np.array([row[3] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[2] for row in rows], np.float32),
        classes=np.array([row[1] for row in rows], np.int64),
        labels=tuple(row[0] for row in rows),
    )


def encoded(prediction: Prediction, form: str = "json", **appearance: object) -> str:
    choice = Choice(form, appearance=Appearance(**appearance))
    return formats.formats[form].encode(result(prediction), choice).decode("ascii")


NONE = found()
TURTLE = found(("żółw", 1, 0.5, (0, 0, 1, 1)))
HORSE = ("horse", 19, 0.998, (1.1, 0.25, 3.3, 4.0))
DOG = ("dog", 18, 0.514, (0, 0, 12.34, 1000.0625))
BITMAP = np.array([[[0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]], bool)
MASKED = replace(found(HORSE), masks=Bitmasks(BITMAP))
MAP = SemanticMap(np.array([[0, 0, 2, 2, 2]] * 4, np.uint8), {2: 0.75}, ("background", "cat", "road"))
TABBY = Classification(SIZE, np.array([0.81, 0.125], np.float32), np.array([281, 7]), ("tabby", "cock"))
POINTS = replace(found(HORSE), keypoints=np.array([[[1.1, 2, 0.9], [NAN, 2, 0.9]]], np.float32))


@pytest.mark.parametrize(
    ("prediction", "masks", "expected"),
    [
        (NONE, "none", '{"labels":[],"boxes":[]}'),
        (
            found(HORSE, DOG),
            "none",
            '{"labels":["horse 100%","dog 51%"],"boxes":[[1.1,0.25,3.3,4.0],[0.0,0.0,12.34,1000.0625]]}',
        ),
        (MASKED, "none", '{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]]}'),
        (NONE, "rle", '{"labels":[],"boxes":[],"scores":[],"class_ids":[],"masks":[]}'),
        (
            MASKED,
            "rle",
            '{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]],"scores":[0.998],"class_ids":[19],'
            '"masks":[{"size":[4,5],"counts":"42208"}]}',
        ),
        (
            MASKED,
            "polygon",
            '{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]],"scores":[0.998],"class_ids":[19],'
            '"masks":[[[1.0,0.0,1.0,1.0,2.0,1.0,2.0,0.0]]]}',
        ),
        (
            found(HORSE),
            "polygon",
            '{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]],"scores":[0.998],"class_ids":[19],"masks":[null]}',
        ),
        (MAP, "none", '{"labels":["road 75%"],"boxes":[[2.0,0.0,5.0,4.0]]}'),
        (
            MAP,
            "rle",
            '{"labels":["road 75%"],"boxes":[[2.0,0.0,5.0,4.0]],"scores":[0.75],"class_ids":[2],'
            '"masks":[{"size":[4,5],"counts":"8<"}]}',
        ),
        (TABBY, "none", '{"labels":["tabby 81%","cock 12%"],"boxes":[[0.0,0.0,5.0,4.0],[0.0,0.0,5.0,4.0]]}'),
        (
            TABBY,
            "rle",
            '{"labels":["tabby 81%","cock 12%"],"boxes":[[0.0,0.0,5.0,4.0],[0.0,0.0,5.0,4.0]],'
            '"scores":[0.81,0.125],"class_ids":[281,7],"masks":[null,null]}',
        ),
        (
            POINTS,
            "none",
            '{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]],"keypoints":[[[1.1,2.0,0.9],[0.0,0.0,0.0]]]}',
        ),
        (TURTLE, "none", r'{"labels":["\u017c\u00f3\u0142w 50%"],"boxes":[[0.0,0.0,1.0,1.0]]}'),
    ],
)
def test_json_to_the_byte(prediction: Prediction, masks: str, expected: str) -> None:
    assert encoded(prediction, masks=masks) == expected


@pytest.mark.parametrize(
    ("form", "prediction", "expected"),
    [
        ("json", NONE, '{"labels":[],"boxes":[],"scores":[],"class_ids":[]}'),
        (
            "json",
            MASKED,
            '{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]],"scores":[0.998],"class_ids":[19]}',
        ),
        ("json", MAP, '{"labels":["road 75%"],"boxes":[[2.0,0.0,5.0,4.0]],"scores":[0.75],"class_ids":[2]}'),
        ("jsonlines", MASKED, '{"label":"horse 100%","box":[1.1,0.25,3.3,4.0],"score":0.998,"class_id":19}\n'),
    ],
)
def test_scores_without_masks(form: str, prediction: Prediction, expected: str) -> None:
    choice = Choice(form, appearance=Appearance(scores=True))
    assert encoded(prediction, form, scores=True) == expected
    assert not formats.formats[form].needs_masks(choice)


@pytest.mark.parametrize(
    ("prediction", "masks", "expected"),
    [
        (NONE, "rle", ""),
        (TURTLE, "none", '{"label":"\\u017c\\u00f3\\u0142w 50%","box":[0.0,0.0,1.0,1.0]}\n'),
        (
            MASKED,
            "rle",
            '{"label":"horse 100%","box":[1.1,0.25,3.3,4.0],"score":0.998,"class_id":19,'
            '"mask":{"size":[4,5],"counts":"42208"}}\n',
        ),
    ],
)
def test_lines_to_the_byte(prediction: Prediction, masks: str, expected: str) -> None:
    assert encoded(prediction, "jsonlines", masks=masks) == expected


@pytest.mark.parametrize("masks", ["none", "rle", "polygon"])
@pytest.mark.parametrize(
    "prediction",
    [found(HORSE, DOG), MASKED, MAP, TABBY, POINTS],
    ids=["boxes", "masks", "semantic", "classes", "keypoints"],
)
def test_lines_are_the_columns_of_json(prediction: Prediction, masks: str) -> None:
    columns = json.loads(encoded(prediction, masks=masks))
    rows = [json.loads(line) for line in encoded(prediction, "jsonlines", masks=masks).splitlines()]
    names = {"labels": "label", "boxes": "box", "scores": "score", "class_ids": "class_id", "masks": "mask"}
    assert {name: [row[names.get(name, name)] for row in rows] for name in columns} == columns
    assert all(len(row) == len(columns) for row in rows)


def test_a_line_is_made_when_it_is_asked_for() -> None:
    masks = TricklingMasks(np.ones((2, 28, 28), np.float32), found(HORSE, DOG).boxes, SIZE, breaks_at=1)
    choice = Choice("jsonlines", appearance=Appearance(masks="rle"))
    lines = formats.formats["jsonlines"].pieces(result(replace(found(HORSE, DOG), masks=masks)), choice)
    assert json.loads(next(lines))["label"] == "horse 100%"
    with pytest.raises(ZeroDivisionError):
        next(lines)


@pytest.mark.parametrize(
    ("name", "masks", "needed"),
    [
        ("json", "none", False),
        ("json", "rle", True),
        ("json", "polygon", True),
        ("jsonlines", "none", False),
        ("jsonlines", "polygon", True),
        ("clarify", "rle", False),
        ("png", "none", True),
        ("jpeg", "none", True),
    ],
)
def test_masks_are_asked_for_where_they_will_be_shown(name: str, masks: str, needed: bool) -> None:
    choice = Choice(name, Options(confidence=0.3), Appearance(masks=masks))
    assert formats.formats[name].needs_masks(choice) is needed


def test_the_way_a_picture_would_look_does_not_change_json() -> None:
    assert encoded(MASKED, render="mask", opacity=0.1, draw_boxes=False, draw_labels=False) == encoded(MASKED)


@pytest.mark.parametrize(
    "broken",
    [
        ("x", 1, NAN, (0, 0, 1, 1)),
        ("x", 1, INF, (0, 0, 1, 1)),
        ("x", 1, 0.5, (0, NAN, 1, 1)),
        ("x", 1, 0.5, (0, 0, INF, 1)),
        ("x", 1, 0.5, (-INF, 0, 1, 1)),
    ],
)
@pytest.mark.parametrize("name", ["json", "jsonlines", "clarify"])
def test_what_is_not_a_number_is_no_detection(
    name: str, broken: tuple[str, int, float, tuple[float, float, float, float]]
) -> None:
    choice = Choice(name, appearance=Appearance(masks="rle"))
    masks = RoiMasks(np.ones((2, 28, 28), np.float32), found(HORSE, broken).boxes, SIZE)
    both, one = replace(found(HORSE, broken), masks=masks), replace(found(HORSE), masks=masks[np.array([0])])
    encode = formats.formats[name].encode
    assert encode(result(both), choice) == encode(result(one), choice)


def test_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        dump({"x": NAN})


def test_many_pictures_are_an_array_of_objects() -> None:
    choice = Choice("json")
    body = formats.formats["json"].encode_batch([result(found(HORSE)), result(NONE)], choice)
    assert body == b'[{"labels":["horse 100%"],"boxes":[[1.1,0.25,3.3,4.0]]},{"labels":[],"boxes":[]}]'
    assert formats.formats["json"].encode_batch([], choice) == b"[]"


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        ([NONE], b"[[]]"),
        ([found(("x", 3, 0.5, (1.25, 1, 2.5, 4)))], b"[[[3,0.5,0.25,0.25,0.5,1.0]]]"),
        ([found(("x", 3, 0.5, (-1, -0.5, 9, 4.5)))], b"[[[3,0.5,0.0,0.0,1.0,1.0]]]"),
        ([MAP, NONE], b"[[[2,0.75,0.4,0.0,1.0,1.0]],[]]"),
        ([], b"[]"),
    ],
)
def test_clarify_to_the_byte(predictions: list[Prediction], expected: bytes) -> None:
    clarify, choice = formats.formats["clarify"], Choice("clarify")
    assert clarify.encode_batch([result(p) for p in predictions], choice) == expected
    if len(predictions) == 1:
        assert clarify.encode(result(predictions[0]), choice) == expected


@pytest.mark.parametrize("shape", [(0, 4), (300, 4), (2, 3, 3), (5,)])
def test_short_numbers_lose_nothing(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).uniform(-10, 5000, shape).astype(np.float32)
    written = json.dumps(numbers(array))
    np.testing.assert_array_equal(np.array(json.loads(written), np.float32).reshape(shape), array)
