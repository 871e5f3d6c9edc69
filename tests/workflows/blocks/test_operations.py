"""The blocks that are made of operations: alone on values by hand, and in whole workflows on small blocks."""

import base64
from typing import Any

import numpy as np
import pytest

from container.workflows.errors import StepFailed, SyntaxFault, WrongKind
from container.workflows.graph import compile_workflow
from container.workflows.manifest import Step, blocks
from container.workflows.operations import Condition, Operations, OperationsByName, Switch
from tests.conftest import encode
from tests.workflows.conftest import Run
from tests.workflows.operations.samples import (
    FOUND,
    NONE,
    PICTURE,
    binary,
    dynamic,
    keep,
    of,
    static,
    unary,
)
from tests.workflows.small_blocks import pixels, spec, step

STEP = Step("step", None, lambda: None, lambda pixels: None)  # type: ignore[arg-type]  # none of these asks a model
COUNT = {"type": "SequenceLength"}
CLASSES = {"type": "DetectionsPropertyExtract", "property_name": "class_name"}
WIDTH = {"type": "ExtractImageProperty", "property_name": "width"}


def png(width: int) -> dict[str, str]:
    return {"type": "base64", "value": base64.b64encode(encode(pixels(width, 4))).decode()}


def group(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "StatementGroup", "statements": list(statements)}


@pytest.mark.parametrize(
    ("id", "others"),
    [
        ("detections_filter", ["DetectionsFilter"]),
        ("property_definition", ["PropertyDefinition", "PropertyExtraction"]),
        ("continue_if", ["ContinueIf"]),
        ("expression", ["Expression"]),
        ("first_non_empty_or_default", ["FirstNonEmptyOrDefault"]),
    ],
)
def test_the_names_of_the_blocks(id: str, others: list[str]) -> None:
    block = blocks[f"roboflow_core/{id}@v1"]
    assert all(blocks[name] is block for name in others)


@pytest.mark.parametrize("name", ["delta_filter", "rate_limiter", "data_aggregator", "cache_get", "cache_set"])
def test_blocks_that_keep_something_between_requests_are_not_offered(name: str) -> None:
    assert not [known for known in blocks if name in known]


class TestDetectionsFilter:
    block = blocks["DetectionsFilter"]

    def kept(self, found: Any, *operations: dict[str, Any], **parameters: Any) -> Any:
        row = {
            "predictions": found,
            "operations": Operations().convert(list(operations)),
            "operations_parameters": parameters,
        }
        return self.block.run(row, STEP)["predictions"]

    def test_detections_that_fit_stay_in_their_order(self) -> None:
        fits = keep(binary(of("class_name"), "in (Sequence)", dynamic("classes")))
        assert self.kept(FOUND, fits, classes=["person"]).ids == ("a", "c")
        assert self.kept(FOUND, fits, classes=[]).ids == ()
        assert self.kept(NONE, fits, classes=["person"]) is NONE
        assert self.kept(FOUND) is FOUND  # no operations

    def test_all_about_a_detection_stays_with_it(self) -> None:
        kept = self.kept(FOUND.with_data("area_px", [1, 2, 3]), keep(binary(of("class_id"), "==", static(1))))
        assert (kept.ids, kept.data["area_px"], kept.instances.labels) == (("b",), (2,), ("horse",))
        assert np.array_equal(kept.instances.boxes, FOUND.instances.boxes[1:2])

    @pytest.mark.parametrize(
        ("found", "operations", "parameters", "message"),
        [
            (PICTURE, [], {}, "predictions takes the detections of another step"),
            (FOUND, [COUNT], {}, "the operations make something else of the detections; "),
            (FOUND, [], {"_": 1}, "operations_parameters has a value named '_', which stands for each detection"),
            (FOUND, [keep(unary(dynamic("a"), "Exists"))], {"b": 1}, "no value is named 'a'; named are 'b'"),
        ],
    )
    def test_what_does_not_work(self, found: Any, operations: list[Any], parameters: Any, message: str) -> None:
        with pytest.raises(StepFailed) as failed:
            self.kept(found, *operations, **parameters)
        assert failed.value.message.startswith(message)


