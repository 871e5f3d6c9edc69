"""Labels that count as one, labels that may match, and rules that leave out: what is read, and what is refused."""

from typing import Any

import pytest

from container.errors import BadRequest
from container.protocols.nucleus import configs

CARS, BIKES = {"class_name": "car", "labels": ["car", "van"]}, {"className": "bike", "labels": ["bike"]}
MATCH = {"ground_truth_label": "car", "model_prediction_label": "van"}
AREA = {"type": "boxArea", "scope": "annotation", "target": "groundTruth", "min": 4}
LABELS = {"type": "labels", "scope": "item", "target": "prediction", "labels": ["x"]}
METADATA = {"type": "metadata", "scope": "item", "key": "night", "op": "EQ", "value": True}
ONE_OF, LATER = {**METADATA, "op": "IN", "value": ["a", 1, False]}, {**METADATA, "op": "GT", "value": "2024"}

READ: list[tuple[Any, object, object]] = [
    (configs.groups, None, []),
    (configs.groups, [CARS, BIKES], [["car", ["car", "van"]], ["bike", ["bike"]]]),
    (configs.groups, [{**CARS, "labels": ["a", "b", "a"]}], [["car", ["a", "b"]]]),
    (configs.pairs, None, []),
    (configs.pairs, [], []),
    (configs.pairs, [MATCH, MATCH], [["car", "van"]]),
    (configs.pairs, [{"groundTruthLabel": "a", "modelPredictionLabel": "b"}], [["a", "b"]]),
    (configs.rules, None, []),
    (configs.rules, [AREA, LABELS, METADATA], [AREA, LABELS, METADATA]),
    (configs.rules, [{**AREA, "max": 4}], [{**AREA, "max": 4}]),
    (configs.rules, [{**AREA, "max": None}], [AREA]),
    (configs.rules, [ONE_OF], [ONE_OF]),
    (configs.rules, [LATER], [LATER]),
]


@pytest.mark.parametrize(("read", "given", "expected"), READ)
def test_what_is_read(read: Any, given: object, expected: object) -> None:
    assert read({"one": given}, "one") == expected


WRONG: list[tuple[Any, object, str]] = [
    (configs.groups, [], "no groups"),
    (configs.groups, "x", "list"),
    (configs.groups, [1], "list"),
    (configs.groups, [{"class_name": "a", "labels": []}], "no labels"),
    (configs.groups, [{"class_name": "a"}], "no labels"),
    (configs.groups, [{"labels": ["a"]}], "class_name"),
    (configs.groups, [{**CARS, "colour": 1}], "colour"),
    (configs.groups, [CARS, CARS], "two groups"),
    (configs.groups, [CARS, {"class_name": "b", "labels": ["van"]}], "in two groups"),
    (configs.groups, [{"class_name": "a", "labels": [1]}], "labels"),
    (configs.pairs, [{"ground_truth_label": "a"}], "model_prediction_label"),
    (configs.pairs, [{**MATCH, "model_prediction_label": 1}], "model_prediction_label"),
    (configs.pairs, {}, "list"),
    (configs.rules, [{}], "rule 0 of one: type is missing"),
    (configs.rules, [METADATA, {**METADATA, "type": "x"}], "rule 1 of one: type"),
    (configs.rules, [{**METADATA, "scope": "annotation"}], "scope"),
    (configs.rules, [{**METADATA, "target": "groundTruth"}], "target"),
    (configs.rules, [{**METADATA, "key": ""}], "key"),
    (configs.rules, [{**METADATA, "op": "NE"}], "op"),
    (configs.rules, [{**METADATA, "op": None}], "op is missing"),
    (configs.rules, [{**METADATA, "value": None}], "value"),
    (configs.rules, [{**METADATA, "value": [1]}], "value"),
    (configs.rules, [{**METADATA, "op": "IN", "value": []}], "value"),
    (configs.rules, [{**METADATA, "op": "IN", "value": "a"}], "value"),
    (configs.rules, [{**METADATA, "op": "LT", "value": True}], "value"),
    (configs.rules, [{**METADATA, "op": "LT", "value": 10**400}], "value"),
    (configs.rules, [{**LABELS, "labels": []}], "labels"),
    (configs.rules, [{**LABELS, "target": "both"}], "target"),
    (configs.rules, [{**LABELS, "scope": None}], "scope is missing"),
    (configs.rules, [{**AREA, "min": None}], "neither"),
    (configs.rules, [{**AREA, "min": -1}], "min"),
    (configs.rules, [{**AREA, "min": 5, "max": 4}], "more than max"),
    (configs.rules, [{**AREA, "max": "4"}], "max"),
]


@pytest.mark.parametrize(("read", "given", "said"), WRONG)
def test_what_is_refused(read: Any, given: object, said: str) -> None:
    with pytest.raises(BadRequest) as told:
        read({"one": given}, "one")
    assert said in told.value.message and len(told.value.message) < 400


@pytest.mark.parametrize(
    ("kept", "agnostic", "said"),
    [
        ({"allowed_label_matches": [["a", "x"], ["b", "x"]]}, False, "'x'"),
        ({"allowed_label_matches": [["a", "b"], ["b", "a"]]}, False, "'a'"),
        ({"allowed_label_matches": [["a", "b"]], "rollup_groups": [["c", ["d"]]]}, False, "two things"),
        ({"rollup_groups": [["c", ["d"]]]}, True, "class_agnostic"),
        ({"rollup_groups": [["c", ["d" * 300_000]]]}, False, "characters"),
    ],
)
def test_what_no_evaluation_can_be_made_with(kept: dict[str, Any], agnostic: bool, said: str) -> None:
    with pytest.raises(BadRequest) as told:
        configs.compared_by(kept, agnostic)
    assert said in told.value.message


def test_what_an_evaluation_is_made_with() -> None:
    made = configs.compared_by({"rollup_groups": [["a", ["b", "c"]]], "exclusion_rules": [AREA]})
    assert made.as_dict() == {
        "class_agnostic": False,
        "allowed": [],
        "groups": [["a", ["b", "c"]]],
        "exclusions": [AREA],
    }