@pytest.mark.parametrize(
    ("data", "operations", "output"),
    [
        (FOUND, [COUNT], 3),
        (FOUND, [CLASSES], ["person", "horse", "person"]),
        (FOUND, [CLASSES, {"type": "SequenceElementsCount"}], {"person": 2, "horse": 1}),
        (FOUND, [keep(binary(of("confidence"), "(Number) >", static(0.3))), COUNT], 2),
        (PICTURE, [WIDTH], 200),
        ("as it is", [], "as it is"),
    ],
)
def test_a_property(data: Any, operations: list[Any], output: Any) -> None:
    row = {"data": data, "operations": Operations().convert(operations)}
    assert blocks["PropertyDefinition"].run(row, STEP) == {"output": output}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"count": 2, "names": ["dog"]}, "some"),
        ({"count": 0, "names": ["dog", "cat"]}, "dog, cat"),
        ({"count": 5, "names": ["dog"]}, ["dog"]),
    ],
)
def test_the_first_case_that_holds(data: dict[str, Any], expected: Any) -> None:
    def case(statement: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        return {"type": "CaseDefinition", "condition": group(statement), "result": result}

    many = case(
        binary(dynamic("count"), "(Number) >=", static(50)), {"type": "DynamicCaseResult", "parameter_name": "names"}
    )
    some = case(binary(dynamic("count"), "(Number) >", static(0)), {"type": "StaticCaseResult", "value": "some"})
    join = [{"type": "SequenceJoin"}]
    row = {
        "data": data,
        "data_operations": OperationsByName().convert({"count": [{"type": "Multiply", "other": 10}]}),
        "switch": Switch().convert(
            {
                "type": "CasesDefinition",
                "cases": [many, some],
                "default": {"type": "DynamicCaseResult", "parameter_name": "names", "operations": join},
            }
        ),
    }
    given = blocks["Expression"].run(row, STEP)["output"]
    assert given == expected
    assert data["count"] in (0, 2, 5)  # only the step sees it changed


def test_an_expression_without_the_value_that_it_names() -> None:
    default = {"type": "DynamicCaseResult", "parameter_name": "b", "operations": None}
    row = {
        "data": {"a": 1},
        "data_operations": {},
        "switch": Switch().convert({"type": "CasesDefinition", "cases": [], "default": default}),
    }
    with pytest.raises(StepFailed, match="no value is named 'b'; named are 'a'"):
        blocks["Expression"].run(row, STEP)
    row["data_operations"] = OperationsByName().convert({"c": [COUNT]})
    with pytest.raises(StepFailed, match="no value is named 'c'; named are 'a'"):
        blocks["Expression"].run(row, STEP)
    with pytest.raises(StepFailed, match="takes an object of values by name, and got a list of 0"):
        blocks["Expression"].run({**row, "data": []}, STEP)


@pytest.mark.parametrize(("values", "output"), [([None, 0, 1], 0), ([None, None], "none"), ([], "none"), ([[], 1], [])])
def test_the_first_that_is_there(values: list[Any], output: Any) -> None:
    assert blocks["FirstNonEmptyOrDefault"].run({"data": values, "default": "none"}, STEP) == {"output": output}


def test_the_first_of_what_is_no_list() -> None:
    with pytest.raises(StepFailed, match="data takes a list of values"):
        blocks["FirstNonEmptyOrDefault"].run({"data": 5, "default": None}, STEP)


@pytest.mark.parametrize("count", [0, 1])
def test_whether_steps_go_on(count: int) -> None:
    condition = Condition().convert(group(binary(dynamic("count"), "(Number) >", static(0))))
    row = {"condition_statement": condition, "evaluation_parameters": {"count": count}, "stop_delay": 0}
    assert blocks["ContinueIf"].run(row, STEP) == {"next": count > 0}


WIDE = {
    "type": "ContinueIf",
    "name": "gate",
    "condition_statement": group(binary(dynamic("picture", WIDTH), "(Number) >", dynamic("limit"))),
    "evaluation_parameters": {"picture": "$inputs.image", "limit": 6},
    "next_steps": ["$steps.side"],
}
SIDE = step("side", "side", image="$inputs.image")
EITHER = {"type": "FirstNonEmptyOrDefault", "name": "either", "data": ["$steps.side.side"], "default": "narrow"}
KEPT = {"type": "DetectionsFilter", "name": "kept", "predictions": "$steps.side.side", "operations": []}


@pytest.mark.parametrize("limit", [6, "$inputs.times", None])
def test_a_condition_decides_picture_by_picture(limit: Any, run: Run) -> None:
    gate = {**WIDE, "evaluation_parameters": {"picture": "$inputs.image", "limit": limit}} if limit else WIDE
    document = spec(gate, SIDE, EITHER, outputs={"side": "$steps.side.side", "either": "$steps.either.output"})
    rows = run(document, image=[png(4), png(8)], times=6)
    assert rows == [{"side": None, "either": "narrow"}, {"side": 8, "either": 8}]


def test_a_property_of_pictures_and_of_their_crops(run: Run) -> None:
    crops = step("halves", "cut", image="$inputs.image")
    whole = {"type": "PropertyDefinition", "name": "whole", "data": "$inputs.image", "operations": [WIDTH]}
    parts = {**whole, "name": "parts", "data": "$steps.cut.crops"}
    document = spec(crops, whole, parts, outputs={"whole": "$steps.whole.output", "parts": "$steps.parts.output"})
    assert run(document, image=[png(8), png(5)]) == [{"whole": 8, "parts": [4, 4]}, {"whole": 5, "parts": [2, 3]}]


def test_an_expression_of_steps_and_inputs(run: Run) -> None:
    case = {
        "type": "CaseDefinition",
        "condition": group(binary(dynamic("side"), "==", dynamic("times"))),
        "result": {"type": "StaticCaseResult", "value": "PASS"},
    }
    default = {"type": "StaticCaseResult", "value": "FAIL"}
    says = {
        "type": "Expression",
        "name": "says",
        "data": {"side": "$steps.side.side", "times": "$inputs.times"},
        "switch": {"type": "CasesDefinition", "cases": [case], "default": default},
    }
    rows = run(spec(SIDE, says, outputs={"o": "$steps.says.output"}), image=[png(4), png(8)], times=8)
    assert rows == [{"o": "FAIL"}, {"o": "PASS"}]


@pytest.mark.parametrize(
    ("steps", "field", "details"),
    [
        (
            [{**KEPT, "operations": [{"type": "Sum"}]}],
            "operations",
            'operations: [0].type is "Sum", which is no type of operation; there are Classif',
        ),
        (
            [{**KEPT, "operations": "$inputs.times"}],
            "operations",
            "operations is '$inputs.times'; it takes no selector",
        ),
        ([{**KEPT, "operations": {}}], "operations", "operations is an object; it takes a list of operations, such as"),
        (
            [{**WIDE, "condition_statement": {**WIDE["condition_statement"], "operator": "xor"}}],
            "condition_statement",
            'condition_statement: operator is "xor"; it takes one of "and", "or"',
        ),
        ([{**WIDE, "stop_delay": -1}], "stop_delay", "stop_delay is -1; it takes a number of 0 or more"),
        (
            [{"type": "Expression", "name": "says", "data": {}, "switch": 5}],
            "switch",
            "switch is 5; it takes an object, the type of switch and its members",
        ),
    ],
)
def test_what_is_wrong_with_a_step(steps: list[Any], field: str, details: str) -> None:
    with pytest.raises(SyntaxFault) as wrong:
        compile_workflow(spec(SIDE, *steps))
    (fault,) = wrong.value.faults
    assert (fault.block, fault.field) == (steps[0]["name"], field)
    assert fault.details.startswith(details)


def test_a_filter_takes_detections_only() -> None:
    with pytest.raises(WrongKind):
        compile_workflow(spec(SIDE, KEPT))
